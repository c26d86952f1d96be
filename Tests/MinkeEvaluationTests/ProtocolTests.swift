import Foundation
import Minke
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeEvaluation

/// Vectors of a table, by the text that stands for each row.
final class TableVectors: TextVectors {
  let name = "table"
  let metric = Metric.cosine
  private let rows: [String: ArraySlice<Float>]
  private let dimension: Int
  private(set) var groups: [[String]] = []

  init(_ rows: [String: ArraySlice<Float>], dimension: Int) { (self.rows, self.dimension) = (rows, dimension) }

  func vectors(ofPart texts: [String], isLast: Bool, role: TextRole?, progress: ProgressHandler?) throws -> Embeddings {
    groups.append(texts)
    return try Embeddings(floats: texts.flatMap { rows[$0] ?? [] }, dimension: dimension)
  }
}

/// A task's folder in the making.
struct TaskFiles {
  let folder: URL

  func write(_ lines: [JSONValue], to name: String = "test.jsonl") throws {
    try lines.map { $0.text + "\n" }.joined().write(
      to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
  }

  func write(_ text: String, to name: String = "test.jsonl") throws {
    try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
  }
}

func withTaskFiles<Result>(_ body: (TaskFiles) throws -> Result) throws -> Result {
  try Fixture.withTemporaryFolder { try body(TaskFiles(folder: $0)) }
}

@Suite struct ProtocolTests {
  private static let dimension = 16

