import Synchronization

/// The threads that compute: loops spread over the processor's cores, for the whole process.
///
/// However many calls run at once, no more than ``count`` threads compute at any moment, the calling ones among them.
/// Calls at the same time share them fairly: a thread that others wait for passes its place on after about a
/// millisecond, between two pieces of work.
public enum Workers {
  /// How many threads compute at once, 1 to 1024.
  ///
  /// At first the number in the environment variable `MINKE_THREADS`; without it, the processors that this process may
  /// use by its affinity and its container's quota. It may be set at any time, also while work is going on; results
  /// never depend on it.
  public static var count: Int {
    get { WorkerPool.shared.limit }
    set { WorkerPool.shared.limit = min(max(1, newValue), maximum) }
  }

  static let maximum = 1024

  /// Throws if `MINKE_THREADS` is set and no whole number from 1 to 1024. ``count`` passes over such a value.
  public static func checkEnvironment() throws(MinkeError) { _ = try Processors.wanted() }

  /// Calls `body` for consecutive pieces of `0..<count`, each of `grain` elements but the last, on all cores.
  ///
  /// The pieces depend only on `count` and `grain`, so what is computed for one does not depend on the number of
  /// threads. The calling thread takes part and returns when all pieces are done. A loop may be begun within a piece of
  /// another. A thread must not hold a lock that pieces of other loops wait for.
  ///
  /// - Parameters:
  ///   - workers: how many threads at most take part in this loop; nil for ``count``. Whoever has scratch memory for
  ///     each worker says here for how many, since ``count`` may change meanwhile.
  ///   - body: its `worker` is below `workers` and never in use by two pieces of the loop at once.
  /// - Throws: the first error that `body` throws, or `CancellationError` when the calling task was cancelled; the
  ///   pieces not yet begun are then left out.
  package static func forEachPiece(
    of count: Int, grain: Int, workers: Int? = nil,
    _ body: @Sendable (_ piece: Range<Int>, _ worker: Int) throws -> Void
  ) throws {
    guard count > 0 else { return }
    let grain = max(1, grain)
    let pieces = (count - 1) / grain + 1
    guard pieces > 1 else {
      return try WorkerPool.shared.hold {
        try checkCancellation()
        try body(0..<count, 0)
      }
    }
    try WorkerPool.withTask { task in
      try WorkerPool.shared.run(pieces: pieces, workers: workers, task: task) { piece, worker in
        try body(piece * grain..<min(count, (piece + 1) * grain), worker)
      }
    }
  }

  /// Whether the task that began the present loop, or the calling one, was cancelled.
  package static var isCancelled: Bool { WorkerPool.withTask { $0?.isCancelled ?? false } }

  /// Throws `CancellationError` where ``isCancelled`` holds.
  package static func checkCancellation() throws {
    if isCancelled { throw CancellationError() }
  }

  /// Like ``forEachPiece(of:grain:workers:_:)`` for work that neither fails nor is cancelled half-way.
  package static func forEachPieceUninterrupted(
    of count: Int, grain: Int, workers: Int? = nil, _ body: @Sendable (_ piece: Range<Int>, _ worker: Int) -> Void
  ) {
    guard count > 0 else { return }
    let grain = max(1, grain)
    let pieces = (count - 1) / grain + 1
    guard pieces > 1 else { return WorkerPool.shared.hold { body(0..<count, 0) } }
    // Without a task and with a body that throws nothing, there is nothing to throw.
    try? WorkerPool.shared.run(pieces: pieces, workers: workers, task: nil) { piece, worker in
      body(piece * grain..<min(count, (piece + 1) * grain), worker)
    }
  }

  /// What `transform` gives for each of `0..<count`, in order, computed on all cores, `grain` at a time.
  ///
  /// - Throws: as ``forEachPiece(of:grain:workers:_:)``.
  package static func map<Value: Sendable>(
    count: Int, grain: Int = 1, _ transform: @Sendable (Int) throws -> Value
  ) throws -> [Value] {
    let pieces = Mutex<[Int: [Value]]>([:])
    try forEachPiece(of: count, grain: grain) { piece, _ in
      let values = try piece.map(transform)
      pieces.withLock { $0[piece.lowerBound] = values }
    }
    return pieces.withLock { pieces in
      pieces.keys.sorted().flatMap { pieces[$0] ?? [] }
    }
  }

  /// Does two things at once: `first` on the calling thread, and `second` on another where one is free, otherwise here.
  ///
  /// - Throws: the error of either, that of `first` before the other, or `CancellationError`.
  package static func concurrently<First, Second: Sendable>(
    _ first: () throws -> First, _ second: @Sendable () throws -> Second
  ) throws -> (First, Second) {
    var one: First?
    let other = Mutex<Second?>(nil)
    try WorkerPool.withTask { task in
      try WorkerPool.shared.run(
        { one = try first() },
        beside: {
          let value = try second()
          other.withLock { $0 = value }
        }, task: task)
    }
    guard let one, let two = other.withLock({ $0 }) else { preconditionFailure("no error and no result") }
    return (one, two)
  }

  /// Calls `body` with the calling thread counted as one that computes, also between the loops within.
  ///
  /// For many short loops one after the other, such as the products of one decoded token: the thread keeps its place
  /// from one to the next, unless others wait for it too long.
  package static func computing<Result>(_ body: () throws -> Result) rethrows -> Result {
    try WorkerPool.shared.hold(body)
  }

  /// Like ``computing(_:)`` for work of some microseconds on a thread that must not wait: nil, without a call of `body`,
  /// where others compute on all places.
  package static func computingIfFree<Result>(_ body: () throws -> Result) rethrows -> Result? {
    try WorkerPool.shared.holdIfFree(body)
  }

  /// Does blocking work on a thread of its own inside the calling task, so that no thread of Swift's cooperative pool
  /// waits for it.
  ///
  /// The task's local values, priority and cancellation hold within `work`.
  ///
  /// - Throws: what `work` throws.
  public static func run<Result: Sendable>(_ work: @Sendable () throws -> Result) async throws -> Result {
    try await withTaskExecutorPreference(BlockingExecutor.shared) { try work() }
  }

  /// Like ``run(_:)`` for work in several steps: `work` awaits `Task.yield()` between them, and others get their turn.
  package static func runInSteps<Result: Sendable>(
    _ work: @Sendable () async throws -> Result
  ) async throws -> Result {
    try await withTaskExecutorPreference(BlockingExecutor.shared) { try await work() }
  }
}
