import Foundation
import MinkeCore
import MinkeEvaluation

/// What a run noted, step by step: the lines of `metrics.jsonl`, and the curves drawn from them.
struct RunMetrics {
  private let url: URL
  private let handle: FileHandle
  /// The loss of each step, and what was measured between steps, by its name.
  private(set) var losses: [Chart.Point] = []
  private(set) var measured: [(name: String, points: [Chart.Point])] = []

  /// Goes on with the lines at `url` of steps up to `step`; those behind it are of work that was lost.
  init(_ url: URL, upTo step: Int) throws {
    self.url = url
    var kept: [JSONValue] = []
    if step > 0, FileManager.default.fileExists(atPath: url.path) {
      let text = try String(contentsOf: url, encoding: .utf8)
      // The last line may have been cut off.
      for line in text.split(separator: "\n") {
        guard let json = try? Array(line.utf8).withUnsafeBytes({ try JSONValue(parsing: $0, subject: "") }),
          let number = json["step"]?.integer, number <= step
        else { continue }
        kept.append(json)
      }
    }
    var file = try FileWriter(url)
    for json in kept { try file.write(json.text + "\n") }
    try file.finish()
    handle = try FileHandle(forWritingTo: url)
    try handle.seekToEnd()
    for json in kept { note(json) }
  }

  /// Adds a line: what is known of a step under the name `loss`, or what was measured after it.
  mutating func add(_ members: [String: JSONValue]) throws {
    let json = JSONValue.object(members)
    note(json)
    do {
      try handle.write(contentsOf: Data((json.text + "\n").utf8))
    } catch {
      throw MinkeError(
        .inputOutput, url.relativePath, expected: "room to write", found: error.localizedDescription)
    }
  }

  private mutating func note(_ json: JSONValue) {
    guard let step = json["step"]?.double else { return }
    if let loss = json["loss"]?.double { losses.append(Chart.Point(step, loss)) }
    for (name, value) in (json["measured"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
      guard let value = value.double else { continue }
      if let index = measured.firstIndex(where: { $0.name == name }) {
        measured[index].points.append(Chart.Point(step, value))
      } else {
        measured.append((name, [Chart.Point(step, value)]))
      }
    }
  }

  /// The last value of each thing measured.
  var last: [(name: String, value: Double)] { measured.compactMap { name, points in points.last.map { (name, $0.y) } } }

  /// The loss of rows held out at the first measurement and at the last; nil where there are not two.
  var heldOutLosses: (before: Double, after: Double)? {
    guard let points = measured.first(where: { $0.name == Self.heldOut })?.points, points.count > 1 else { return nil }
    return (points[0].y, points[points.count - 1].y)
  }

  /// The losses as a picture.
  func lossChart(title: String) throws -> Chart {
    let heldOut = measured.filter { $0.name == Self.heldOut }.map { Chart.Series($0.name, $0.points) }
    return try Chart.lines(
      [Chart.Series("loss", smoothed)] + heldOut, title: title, xLabel: "step", yLabel: "loss")
  }

  /// What evaluations gave as a picture; nil where there were none.
  func figureChart(title: String) throws -> Chart? {
    let figures = measured.filter { $0.name != Self.heldOut }.map { name, points in
      Chart.Series(name, points.filter(\.y.isFinite))
    }
    guard figures.contains(where: { !$0.points.isEmpty }) else { return nil }
    return try Chart.lines(figures, title: title, xLabel: "step", yLabel: "figure")
  }

  /// The name of the loss over rows held out.
  static let heldOut = "held-out loss"

  /// The losses in at most 60 points, each the mean of some steps.
  private var smoothed: [Chart.Point] {
    let width = max(1, (losses.count + 59) / 60)
    return stride(from: 0, to: losses.count, by: width).map { start in
      let part = losses[start..<min(losses.count, start + width)]
      let count = Double(part.count)
      return Chart.Point(part.reduce(0) { $0 + $1.x } / count, part.reduce(0) { $0 + $1.y } / count)
    }
  }
}
