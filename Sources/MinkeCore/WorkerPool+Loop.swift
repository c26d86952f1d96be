import Dispatch
import Synchronization

extension WorkerPool {
  /// One loop and how far it has come.
  // SAFETY of @unchecked: `body` is set before the loop is shared and taken away when no helper is inside any more;
  // `sleeper` is written before `helpers` says so.
  final class Loop: @unchecked Sendable {
    typealias Body = (_ piece: Int, _ worker: Int) throws -> Void

    let pieces: Int
    /// Threads with numbers below it take part.
    let workers: Int
    let task: UnsafeCurrentTask?
    private var body: Body?
    /// The next piece; none is left from `pieces` on.
    private let next = Atomic<Int>(0)
    /// Helpers inside, and `callerSleeps` where the caller is to be woken by the last.
    private let helpers = Atomic<Int>(0)
    private static let callerSleeps = 1 << 32
    private var sleeper: DispatchSemaphore?
    private let failure = Mutex<(any Error)?>(nil)

    init(pieces: Int, workers: Int, task: UnsafeCurrentTask?, _ body: @escaping Body) {
      self.pieces = pieces
      self.workers = workers
      self.task = task
      self.body = body
    }

    /// Whether all pieces are taken.
    var isTaken: Bool { next.load(ordering: .relaxed) >= pieces }

    /// Whether no helper is inside.
    var isComplete: Bool { helpers.load(ordering: .acquiring) == 0 }

    /// Does the next piece; false where there is none.
    func doPiece(as worker: Int) -> Bool {
      guard !isTaken else { return false }
      let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard piece < pieces else { return false }
      do {
        // Whether the task is cancelled may be asked from any thread, as long as the task lives.
        if let task, task.isCancelled { throw CancellationError() }
        try perform(piece, worker)
      } catch {
        failure.withLock { if $0 == nil { $0 = error } }
        next.store(pieces, ordering: .relaxed)
      }
      return true
    }

    /// Leaves out the pieces that nobody has begun.
    func abandon() { next.store(pieces, ordering: .relaxed) }

    /// Kept out of line so that nothing holds on to `body` once the piece counts as done.
    @inline(never)
    private func perform(_ piece: Int, _ worker: Int) throws { try body?(piece, worker) }

    func enter() { helpers.add(1, ordering: .acquiringAndReleasing) }

    func leave() {
      if helpers.subtract(1, ordering: .acquiringAndReleasing).newValue == Self.callerSleeps { sleeper?.signal() }
    }

    /// To be called once nobody can enter any more.
    func waitForHelpers() {
      let signal = DispatchSemaphore(value: 0)
      sleeper = signal
      if helpers.add(Self.callerSleeps, ordering: .acquiringAndReleasing).oldValue > 0 { signal.wait() }
    }

    /// Lets go of the body, and gives the error that ended the loop.
    func end() -> (any Error)? {
      body = nil
      return failure.withLock { $0 }
    }
  }
}
