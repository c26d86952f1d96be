import Foundation
import MinkeCore
import Synchronization

/// The Model Context Protocol over standard input and output: a message a line.
struct AgentPipe: Sendable {
  private let agent: AgentProtocol
  private let output = Output()

  init(_ holdings: Holdings) { agent = AgentProtocol(holdings) }

  /// One message is written at a time.
  private final class Output: Sendable {
    private let isOpen = Mutex(true)

    func write(_ message: JSONValue) {
      isOpen.withLock { isOpen in
        guard isOpen else { return }
        do {
          try FileHandle.standardOutput.write(contentsOf: Data((message.text + "\n").utf8))
        } catch {
          // Nobody reads any more; the end of the input follows.
          isOpen = false
        }
      }
    }
  }

  /// The requests that are being answered, by their ids.
  private final class Calls: Sendable {
    private let tasks = Mutex<[String: Task<Void, Never>]>([:])

    func add(_ id: JSONValue, _ work: @escaping @Sendable () async -> Void) {
      tasks.withLock { tasks in
        // Noted before it can end.
        tasks[id.text] = Task {
          await work()
          self.tasks.withLock { _ = $0.removeValue(forKey: id.text) }
        }
      }
    }

    func cancel(_ id: JSONValue) { tasks.withLock { $0[id.text] }?.cancel() }

    func finish() async { for task in tasks.withLock({ Array($0.values) }) { await task.value } }
  }

  /// Answers until the input ends.
  func run() async {
    let calls = Calls()
    for await line in Self.lines() where !line.allSatisfy(\.isWhitespace) {
      let value: JSONValue
      do {
        value = try Array(line.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "message") }
      } catch {
        output.write(AgentProtocol.reply(nil, .failure(.parse)))
        continue
      }
      let message: AgentProtocol.Message
      do throws(AgentProtocol.Fault) {
        if value["method"] == nil, value["result"] != nil || value["error"] != nil { continue }
        message = try AgentProtocol.Message(value)
      } catch {
        output.write(AgentProtocol.reply(nil, .failure(error)))
        continue
      }
      guard let id = message.id else {
        if message.method == "notifications/cancelled", let id = message.parameters["requestId"] { calls.cancel(id) }
        continue
      }
      let (agent, output) = (agent, output)
      calls.add(id) {
        do {
          output.write(AgentProtocol.reply(id, .success(try await agent.answer(message))))
        } catch let fault as AgentProtocol.Fault {
          output.write(AgentProtocol.reply(id, .failure(fault)))
        } catch {
          // A request that was cancelled is not answered.
        }
      }
    }
    await calls.finish()
  }

  /// The lines of standard input, read on a thread of their own.
  private static func lines() -> AsyncStream<String> {
    let (stream, continuation) = AsyncStream<String>.makeStream()
    Thread.detachNewThread {
      while let line = readLine() { continuation.yield(line) }
      continuation.finish()
    }
    return stream
  }
}