  private func part(_ name: String) throws -> JSONValue { try #require(try Fixture.json("protocols.json")[name]) }

  private func integers(_ value: JSONValue?) throws -> [Int] { try #require(value?.array).compactMap(\.integer) }

  private func doubles(_ value: JSONValue?) throws -> [Double] { try #require(value?.array).compactMap(\.double) }

  /// The rows of a member, called by its name and place: `train0`, `train1` and so on.
  private func rows(_ value: JSONValue, _ names: String...) throws -> TableVectors {
    var rows: [String: ArraySlice<Float>] = [:]
    for name in names {
      let numbers = try doubles(value[name]).map(Float.init)
      for row in 0..<numbers.count / Self.dimension {
        rows["\(name)\(row)"] = numbers[row * Self.dimension..<(row + 1) * Self.dimension]
      }
    }
    return TableVectors(rows, dimension: Self.dimension)
  }

  private func check(_ result: TaskResult, _ golden: JSONValue?, within tolerance: Double = 1e-9) throws {
    let golden = try #require(golden?.object)
    for (name, value) in golden {
      let (figure, value) = (try #require(result[name], "\(name)"), try #require(value.double))
      #expect(abs(figure - value) < tolerance, "\(name): \(figure), not \(value)")
    }
    #expect(!golden.isEmpty)
  }

  private func labeled(_ name: String, _ labels: [Int]) -> [JSONValue] {
    labels.enumerated().map { ["text": .string("\(name)\($0)"), "label": .integer($1)] }
  }

  @Test func `draws are those of NumPy and of Python`() throws {
    let golden = try part("draws")
    var random = MersenneTwister(numpy: 42)
    var order = Array(0..<50)
    random.shuffle(&order)
    #expect(try order == integers(golden["shuffle"]))
    random = MersenneTwister(numpy: 7)
    #expect(try random.integers(20, below: 1000) == integers(golden["randint"]))
    #expect(try [random.unit(), random.unit(), random.unit()] == doubles(golden["unit"]))
    #expect(try random.choices(20, below: 77) == integers(golden["choice"]))
    random = MersenneTwister(python: 42)
    #expect(try random.sample(20, below: 100_000) == integers(golden["sample_of_many"]))
    #expect(try random.sample(30, below: 60) == integers(golden["sample_of_few"]))
    #expect(try random.choices(20, below: 300) == integers(golden["choices"]))
  }

  @Test func `average precision and V-measure are those of scikit-learn`() throws {
    let golden = try Fixture.json("statistics.json")
    let precision = AveragePrecision.value(
      try doubles(golden["scores"]), try doubles(golden["labels"]).map { $0 > 0.5 })
    #expect(abs(precision - (try #require(golden["average_precision"]?.double))) < 1e-12)
    let measure = VMeasure.value(
      classes: try integers(golden["clusters_true"]), clusters: try integers(golden["clusters_pred"]))
    #expect(abs(measure - (try #require(golden["v_measure"]?.double))) < 1e-12)
    #expect(AveragePrecision.value([1, 1, 0], [true, false, false]) == 0.5)
    #expect(AveragePrecision.value([1, 2], [false, false]) == 0)
    #expect(VMeasure.value(classes: [0, 0, 1], clusters: [5, 5, 2]) == 1)
    #expect(VMeasure.value(classes: [0, 1], clusters: [0, 0]) == 0)
    #expect(VMeasure.value(classes: [1, 1], clusters: [0, 0]) == 1)
    #expect(abs(AdjustedMutualInformation.value(classes: [0, 0, 1, 1], clusters: [5, 5, 2, 2]) - 1) < 1e-12)
    #expect(AdjustedMutualInformation.value(classes: [0, 0, 0], clusters: [0, 1, 2]) == 0)
    #expect(AdjustedMutualInformation.value(classes: [1, 1], clusters: [0, 0]) == 1)
    // As scikit-learn says of these.
    let value = AdjustedMutualInformation.value(classes: [0, 0, 1, 1, 2, 2], clusters: [0, 0, 1, 2, 2, 2])
    #expect(abs(value - 0.5023607027202738) < 1e-12)
  }

  @Test(arguments: ["classification", "two_classes"])
  func `classification is that of scikit-learn`(name: String) throws {
    let golden = try part(name)
    try withTaskFiles { files in
      try files.write(labeled("train", integers(golden["train_labels"])), to: "train.jsonl")
      try files.write(labeled("test", integers(golden["test_labels"])))
      let vectors = try rows(golden, "train", "test")
      let result = try ClassificationTask(contentsOf: files.folder).run(vectors)
      #expect(try result.items.map(\.value) == doubles(golden["accuracies"]))
      try check(result, golden["scores"])
      #expect(result.mainMetric == "accuracy" && result.warnings.isEmpty)
      // Only what is drawn is asked for, and test once.
      #expect(vectors.groups.map(\.count) == [Set(vectors.groups[0]).count, 80])
      let first = Set(try integers(golden["first_draw"]) + integers(golden["last_draw"])).map { "train\($0)" }
      #expect(Set(vectors.groups[0]).isSuperset(of: first))
    }
  }

  @Test func `the result is the same on one thread, and another with another seed`() throws {
    let golden = try part("classification")
    try withTaskFiles { files in
      try files.write(labeled("train", integers(golden["train_labels"])), to: "train.jsonl")
      try files.write(labeled("test", integers(golden["test_labels"])))
      let task = try ClassificationTask(contentsOf: files.folder)
      let vectors = try rows(golden, "train", "test")
      let result = try task.run(vectors)
      let count = Workers.count
      defer { Workers.count = count }
      Workers.count = 1
      #expect(try task.run(vectors) == result)
      #expect(try task.run(vectors, seed: 1, progress: nil).items != result.items)
    }
  }

  @Test func `documents are clustered as scikit-learn does`() throws {
    let golden = try part("clustering")
    try withTaskFiles { files in
      try files.write(labeled("vectors", integers(golden["labels"])))
      try files.write(#"{"name": "six", "max_documents": 200, "documents_per_experiment": 1000}"#, to: "task.json")
      let folder = try TaskFolder(files.folder)
      #expect(try folder.kind() == .clustering)
      let result = try ClusteringTask(folder).run(rows(golden, "vectors"))
      for (item, value) in zip(result.items, try doubles(golden["v_measures"])) {
        #expect(abs(item.value - value) < 1e-9, "\(item.id)")
      }
      #expect(result.items.count == 10 && result.name == "six")
      #expect(abs((result["ami"] ?? 0) - (try doubles(golden["ami"]).mean)) < 1e-9)
      #expect(abs((result["ami_std"] ?? 0) - (try doubles(golden["ami"]).deviation)) < 1e-9)
    }
  }

  @Test func `sets are clustered one by one as scikit-learn does`() throws {
    let golden = try part("clustering")
    let labels = try integers(golden["labels"])
    try withTaskFiles { files in
      var lines = stride(from: 0, to: 300, by: 100).map { start -> JSONValue in
        [
          "sentences": .array((start..<start + 100).map { .string("vectors\($0)") }),
          "labels": .array(labels[start..<start + 100].map { .integer($0) }),
        ]
      }
      lines.append(["sentences": ["vectors0", "vectors1"], "labels": ["a", "a"]])
      try files.write(lines, to: "sets.jsonl")
      try files.write(#"{"batch_size": 50}"#, to: "task.json")
      let result = try ClusteringTask(contentsOf: files.folder).run(rows(golden, "vectors"))
      for (item, value) in zip(result.items, try doubles(golden["sets"]) + [1]) {
        #expect(abs(item.value - value) < 1e-9, "\(item.id)")
      }
      #expect(result.warnings == ["1 sets have one class only, which counts as 1: set 4"])
    }
  }

  @Test(arguments: ["numbers", "texts"])
  func `each level of labels is clustered by itself, as mteb does`(form: String) throws {
    let golden = try #require(try part("levels")[form])
    let labels = try #require(golden["labels"]?.array)
    try withTaskFiles { files in
      try files.write(labels.enumerated().map { ["text": .string("vectors\($0)"), "label": $1] })
      try files.write(
        #"{"document_fraction": 0.7, "documents_per_experiment": 500, "experiments": 3}"#, to: "task.json")
      let result = try ClusteringTask(contentsOf: files.folder).run(rows(part("clustering"), "vectors"))
      #expect(
        result.items.map(\.id) == (0..<6).map { "level \($0 / 3), draw \($0 % 3 + 1)" })
      for level in 0...1 {
        let values = try doubles(golden["v_measure"]?.array?[level])
        for (item, value) in zip(result.items[(3 * level)...], values) {
          #expect(abs(item.value - value) < 1e-9, "\(item.id)")
        }
        let ami = try doubles(golden["ami"]?.array?[level])
        #expect(abs((result["v_measure_level_\(level)"] ?? 0) - values.mean) < 1e-9)
        #expect(abs((result["ami_level_\(level)"] ?? 0) - ami.mean) < 1e-9)
      }
      #expect(result.warnings.count == 1)
      #expect(
        result.warnings[0].hasSuffix(
          "have no label at level 1, where they are \(form == "texts" ? "one more class" : "left out")"))
    }
  }

  @Test func `pairs are told by the best threshold, in either form`() throws {
    let golden = try part("pairs")
    let labels = try integers(golden["labels"])
    try withTaskFiles { files in
      try files.write(
        labels.enumerated().map {
          ["sentence1": .string("first\($0)"), "sentence2": .string("second\($0)"), "label": .integer($1)]
        })
      let result = try PairClassificationTask(contentsOf: files.folder).run(rows(golden, "first", "second"))
      try check(result, golden["scores"])
      #expect(result.mainMetric == "max_ap")
      try files.write([
        [
          "sent1": .array(labels.indices.map { .string("first\($0)") }),
          "sent2": .array(labels.indices.map { .string("second\($0)") }),
          "labels": .array(labels.map { .integer($0) }),
        ]
      ])
      #expect(try TaskFolder(files.folder).kind() == .pairs)
      #expect(
        try PairClassificationTask(contentsOf: files.folder).run(rows(golden, "first", "second")).metrics
          == result.metrics)
    }
  }

  @Test func `vectors of bits are numbers of -1 and +1`() throws {
    let golden = try part("pairs")
    let labels = try integers(golden["labels"])
    /// The rows as bits, or as the numbers that these stand for.
    final class Signs: TextVectors {
      let (name, metric) = ("signs", Metric.hamming)
      let table: TableVectors
      let areBits: Bool
      init(_ table: TableVectors, areBits: Bool) { (self.table, self.areBits) = (table, areBits) }
      func vectors(
        ofPart texts: [String], isLast: Bool, role: TextRole?, progress: ProgressHandler?
      ) throws -> Embeddings {
        let bits = try table.vectors(of: texts, role: role).binarized()
        return areBits ? bits : try Embeddings(floats: texts.indices.flatMap { bits[$0] }, dimension: bits.dimension)
      }
    }
    try withTaskFiles { files in
      try files.write(
        labels.enumerated().map {
          ["sentence1": .string("first\($0)"), "sentence2": .string("second\($0)"), "label": .integer($1)]
        })
      let task = try PairClassificationTask(contentsOf: files.folder)
      let table = try rows(golden, "first", "second")
      let result = try task.run(Signs(table, areBits: true))
      #expect(try task.run(Signs(table, areBits: false)) == result)
      #expect(result["cosine_ap"] == result["manhattan_ap"])
    }
  }

  @Test func `candidates are reranked by cosine`() throws {
    let golden = try part("reranking")
    try withTaskFiles { files in
      var next = 0
      var lines: [JSONValue] = try #require(golden["counts"]?.array).enumerated().map { index, counts in
        func take(_ count: Int) -> JSONValue {
          defer { next += count }
          return .array((next..<next + count).map { .string("candidates\($0)") })
        }
        let counts = try integers(counts)
        return ["query": .string("queries\(index)"), "positive": take(counts[0]), "negative": take(counts[1])]
      }
      lines.append(["query": "queries0", "positive": [], "negative": ["candidates0"]])
      try files.write(lines)
      let result = try RerankingTask(contentsOf: files.folder).run(rows(golden, "queries", "candidates"))
      #expect(abs(result.main - (try #require(golden["map"]?.double))) < 1e-9)
      #expect(abs((result["mrr@10"] ?? 0) - (try #require(golden["mrr"]?.double))) < 1e-9)
      #expect(result.items.count == 25)
      #expect(result.warnings == ["1 queries without positive or without negative candidates are left out: 26"])
    }
    // Equal scores: the negative ones first. Several queries: the closest counts.
    #expect(RerankingTask.figures([1, 1], positive: 1) == [0.5, 0.5, 1 / log2(3)])
    try withTaskFiles { files in
      try files.write([["query": ["queries0", "queries1"], "positive": ["queries1"], "negative": ["candidates9"]]])
      #expect(try RerankingTask(contentsOf: files.folder).run(rows(golden, "queries", "candidates")).main == 1)
    }
  }

  @Test func `summaries are correlated text by text, as mteb does`() throws {
    let golden = try part("summarization")
    let relevance = try #require(golden["relevance"]?.array)
    try withTaskFiles { files in
      try files.write(
        relevance.enumerated().map { index, numbers in
          [
            "human_summaries": .array((0..<3).map { .string("human\(index * 3 + $0)") }),
            "machine_summaries": .array((0..<8).map { .string("machine\(index * 8 + $0)") }), "relevance": numbers,
          ]
        })
      let result = try SummarizationTask(contentsOf: files.folder).run(rows(golden, "human", "machine"))
      // Ranks are the same, and numbers but for the order in which single precision adds them.
      try check(result, golden["scores"], within: 1e-7)
      for name in ["cosine_spearman", "dot_spearman"] {
        #expect(abs((result[name] ?? 0) - (try #require(golden["scores"]?[name]?.double))) < 1e-14)
      }
      #expect(result.items.count == 9)
      #expect(
        result.warnings == ["1 texts are left out, all of whose summaries are equally good or close: 5"])
    }
  }
}
