/// Whether a piece of work is done by the calling thread or spread over all workers.
///
/// A batch large enough is split over the workers as a whole, each of which then works alone; a single text is not, and
/// its inner loops are spread instead.
public enum Threads: Sendable {
  case one
  case all

  /// Calls `body` for consecutive pieces of `0..<count`: once with the whole, or on all workers with pieces of
  /// `grain` elements or more. `worker` is as in ``Workers/forEachPiece(of:grain:_:)``.
  ///
  /// How the range is cut depends on the number of workers, so `body` must treat each element by itself.
  public func forEachPiece(
    of count: Int, atLeast grain: Int, _ body: @Sendable (_ piece: Range<Int>, _ worker: Int) throws -> Void
  ) throws {
    switch self {
    case .one: try body(0..<count, 0)
    case .all:
      let share = (count + Workers.count - 1) / Workers.count
      try Workers.forEachPiece(of: count, grain: max(grain, share), body)
    }
  }
}
