import MinkeCore
import Synchronization

/// Lets so many in at a time; some more wait for their turn, in the order in which they came.
final class Gate: Sendable {
  private struct State {
    var inside = 0
    var waiting: [(number: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    var next = 0
    var cancelled: Set<Int> = []
  }

  private let name: String
  private let width: Int
  private let limit: Int
  private let state = Mutex(State())

  /// - Parameters:
  ///   - name: what is done inside, for who is told that too many wait.
  ///   - width: how many are let in at a time.
  ///   - limit: how many may wait.
  init(_ name: String, width: Int, waiting limit: Int) { (self.name, self.width, self.limit) = (name, width, limit) }

  /// How many are inside.
  var insideCount: Int { state.withLock(\.inside) }

  /// Waits for a place; ``leave()`` gives it back.
  ///
  /// - Throws: `Failure` when too many wait; `CancellationError`.
  func enter() async throws {
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let outcome = state.withLock { state -> Result<Void, any Error>? in
          if state.cancelled.remove(number) != nil { return .failure(CancellationError()) }
          if state.inside < width {
            state.inside += 1
            return .success(())
          }
          guard state.waiting.count < limit else { return .failure(Failure.busy(name)) }
          state.waiting.append((number, continuation))
          return nil
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      let continuation = state.withLock { state -> CheckedContinuation<Void, any Error>? in
        guard let place = state.waiting.firstIndex(where: { $0.number == number }) else {
          state.cancelled.insert(number)
          return nil
        }
        return state.waiting.remove(at: place).continuation
      }
      continuation?.resume(throwing: CancellationError())
    }
    state.withLock { _ = $0.cancelled.remove(number) }
  }

  func leave() {
    let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
      guard !state.waiting.isEmpty else {
        state.inside -= 1
        return nil
      }
      return state.waiting.removeFirst().continuation
    }
    next?.resume()
  }

  /// Does `work` inside.
  func within<Result: Sendable>(_ work: () async throws -> Result) async throws -> Result {
    try await enter()
    defer { leave() }
    return try await work()
  }
}
