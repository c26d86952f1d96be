import MinkeCore
import Synchronization

/// Gathers calls that come while others are being worked on, and works on those of one kind together.
///
/// Nothing waits in order to be gathered: a call that finds nobody at work is worked on at once, and those that come
/// meanwhile are the next batch.
final class Gatherer<Kind: Hashable & Sendable, Input: Sendable, Output: Sendable>: Sendable {
  /// Does the work of several calls of one kind; gives an output for each.
  typealias Work = @Sendable (Kind, [Input]) async throws -> [Output]

  private struct Call {
    let number: Int
    let kind: Kind
    let input: Input
    let weight: Int
    let continuation: CheckedContinuation<Output, any Error>
  }

  private struct State {
    var calls: [Call] = []
    var weight = 0
    var next = 0
    var isWorking = false
    /// Calls whose task was cancelled before they were noted.
    var cancelled: Set<Int> = []
  }

  private let name: String
  private let batchWeight: Int
  private let limit: Int
  private let work: Work
  private let state = Mutex(State())

  /// - Parameters:
  ///   - name: what the calls are, for who is told that there are too many.
  ///   - batchWeight: weight of the calls that are worked on together, at most, but for one that is heavier alone.
  ///   - limit: weight of the calls that may wait.
  init(_ name: String, batchWeight: Int, limit: Int, work: @escaping Work) {
    (self.name, self.batchWeight, self.limit, self.work) = (name, batchWeight, limit, work)
  }

  /// Weight of the calls that wait.
  var waitingWeight: Int { state.withLock(\.weight) }

  /// Whether nobody is at work and nothing waits.
  var isIdle: Bool { state.withLock { !$0.isWorking } }

  /// - Throws: `Failure` when too many calls wait; what the work throws; `CancellationError`.
  func callAsFunction(_ kind: Kind, _ input: Input, weight: Int) async throws -> Output {
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    defer { if Task.isCancelled { _ = state.withLock { $0.cancelled.remove(number) } } }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let call = Call(number: number, kind: kind, input: input, weight: weight, continuation: continuation)
        let outcome = state.withLock { state -> Result<Bool, any Error> in
          if state.cancelled.remove(number) != nil { return .failure(CancellationError()) }
          // One that would never fit is taken where nothing else waits.
          guard state.weight == 0 || state.weight + weight <= limit else { return .failure(Failure.busy(name)) }
          state.calls.append(call)
          state.weight += weight
          defer { state.isWorking = true }
          return .success(!state.isWorking)
        }
        switch outcome {
        case .failure(let error): continuation.resume(throwing: error)
        case .success(true): Task { await self.run() }
        case .success(false): break
        }
      }
    } onCancel: {
      let call = state.withLock { state -> Call? in
        guard let place = state.calls.firstIndex(where: { $0.number == number }) else {
          // Not noted yet, or being worked on, which then goes on for the others of its batch.
          state.cancelled.insert(number)
          return nil
        }
        state.weight -= state.calls[place].weight
        return state.calls.remove(at: place)
      }
      call?.continuation.resume(throwing: CancellationError())
    }
  }

  private func run() async {
    while let batch = nextBatch() {
      await answer(batch)
    }
  }

  private func nextBatch() -> [Call]? {
    state.withLock { state in
      guard let first = state.calls.first else {
        state.isWorking = false
        return nil
      }
      var batch: [Call] = []
      var rest: [Call] = []
      var weight = 0
      for call in state.calls {
        if call.kind == first.kind, batch.isEmpty || weight + call.weight <= batchWeight {
          batch.append(call)
          weight += call.weight
        } else {
          rest.append(call)
        }
      }
      state.calls = rest
      state.weight -= weight
      return batch
    }
  }

  private func answer(_ batch: [Call]) async {
    do {
      let outputs = try await work(batch[0].kind, batch.map(\.input))
      for (call, output) in zip(batch, outputs) { call.continuation.resume(returning: output) }
    } catch {
      // One of several may be to blame: each is told of its own error only.
      guard batch.count > 1 else { return batch[0].continuation.resume(throwing: error) }
      for call in batch { await answer([call]) }
    }
  }
}
