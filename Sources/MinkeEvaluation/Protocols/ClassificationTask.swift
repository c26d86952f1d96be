import Foundation
import MinkeCore

/// Classes told from few examples: a logistic regression on the vectors of some texts of each class, tried on others, in
/// ten draws (`mteb`'s `AbsTaskClassification`).
///
/// The folder holds `train.jsonl` and `test.jsonl`, each line with `text` and `label`. Asked for are the vectors of the
/// texts of train that are drawn, in the file's order, then of all of test. Vectors made elsewhere are of all of train.
public struct ClassificationTask: ProtocolTask {
  public static let kind = TaskKind.classification

  public let name: String
  private let train: LabeledTexts
  private let test: LabeledTexts
  private let samples: Int
  private let experiments: Int

  public init(_ folder: TaskFolder) throws {
    name = folder.name
    (train, test) = (
      try LabeledTexts(folder.file("train.jsonl")), try LabeledTexts(folder.file("test.jsonl"))
    )
    guard Set(train.labels).count > 1 else {
      throw try folder.file("train.jsonl").lacks("two classes or more", found: "\(Set(train.labels).count)")
    }
    samples = folder.settings.samplesPerLabel ?? 8
    experiments = folder.settings.experiments ?? 10
  }

  public func run(_ vectors: any TextVectors, seed: UInt32, progress: ProgressHandler?) throws -> TaskResult {
    let classes = Set(train.labels).sorted()
    // Classes that only test has stand behind, where no prediction reaches.
    let unknown = Set(test.labels).subtracting(classes).sorted()
    let codes = Dictionary(uniqueKeysWithValues: (classes + unknown).enumerated().map { ($1, $0) })
    let draws = draws(seed)
    let drawn = Set(draws.joined()).sorted()
    let places = Dictionary(uniqueKeysWithValues: drawn.enumerated().map { ($1, $0) })
    let count = drawn.count + test.texts.count
    let parts = ProgressParts(handler: progress, total: 2 * count)
    let trainRows = try TaskVectors(
      drawn, among: train.texts, called: "train.jsonl", from: vectors, progress: parts.part(after: 0))
    let testRows = try TaskVectors(
      among: test.texts, called: "test.jsonl", from: vectors, progress: parts.part(after: drawn.count))
    try trainRows.requireDimension(of: testRows, called: "test.jsonl")
    let truth = test.labels.map { codes[$0] ?? 0 }
    let meter = parts.steps(draws.count, after: count)
    let outcomes = try Workers.map(count: draws.count) { index in
      defer { meter.advance(by: 1) }
      let draw = draws[index]
      let rows = trainRows.matrix(draw.map { places[$0] ?? 0 })
      return try withExtendedLifetime(rows) {
        try Workers.checkCancellation()
        let model = LogisticRegression(
          rows.view.read, classes: draw.map { codes[train.labels[$0]] ?? 0 }, classCount: classes.count)
        return testRows.withView(model.classes)
      }
    }
    let scores = outcomes.map { ClassificationScores(truth: truth, predicted: $0) }
    var metrics: [TaskResult.Metric] = []
    func add(_ name: String, _ values: [Double]) { metrics.append(TaskResult.Metric(name, values.mean)) }
    add("accuracy", scores.map(\.accuracy))
    add("f1", scores.map(\.f1))
    add("f1_weighted", scores.map(\.f1Weighted))
    add("precision", scores.map(\.precision))
    add("recall", scores.map(\.recall))
    let ofTest = Set(truth).sorted()
    if ofTest.count == 2 {
      // The predictions themselves are the scores.
      add("ap", outcomes.map { AveragePrecision.value($0.map(Double.init), truth.map { $0 == ofTest[1] }) })
    }
    return TaskResult(
      name: name, kind: .classification, settings: ["dimension": "\(testRows.dimension)", "samples": "\(samples)"],
      metrics: metrics, mainMetric: "accuracy",
      items: scores.enumerated().map { TaskResult.Item(id: "draw \($0 + 1)", value: $1.accuracy) },
      warnings: warnings(unknown))
  }

  /// The texts of train that each experiment draws: the first of each class in a shuffled order, which the next one
  /// shuffles further.
  private func draws(_ seed: UInt32) -> [[Int]] {
    var order = Array(train.texts.indices)
    return (0..<experiments).map { _ in
      var random = MersenneTwister(numpy: seed)
      random.shuffle(&order)
      var counts: [TaskLabel: Int] = [:]
      return order.filter { row in
        counts[train.labels[row], default: 0] += 1
        return counts[train.labels[row], default: 0] <= samples
      }
    }
  }

  private func warnings(_ unknown: [TaskLabel]) -> [String] {
    var warnings: [String] = []
    if !unknown.isEmpty {
      let texts = test.labels.count(where: unknown.contains)
      warnings.append(
        "\(texts) texts of test.jsonl count as wrong: train.jsonl has none of their labels ("
          + listed(unknown.map(\.description)) + ")")
    }
    let sizes = Dictionary(train.labels.map { ($0, 1) }, uniquingKeysWith: +)
    let small = sizes.filter { $0.value < samples }.keys.sorted()
    if !small.isEmpty {
      warnings.append(
        "\(small.count) classes have fewer than \(samples) texts in train.jsonl: " + listed(small.map(\.description)))
    }
    return warnings
  }
}

/// Texts and the class of each.
struct LabeledTexts: Sendable {
  let texts: [String]
  let labels: [TaskLabel]

  init(_ file: TaskFile) throws {
    let rows = try file.rows { (try $0.text("text"), try $0.label("label")) }
    guard !rows.isEmpty else { throw file.lacks("lines with \"text\" and \"label\"", found: "none") }
    (texts, labels) = (rows.map(\.0), rows.map(\.1))
  }
}
