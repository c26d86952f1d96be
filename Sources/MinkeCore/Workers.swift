import Dispatch
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Loops spread over the processor's cores.
public enum Workers {
  /// How many threads work at once: the environment variable `MINKE_THREADS`, or one for each core this process may use.
  public static let count: Int = {
    let cores = max(1, ProcessInfo.processInfo.activeProcessorCount)
    guard let text = ProcessInfo.processInfo.environment["MINKE_THREADS"], let wanted = Int(text), wanted > 0
    else { return cores }
    return min(wanted, 1024)
  }()

  /// Calls `body` for consecutive pieces of `0..<count`, each of `grain` elements but the last, on all cores.
  ///
  /// The pieces depend only on `count` and `grain`, so what is computed for one does not depend on the number of
  /// threads. `worker` is below ``count`` and never in use by two calls at once: it selects scratch memory.
  /// The calling thread takes part and returns when all pieces are done.
  ///
  /// - Throws: the first error that `body` throws, or `CancellationError` when the calling task was cancelled; the
  ///   pieces not yet begun are then left out.
  public static func forEachPiece(
    of count: Int, grain: Int, _ body: @Sendable (_ piece: Range<Int>, _ worker: Int) throws -> Void
  ) throws {
    guard count > 0 else { return }
    let grain = max(1, grain)
    let pieces = (count + grain - 1) / grain
    let threads = min(Workers.count, pieces)
    if threads == 1 {
      for piece in 0..<pieces {
        try Task.checkCancellation()
        try body(piece * grain..<min(count, (piece + 1) * grain), 0)
      }
      return
    }
    let next = Atomic<Int>(0)
    let failure = Mutex<(any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: threads) { worker in
      while true {
        let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard piece < pieces else { return }
        do {
          // Only the calling thread runs inside the caller's task; the others learn of its end from `next`.
          try Task.checkCancellation()
          try body(piece * grain..<min(count, (piece + 1) * grain), worker)
        } catch {
          failure.withLock { if $0 == nil { $0 = error } }
          next.store(pieces, ordering: .relaxed)
          return
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }

  /// What `transform` gives for each of `0..<count`, in order, computed on all cores, `grain` at a time.
  ///
  /// - Throws: as ``forEachPiece(of:grain:_:)``.
  public static func map<Value: Sendable>(
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
}
