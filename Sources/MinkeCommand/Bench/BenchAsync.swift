import ArgumentParser
import Foundation
import Minke
import Synchronization

extension BenchCommand {
  struct Async: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "async",
      abstract: "How late a clock of other tasks comes while many tasks encode.",
      discussion: """
        Each of --tasks tasks encodes --count short texts; a task beside them wakes every 10 milliseconds. The same clock \
        beside as many threads that do nothing but count is what the machine itself allows: the floor.
        """)

    @OptionGroup var encoder: EncoderOptions

    @Option(help: "Tasks that encode at once.")
    var tasks = 64

    @Option(help: "Texts of each task.")
    var count = 20_000

    @Flag(help: "Encode by the synchronous form, which holds up the threads of the tasks.")
    var synchronous = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
      guard (1...10_000).contains(tasks), (1...10_000_000).contains(count) else {
        throw ValidationError("--tasks is 1 to 10000, --count 1 to 10000000.")
      }
    }

    func run() async throws {
      let model = try await encoder.load()
      let texts = (0..<count).map { "a short text of no importance, number \($0)" }
      let clock = ContinuousClock()
      let start = clock.now
      let lateness = try await withThrowingTaskGroup(of: [Double].self) { group in
        group.addTask { await Self.tick() }
        try await withThrowingTaskGroup(of: Void.self) { workers in
          for _ in 0..<tasks { workers.addTask { try await encode(texts, with: model) } }
          try await workers.waitForAll()
        }
        group.cancelAll()
        return try await group.next() ?? []
      }
      let seconds = (clock.now - start) / .seconds(1)
      let sorted = lateness.sorted()
      let floor = await Self.floor().sorted()

      var report = FigureReport()
      report.add("model", "\(model.identity)")
      report.add("threads", Double(Workers.count), "")
      report.add("texts", Double(tasks * count) / seconds, "texts/s")
      report.add("ticks", Double(sorted.count), "")
      report.add("late_median", sorted.isEmpty ? 0 : sorted[sorted.count / 2], "ms")
      report.add("late_99", sorted.isEmpty ? 0 : sorted[sorted.count * 99 / 100], "ms")
      report.add("late_most", sorted.last ?? 0, "ms")
      report.add("floor_99", floor.isEmpty ? 0 : floor[floor.count * 99 / 100], "ms")
      report.add("floor_most", floor.last ?? 0, "ms")
      try report.print(json: json)
    }

    /// How late each tick came, in milliseconds, until the task is cancelled.
    private static func tick() async -> [Double] {
      let clock = ContinuousClock()
      var lateness: [Double] = []
      while !Task.isCancelled {
        let due = clock.now + .milliseconds(10)
        // Cancelled half-way, it comes early, which is no lateness.
        guard (try? await Task.sleep(until: due, clock: clock)) != nil else { break }
        lateness.append((clock.now - due) / .milliseconds(1))
      }
      return lateness
    }

    /// The same beside threads that count for two seconds.
    private static func floor() async -> [Double] {
      let end = ContinuousClock.now + .seconds(2)
      let counted = Counter()
      for _ in 0..<Workers.count {
        Thread { while ContinuousClock.now < end { counted.value.add(1, ordering: .relaxed) } }.start()
      }
      let ticks = Task { await tick() }
      try? await Task.sleep(until: end, clock: .continuous)
      ticks.cancel()
      return await ticks.value
    }

    private final class Counter: Sendable {
      let value = Atomic(0)
    }

    private func encode(_ texts: [String], with model: any TextEncoder) async throws {
      if synchronous { try encodeNow(texts, with: model) } else { _ = try await model.encode(texts) }
    }

    private func encodeNow(_ texts: [String], with model: any TextEncoder) throws { _ = try model.encode(texts) }
  }
}
