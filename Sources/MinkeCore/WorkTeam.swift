import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Threads that stay at hand for many short loops one after the other, such as the products of one decoded token.
///
/// ``Workers`` wakes threads for each loop, which takes longer than such a loop itself. The helpers of a team wait
/// actively between loops, so a team should live no longer than its work, some milliseconds. The thread that runs the
/// team does every piece itself that no helper takes, so a loop ends even where no helper ever arrives.
public final class WorkTeam: Sendable {
  private typealias Work = (_ piece: Int, _ worker: Int) -> Void

  /// The pieces of the present loop that nobody has taken yet.
  private let open = Atomic<Int>(0)
  /// The pieces of the present loop that are not done yet.
  private let unfinished = Atomic<Int>(0)
  private let isDismissed = Atomic<Bool>(false)
  // SAFETY: written only while no piece is open or unfinished, read only between taking a piece and finishing it.
  nonisolated(unsafe) private var work: Work?

  private init() {}

  /// Calls `body` with a team of ``Workers/count`` threads, the calling one among them.
  public static func run<Result>(_ body: (WorkTeam) throws -> Result) rethrows -> Result {
    let team = WorkTeam()
    defer { team.isDismissed.store(true, ordering: .releasing) }
    for worker in 1..<max(1, Workers.count) {
      DispatchQueue.global(qos: .userInitiated).async { team.help(as: worker) }
    }
    return try body(team)
  }

  /// Calls `body` for consecutive pieces of `0..<count`, each of `grain` elements but the last, on all threads.
  ///
  /// Like ``Workers/forEachPiece(of:grain:_:)``, for work that neither fails nor is cancelled half-way. Only the thread
  /// that runs the team may call it, one loop at a time.
  public func forEachPiece(of count: Int, grain: Int, _ body: @Sendable (_ piece: Range<Int>, _ worker: Int) -> Void) {
    let grain = max(1, grain)
    let pieces = (count + grain - 1) / grain
    guard pieces > 1, Workers.count > 1 else {
      if count > 0 { for piece in 0..<pieces { body(piece * grain..<min(count, (piece + 1) * grain), 0) } }
      return
    }
    withoutActuallyEscaping(body) { body in
      work = { piece, worker in body(piece * grain..<min(count, (piece + 1) * grain), worker) }
      unfinished.store(pieces, ordering: .relaxed)
      open.store(pieces, ordering: .releasing)
      while takePiece(as: 0) {}
      var patience = 0
      while unfinished.load(ordering: .acquiring) > 0 { Self.wait(&patience) }
      work = nil
    }
  }

  /// Does one open piece; false when there is none.
  private func takePiece(as worker: Int) -> Bool {
    var left = open.load(ordering: .acquiring)
    while left > 0 {
      let (exchanged, found) = open.weakCompareExchange(
        expected: left, desired: left - 1, ordering: .acquiringAndReleasing)
      if exchanged {
        doPiece(left - 1, as: worker)
        unfinished.subtract(1, ordering: .releasing)
        return true
      }
      left = found
    }
    return false
  }

  /// Kept out of line so that nothing holds on to `work` once the piece counts as done.
  @inline(never)
  private func doPiece(_ piece: Int, as worker: Int) { work?(piece, worker) }

  private func help(as worker: Int) {
    var patience = 0
    while !isDismissed.load(ordering: .acquiring) {
      if takePiece(as: worker) { patience = 0 } else { Self.wait(&patience) }
    }
  }

  /// Lets a moment pass: first by doing nothing, later by giving the processor to others.
  private static func wait(_ patience: inout Int) {
    patience += 1
    if patience > 200 { sched_yield() }
  }
}
