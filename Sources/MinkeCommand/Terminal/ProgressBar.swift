import Minke
import MinkeTraining
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
  enum Unit { case pieces, bytes, passages }

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

  /// Hears of passages made, and how many of how many bytes they are from; with no end known there is no bar, only the
  /// count.
  func passages(_ passages: Int, bytes: Int, of total: Int) {
    draw(isLast: false) { seconds in
      let rate = "\(passages) passages, \(Int(Double(passages) / max(seconds, 1e-9)))/s"
      guard total > 0 else { return "\r\(label) \(rate)\u{1B}[K" }
      return Self.line(label, rate: rate, min(bytes, total), total, seconds: seconds)
    }
  }

  /// Hears how many of what were read; how many there are is not known.
  func count(_ count: Int, _ what: String) {
    draw(isLast: false) { seconds in
      "\r\(label) \(count) \(what), \(Int(Double(count) / max(seconds, 1e-9)))/s\u{1B}[K"
    }
  }

  /// Hears of a step of training.
  func training(_ progress: TrainingRun.Progress) {
    draw(isLast: progress.step == progress.steps) { _ in
      let figures = "loss \(fixed(progress.loss, digits: 4)) rate \(fixed(progress.rate, digits: 5))"
      return Self.line(
        label, rate: "\(figures) \(Int(progress.textsPerSecond)) texts/s", progress.step, progress.steps,
        left: progress.secondsLeft)
    }
  }

  private func update(_ completed: Int, _ total: Int) {
    guard total > 0 else { return }
    draw(isLast: completed == total) { Self.line(label, unit, completed, total, seconds: $0) }
  }

  private func draw(isLast: Bool, _ line: (_ seconds: Double) -> String) {
    guard isShown else { return }
    let now = ContinuousClock.now
    lastDrawn.withLock { last in
      guard now - start > .milliseconds(300), now - last > .milliseconds(50) || isLast else { return }
      last = now
      Self.isDrawn.store(true, ordering: .relaxed)
      Self.draw(line((now - start) / .seconds(1)))
    }
  }

  /// `encoding ████░░ 40% 1.2 MB/s 0:31 left`, from the first column on.
  static func line(_ label: String, _ unit: Unit, _ completed: Int, _ total: Int, seconds: Double) -> String {
    let rate = Double(completed) / max(seconds, 1e-9)
    let speed = unit == .bytes ? byteSize(Int(rate)) : rate < 10 ? fixed(rate, digits: 1) : String(Int(rate))
    return Self.line(label, rate: "\(speed)/s", completed, total, seconds: seconds)
  }

  private static func line(_ label: String, rate: String, _ completed: Int, _ total: Int, seconds: Double) -> String {
    let part = min(1, Double(completed) / Double(total))
    return line(label, rate: rate, completed, total, left: part > 0 ? seconds / part * (1 - part) : nil)
  }

  private static func line(_ label: String, rate: String, _ completed: Int, _ total: Int, left: Double?) -> String {
    let width = 30
    let part = min(1, Double(completed) / Double(total))
    let done = Int(Double(width) * part)
    let bar = String(repeating: "█", count: done) + String(repeating: "░", count: width - done)
    var line = "\r\(label) \(bar) \(Int(100 * part))% \(rate)"
    if let left { line += " \(time(left.rounded(.up))) left" }
    return line + "\u{1B}[K"
  }

  /// Minutes and seconds, such as `0:31`.
  static func time(_ seconds: Double) -> String {
    let seconds = Int(min(seconds, 1e9))
    return "\(seconds / 60):\(seconds % 60 < 10 ? "0" : "")\(seconds % 60)"
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
