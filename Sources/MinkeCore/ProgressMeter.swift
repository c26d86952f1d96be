import Synchronization

/// Adds up the progress of work that many threads do, and tells a ``ProgressHandler``.
package final class ProgressMeter: Sendable {
  private let total: Int
  private let handler: ProgressHandler?
  private let completed = Mutex(0)

  /// - Parameters:
  ///   - total: units of work in all.
  ///   - handler: who hears of it; nil makes the meter do nothing.
  package init(total: Int, handler: ProgressHandler?) {
    self.total = total
    self.handler = handler
  }

  /// Notes that `units` more are done.
  package func advance(by units: Int) {
    guard let handler else { return }
    completed.withLock {
      $0 += units
      handler($0, total)
    }
  }
}
