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
  /// What the units of progress are.
  enum Unit { case pieces, bytes }

  private let label: String
  private let unit: Unit
  private let isShown = isatty(STDERR_FILENO) == 1 && !Style.terminalIsDumb
  private let lastDrawn = Mutex(ContinuousClock.now)
  private let start = ContinuousClock.now
  /// Whether a bar stands on the terminal.
  private static let isDrawn = Atomic(false)

  init(_ label: String, unit: Unit = .pieces) {
    self.label = label
    self.unit = unit
  }

  /// What the work calls with its progress.
  var handler: ProgressHandler {
    { [self] completed, total in update(completed, total) }
  }

  private func update(_ completed: Int, _ total: Int) {
    guard isShown, total > 0 else { return }
    let now = ContinuousClock.now
    lastDrawn.withLock { last in
      guard now - start > .milliseconds(300), now - last > .milliseconds(50) || completed == total else { return }
      last = now
      Self.isDrawn.store(true, ordering: .relaxed)
      Self.draw(Self.line(label, unit, completed, total, seconds: (now - start) / .seconds(1)))
    }
  }

  /// `encoding ████░░ 40% 1.2 MB/s 0:31 left`, from the first column on.
  static func line(_ label: String, _ unit: Unit, _ completed: Int, _ total: Int, seconds: Double) -> String {
    let width = 30
    let part = min(1, Double(completed) / Double(total))
    let done = Int(Double(width) * part)
    let bar = String(repeating: "█", count: done) + String(repeating: "░", count: width - done)
    let rate = Double(completed) / max(seconds, 1e-9)
    let speed = unit == .bytes ? byteSize(Int(rate)) : rate < 10 ? fixed(rate, digits: 1) : String(Int(rate))
    var line = "\r\(label) \(bar) \(Int(100 * part))% \(speed)/s"
    if part > 0 {
      let left = Int((seconds / part * (1 - part)).rounded(.up))
      line += " \(left / 60):\(left % 60 < 10 ? "0" : "")\(left % 60) left"
    }
    return line + "\u{1B}[K"
  }

  /// Wipes the bar away.
  func finish() { lastDrawn.withLock { _ in Self.wipe() } }

  /// Wipes whichever bar there is away.
  static func wipe() {
    if isDrawn.exchange(false, ordering: .relaxed) { draw("\r\u{1B}[2K") }
  }

  private static func draw(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
