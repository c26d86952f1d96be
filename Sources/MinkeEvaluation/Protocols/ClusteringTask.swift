import Foundation
import MinkeCore

/// Classes found by mini-batch k-means on the vectors, judged by V-measure, and documents also by adjusted mutual
/// information.
///
/// The folder holds `test.jsonl`, or one other .jsonl file, in either of two forms:
/// * lines with the lists `sentences` and `labels` are clustered one by one (`mteb`'s `AbsTaskClusteringLegacy`).
///   Asked for are the vectors of all sentences, line after line.
/// * lines with `text` and `label` are clustered in ten draws with replacement out of 2,048 documents at most, or out of
///   the share of all that `document_fraction` says (`AbsTaskClustering`). A label may be a list, from the widest class to
///   the narrowest; each level is clustered by itself. Documents without it, or with the label -1, are left out there if
///   labels are numbers, and one more class if they are texts. Asked for are the vectors of the documents chosen, in the
///   file's order. Vectors made elsewhere are of all documents.
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
    batch = folder.settings.batchSize
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
        texts: rows.map(\.0), labels: rows.map(\.1),
        most: try folder.settings.documentCount(of: rows.count, task: name),
        drawn: folder.settings.documentsPerExperiment ?? 16_384, experiments: folder.settings.experiments ?? 10)
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
    let texts = sets.flatMap(\.texts)
    let parts = ProgressParts(handler: progress, total: 2 * texts.count)
    let rows = try TaskVectors(among: texts, called: "sentences", from: vectors, progress: parts.part(after: 0))
    let meter = parts.steps(sets.count, after: texts.count)
    var starts: [Int] = []
    var next = 0
    for set in sets {
      starts.append(next)
      next += set.texts.count
    }
    let values = try Workers.map(count: sets.count) { [starts] index in
      try Workers.checkCancellation()
      defer { meter.advance(by: 1) }
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
    let parts = ProgressParts(handler: progress, total: 2 * chosen.count)
    let rows = try TaskVectors(
      chosen, among: texts, called: "documents", from: vectors, progress: parts.part(after: 0))
    let depth = sample.map { labels[$0].count }.max() ?? 0
    let meter = parts.steps(depth * experiments, after: chosen.count)
    var levels: [[Clustering]] = []
    var warnings: [String] = []
    for level in 0..<depth {
      let present = documents(sample, labels, level, &warnings)
      let (classes, count) = Self.codes(present.map(\.label))
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
      levels.append(
        try Workers.map(count: experiments) { experiment in
          try Workers.checkCancellation()
          defer { meter.advance(by: 1) }
          let draw = draws[experiment]
          let clusters = MiniBatchKMeans(clusters: count, batch: batch ?? 512, seed: seed)
            .clusters(of: draw.map { places[present[$0].row] ?? 0 }, in: rows)
          let counts = ClusterCounts(classes: draw.map { classes[$0] }, clusters: clusters)
          return Clustering(vMeasure: VMeasure.value(counts), ami: AdjustedMutualInformation.value(counts))
        })
    }
    let items = levels.enumerated().flatMap { level, values in
      values.enumerated().map {
        TaskResult.Item(id: depth > 1 ? "level \(level), draw \($0 + 1)" : "draw \($0 + 1)", value: $1.vMeasure)
      }
    }
    var result = result(["dimension": "\(rows.dimension)"], items, warnings)
    let ami = levels.joined().map(\.ami)
    result.metrics += [TaskResult.Metric("ami", ami.mean), TaskResult.Metric("ami_std", ami.deviation)]
    if depth > 1 {
      for (level, values) in levels.enumerated() {
        result.metrics += [
          TaskResult.Metric("v_measure_level_\(level)", values.map(\.vMeasure).mean),
          TaskResult.Metric("ami_level_\(level)", values.map(\.ami).mean),
        ]
      }
    }
    return result
  }

  /// What one draw came to.
  private struct Clustering: Sendable {
    let vMeasure: Double
    let ami: Double
  }

  /// The documents that count at a level, with their labels there.
  ///
  /// `mteb` gives -1 to a document without a label, and leaves out those with it, but where labels are texts it is the
  /// text "-1", which is left in.
  private func documents(
    _ sample: [Int], _ labels: [[TaskLabel]], _ level: Int, _ warnings: inout [String]
  ) -> [(row: Int, label: TaskLabel)] {
    let none = TaskLabel.number(-1)
    let all = sample.map { (row: $0, label: labels[$0].count > level ? labels[$0][level] : none) }
    let missing = all.count { $0.label == none }
    func warn(_ what: String) {
      if missing > 0 { warnings.append("\(missing) documents have no label at level \(level), where they are \(what)") }
    }
    let areTexts = all.contains { if case .text = $0.label { true } else { false } }
    warn(areTexts ? "one more class" : "left out")
    return areTexts ? all.map { ($0.row, .text($0.label.description)) } : all.filter { $0.label != none }
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
