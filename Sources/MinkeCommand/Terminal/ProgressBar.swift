import Minke
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A bar on standard error for a job that lasts; nothing is drawn for a short one or where no terminal listens.
final class ProgressBar: Sendable {
  private struct State {
    var drawn = false
    var last = ContinuousClock.now
  }

  private let label: String
  private let isShown = isatty(STDERR_FILENO) == 1
  private let state = Mutex(State())
  private let start = ContinuousClock.now

  init(_ label: String) { self.label = label }

  /// What the work calls with its progress.
  var handler: ProgressHandler {
    { [self] completed, total in update(completed, total) }
  }

  private func update(_ completed: Int, _ total: Int) {
    guard isShown, total > 0 else { return }
    let now = ContinuousClock.now
    state.withLock { state in
      guard now - start > .milliseconds(300), now - state.last > .milliseconds(50) || completed == total else { return }
      state.last = now
      state.drawn = true
      let width = 30
      let done = width * completed / total
      let bar = String(repeating: "█", count: done) + String(repeating: "░", count: width - done)
      Self.draw("\r\(label) \(bar) \(100 * completed / total)% ")
    }
  }

  /// Wipes the bar away.
  func finish() {
    state.withLock { state in
      if state.drawn { Self.draw("\r\u{1B}[2K") }
      state.drawn = false
    }
  }

  private static func draw(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
