import Foundation
import MinkeCore

/// Pairs of texts that belong together told from others by the best threshold of their similarity (`mteb`'s
/// `AbsTaskPairClassification`).
///
/// The folder holds `test.jsonl`, or one other .jsonl file: lines with `sentence1`, `sentence2` and `label`, which is 1
/// for a pair and else 0, or one line with lists of them. Asked for are the vectors of all first texts, then of all second
/// ones. Figures of the model's own similarity (`similarity_ap` and so on) are those of the cosine.
public struct PairClassificationTask: ProtocolTask {
  public static let kind = TaskKind.pairs

  public let name: String
  private let first: [String]
  private let second: [String]
  private let isPair: [Bool]

  public init(_ folder: TaskFolder) throws {
    name = folder.name
    let file = try folder.data()
    let rows = try file.rows { row in
      let (first, second) = (try row.texts("sentence1", "sent1"), try row.texts("sentence2", "sent2"))
      let labels = try row.labels("label", "labels")
      guard first.count == second.count, first.count == labels.count else {
        throw MinkeError(
          .malformedFile, row.subject, expected: "as many texts on either side as labels",
          found: "\(first.count), \(second.count) and \(labels.count)")
      }
      let isPair = try labels.map { label in
        switch label {
        case .number(0), .text("0"): false
        case .number(1), .text("1"): true
        default: throw MinkeError(.malformedFile, row.subject, expected: "labels 0 or 1", found: label.description)
        }
      }
      return (first, second, isPair)
    }
    (first, second, isPair) = (rows.flatMap(\.0), rows.flatMap(\.1), rows.flatMap(\.2))
    guard Set(isPair).count == 2 else {
      throw file.lacks("pairs of both labels, 0 and 1", found: isPair.isEmpty ? "no pairs" : "one label only")
    }
  }

  public func run(_ vectors: any TextVectors, seed: UInt32, progress: ProgressHandler?) throws -> TaskResult {
    let parts = ProgressParts(handler: progress, total: 2 * first.count)
    let left = try TaskVectors(among: first, called: "sentence1", from: vectors, progress: parts.part(after: 0))
    let right = try TaskVectors(
      among: second, called: "sentence2", from: vectors, progress: parts.part(after: first.count))
    try left.requireDimension(of: right, called: "sentence2")
    let similarities = try Workers.map(count: first.count, grain: 256) { RowSimilarities(left[$0], right[$0]) }
    let measures: [(String, [Double])] = [
      ("cosine", similarities.map(\.cosine)), ("manhattan", similarities.map { -$0.manhattan }),
      ("euclidean", similarities.map { -$0.euclidean }), ("dot", similarities.map(\.dot)),
    ]
    let values = measures.map { BestThreshold($1, isPair).figures }
    var metrics: [TaskResult.Metric] = []
    for (index, figure) in BestThreshold.names.enumerated() {
      metrics.append(TaskResult.Metric("max_\(figure)", values.map { $0[index] }.max() ?? .nan))
    }
    for ((measure, _), values) in zip(measures, values) {
      metrics += zip(BestThreshold.names, values).map { TaskResult.Metric("\(measure)_\($0)", $1) }
    }
    return TaskResult(
      name: name, kind: .pairs, settings: ["dimension": "\(left.dimension)"], metrics: metrics, mainMetric: "max_ap")
  }
}

/// How well one threshold tells pairs from others; between equal scores none lies, and one always leaves something on
/// either side.
struct BestThreshold {
  static let names = ["ap", "accuracy", "f1", "precision", "recall"]

  /// The average precision, the best accuracy, and the best F1 with the precision and recall where it is reached.
  let figures: [Double]

  init(_ scores: [Double], _ isPair: [Bool]) {
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    let pairs = isPair.count { $0 }
    var (found, accuracy, best) = (0, 0.0, (f1: 0.0, precision: 0.0, recall: 0.0))
    for place in 0..<max(0, order.count - 1) {
      if isPair[order[place]] { found += 1 }
      if scores[order[place]] == scores[order[place + 1]] { continue }
      let others = order.count - pairs - (place + 1 - found)
      accuracy = max(accuracy, Double(found + others) / Double(order.count))
      guard found > 0 else { continue }
      let (precision, recall) = (Double(found) / Double(place + 1), Double(found) / Double(pairs))
      let f1 = 2 * precision * recall / (precision + recall)
      if f1 > best.f1 { best = (f1, precision, recall) }
    }
    figures = [AveragePrecision.value(scores, isPair), accuracy, best.f1, best.precision, best.recall]
  }
}

/// How close two vectors are.
struct RowSimilarities: Sendable {
  let cosine: Double
  let dot: Double
  let euclidean: Double
  let manhattan: Double

  init(_ first: ArraySlice<Float>, _ second: ArraySlice<Float>) {
    var (dot, ofFirst, ofSecond, squares, distance) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for (x, y) in zip(first, second) {
      let (x, y) = (Double(x), Double(y))
      dot += x * y
      ofFirst += x * x
      ofSecond += y * y
      squares += (x - y) * (x - y)
      distance += (x - y).magnitude
    }
    let length = (ofFirst * ofSecond).squareRoot()
    self.dot = dot
    cosine = length > 0 ? dot / length : 0
    (euclidean, manhattan) = (squares.squareRoot(), distance)
  }
}
