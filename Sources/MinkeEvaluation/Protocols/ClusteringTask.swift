import Foundation
import MinkeCore

/// Classes found by mini-batch k-means on the vectors, judged by V-measure.
///
/// The folder holds `test.jsonl`, or one other .jsonl file, in either of two forms:
/// * lines with the lists `sentences` and `labels` are clustered one by one (`mteb`'s `AbsTaskClusteringLegacy`).
///   Asked for are the vectors of all sentences, line after line.
/// * lines with `text` and `label` are clustered in ten draws with replacement out of 2,048 documents at most
///   (`AbsTaskClustering`). A label may be a list, from the widest class to the narrowest; each level is clustered by
///   itself, and documents without it, or with the label -1, are left out there. Asked for are the vectors of the documents
///   chosen, in the file's order. Vectors made elsewhere are of all documents.
public struct ClusteringTask: ProtocolTask {
  public static let kind = TaskKind.clustering

  public let name: String
  private let form: Form
  private let batch: Int?

  private enum Form: Sendable {
    case sets([(texts: [String], labels: [TaskLabel])])
    case documents(texts: [String], labels: [[TaskLabel]], most: Int, drawn: Int, experiments: Int)
  }

  public init(_ folder: TaskFolder) throws {
    name = folder.name
    batch = folder.number("batch_size")
    let file = try folder.data()
    var isSets = false
    try file.forEachRow(atMost: 1) { isSets = $0.isList("sentences") && $0.isList("labels") }
    if isSets {
      let sets = try file.rows { row in
        let (texts, labels) = (try row.texts("sentences"), try row.labels("labels"))
        guard texts.count == labels.count, !texts.isEmpty else {
          throw MinkeError(
            .malformedFile, row.subject, expected: "a label for each sentence",
            found: "\(texts.count) sentences and \(labels.count) labels")
        }
        return (texts: texts, labels: labels)
      }
      form = .sets(sets)
    } else {
      let rows = try file.rows { (try $0.text("text", "sentences"), try $0.labels("label", "labels")) }
      guard Set(rows.map(\.1)).count > 1 else {
        throw file.lacks("documents of two classes or more", found: "\(Set(rows.map(\.1)).count)")
      }
      form = .documents(
        texts: rows.map(\.0), labels: rows.map(\.1), most: folder.number("max_documents", default: 2048),
        drawn: folder.number("documents_per_experiment", default: 16_384),
        experiments: folder.number("experiments", default: 10))
    }
  }

  public func run(_ vectors: any TextVectors, seed: UInt32, progress: ProgressHandler?) throws -> TaskResult {
    switch form {
    case .sets(let sets): try run(sets, vectors, seed, progress)
    case .documents(let texts, let labels, let most, let drawn, let experiments):
      try run(texts, labels, most, drawn, experiments, vectors, seed, progress)
    }
  }

  // MARK: Sets

  private func run(
    _ sets: [(texts: [String], labels: [TaskLabel])], _ vectors: any TextVectors, _ seed: UInt32,
    _ progress: ProgressHandler?
  ) throws -> TaskResult {
    let rows = try VectorRows(among: sets.flatMap(\.texts), called: "sentences", from: vectors, progress: progress)
    var starts: [Int] = []
    var next = 0
    for set in sets {
      starts.append(next)
      next += set.texts.count
    }
    let values = try Workers.map(count: sets.count) { [starts] index in
      try Workers.checkCancellation()
      let (start, labels) = (starts[index], sets[index].labels)
      let (classes, count) = Self.codes(labels)
      guard count > 1 else { return 1.0 }
      let clusters = MiniBatchKMeans(clusters: count, batch: batch ?? 500, seed: seed)
        .clusters(of: Array(start..<start + labels.count), in: rows)
      return VMeasure.value(classes: classes, clusters: clusters)
    }
    let single = sets.indices.filter { Set(sets[$0].labels).count == 1 }
    return result(
      ["dimension": "\(rows.dimension)"],
      zip(sets.indices, values).map { TaskResult.Item(id: "set \($0 + 1)", value: $1) },
      single.isEmpty
        ? []
        : ["\(single.count) sets have one class only, which counts as 1: set " + listed(single.map { "\($0 + 1)" })])
  }

  // MARK: Documents

  private func run(
    _ texts: [String], _ labels: [[TaskLabel]], _ most: Int, _ drawn: Int, _ experiments: Int,
    _ vectors: any TextVectors, _ seed: UInt32, _ progress: ProgressHandler?
  ) throws -> TaskResult {
    var random = MersenneTwister(python: seed)
    let sample = random.sample(min(most, texts.count), below: texts.count)
    let chosen = sample.sorted()
    let places = Dictionary(uniqueKeysWithValues: chosen.enumerated().map { ($1, $0) })
    let rows = try VectorRows(chosen, among: texts, called: "documents", from: vectors, progress: progress)
    let depth = sample.map { labels[$0].count }.max() ?? 0
    var items: [TaskResult.Item] = []
    var warnings: [String] = []
    for level in 0..<depth {
      let present = sample.filter { labels[$0].count > level && labels[$0][level] != .number(-1) }
      if present.count < sample.count {
        warnings.append(
          "\(sample.count - present.count) documents have no label at level \(level), where they are left out")
      }
      let (classes, count) = Self.codes(present.map { labels[$0][level] })
      guard count > 1 else {
        throw MinkeError(
          .malformedFile, "\(name), level \(level)", expected: "two classes or more among the documents drawn",
          found: "\(count)")
      }
      guard count <= drawn else {
        throw MinkeError(
          .invalidArgument, "\(name): documents_per_experiment", expected: "\(count) or more, one a class",
          found: "\(drawn)")
      }
      let draws = (0..<experiments).map { _ in random.choices(drawn, below: present.count) }
      let values = try Workers.map(count: experiments) { experiment in
        try Workers.checkCancellation()
        let draw = draws[experiment]
        let clusters = MiniBatchKMeans(clusters: count, batch: batch ?? 512, seed: seed)
          .clusters(of: draw.map { places[present[$0]] ?? 0 }, in: rows)
        return VMeasure.value(classes: draw.map { classes[$0] }, clusters: clusters)
      }
      items += values.enumerated().map {
        TaskResult.Item(id: depth > 1 ? "level \(level), draw \($0 + 1)" : "draw \($0 + 1)", value: $1)
      }
    }
    return result(["dimension": "\(rows.dimension)"], items, warnings)
  }

  private func result(_ settings: [String: String], _ items: [TaskResult.Item], _ warnings: [String]) -> TaskResult {
    let values = items.map(\.value)
    return TaskResult(
      name: name, kind: .clustering, settings: settings,
      metrics: [TaskResult.Metric("v_measure", values.mean), TaskResult.Metric("v_measure_std", values.deviation)],
      mainMetric: "v_measure", items: items, warnings: warnings)
  }

  /// The place of each label among the different ones, and how many these are.
  private static func codes(_ labels: [TaskLabel]) -> (codes: [Int], count: Int) {
    let different = Set(labels).sorted()
    let codes = Dictionary(uniqueKeysWithValues: different.enumerated().map { ($1, $0) })
    return (labels.map { codes[$0] ?? 0 }, different.count)
  }
}
