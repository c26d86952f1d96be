import Foundation
import Minke
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeEvaluation

@Suite struct SimilarityTests {
  private static func pairs(_ name: String, _ text: String) throws -> ScoredPairs {
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent(name)
      try Data(text.utf8).write(to: file)
      return try ScoredPairs(contentsOf: file)
    }
  }

  @Test(arguments: [
    (
      "a.jsonl",
      "{\"sentence1\":\"x, y\",\"sentence2\":\"b\",\"score\":1}\n{\"sentence1\":\"c\",\"sentence2\":\"d\",\"score\":2.5}\n"
    ),
    ("a.tsv", "1\tsubset\tx, y\tb\r\n2.5\tsubset\tc\td\r\n"), ("a.tsv", "x, y\tb\t1\nc\td\t2.5"),
    ("a.tsv", "score\tsentence1\tsentence2\n1\tx, y\tb\n2.5\tc\td\n"),
    ("a.csv", "sentence2,sentence1,label\nb,\"x, y\",1\nd,c,2.5\n"),
  ])
  func `pairs are read in every form`(name: String, text: String) throws {
    let pairs = try Self.pairs(name, text)
    #expect(
      pairs.name == "a" && pairs.first == ["x, y", "c"] && pairs.second == ["b", "d"] && pairs.scores == [1, 2.5])
  }

  @Test(arguments: [
    ("a.jsonl", "{\"sentence1\":\"a\",\"score\":1}\n"), ("a.tsv", "a\tb\nc\td\n"), ("a.tsv", "1\ta\tb\n"),
    ("a.tsv", ""),
    ("a.csv", "sentence1,sentence2,score\na,b,high\nc,d,low\n"), ("a.jsonl", "[1]\n[2]\n"),
  ])
  func `what are no pairs is an error`(name: String, text: String) {
    #expect(throws: MinkeError.self) { try Self.pairs(name, text) }
  }

  @Test func `similarities are those of plain arithmetic`() throws {
    let (a, b) = ([Float](arrayLiteral: 3, 4, 1, 0), [Float](arrayLiteral: 4, 3, 0, -1))
    let all = try PairSimilarities(
      Embeddings(floats: a, dimension: 2), Embeddings(floats: b, dimension: 2)
    ).all
    let values = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0.values) })
    #expect(values["cosine"] == [24.0 / 25, 0] && values["dot"] == [24, 0])
    #expect(values["euclidean"] == [-(2.0.squareRoot()), -(2.0.squareRoot())] && values["manhattan"] == [-2, -2])
    #expect(values["hamming"] == [0, -1])
    let bits = try PairSimilarities(Embeddings(packed: [0xf0], dimension: 8), Embeddings(packed: [0x0f], dimension: 8))
    #expect(bits.all.map(\.name) == ["hamming"] && bits.all[0].values == [-8])
    #expect(throws: MinkeError.self) {
      try PairSimilarities(Embeddings(floats: a, dimension: 2), Embeddings(floats: b, dimension: 4))
    }
  }

  @Test func `closer sentences are closer`() throws {
    let pairs = try Self.pairs(
      "sts.tsv",
      """
      5\ta cat on a mat\ta cat is on the mat
      3\ta cat on a mat\ta dog on a rug
      0\ta cat on a mat\tstock prices fell sharply
      1\tthe white whale\tthe ocean is deep

      """)
    let result = try SimilarityEvaluation().run(pairs, EncodedVectors(ModelLibrary.textEncoder(), normalize: false))
    #expect((result["spearman_cosine"] ?? 0) > 0.7 && result.main == result["spearman_cosine"])
    let same = try Self.pairs("same.tsv", "1\ta\tb\n1\tc\td\n")
    let constant = try SimilarityEvaluation().run(same, EncodedVectors(ModelLibrary.textEncoder()))
    #expect(constant.main.isNaN && constant.warnings.count == 1)
  }

  @Test func `a model agrees with itself and not with noise`() throws {
    let encoder = try ModelLibrary.textEncoder()
    let texts = (0..<60).map { "sentence number \($0) about \(["whales", "bread", "clay", "storms"][$0 % 4])" }
    let teacher = try encoder.encode(texts)
    let itself = try TeacherAgreement().run(name: "t", student: teacher, teacher: teacher)
    for metric in itself.metrics { #expect(abs(metric.value - 1) < 1e-6, "\(metric.name)") }
    #expect(itself.metrics.count == 9 && itself.warnings.isEmpty)
    // Of a rotation by swapping numbers the structure stays, and nothing else.
    let swapped = try Embeddings(floats: (0..<60).flatMap { teacher[$0].reversed() }, dimension: 512)
    let turned = try TeacherAgreement().run(name: "t", student: swapped, teacher: teacher)
    #expect(abs((turned["structure_pearson"] ?? 0) - 1) < 1e-6 && turned["top1"] == 1)
    #expect((turned["cosine"] ?? 1) < 0.5 && (turned["within_0.9"] ?? 1) == 0)
    // Shorter vectors still have a structure.
    let short = try TeacherAgreement().run(name: "t", student: teacher.truncated(to: 64), teacher: teacher)
    #expect(short["cosine"] == nil && short.warnings.count == 1 && (short["structure_spearman"] ?? 0) > 0.7)
    #expect(throws: MinkeError.self) {
      try TeacherAgreement().run(name: "t", student: teacher.rows(0..<59), teacher: teacher)
    }
  }

  @Test func `a suite says what is missing, and its card can be written again`() throws {
    #expect(Suite.mtebEnglishV2.tasks.count == 41)
    #expect(Set(Suite.mtebEnglishV2.tasks.map(\.name)).count == 41)
    // As the library has them.
    let settings = Dictionary(uniqueKeysWithValues: Suite.mtebEnglishV2.tasks.map { ($0.name, $0.settings) })
    #expect(settings["ToxicConversationsClassification"] == ["samples_per_label": 16])
    #expect(settings["BiorxivClusteringP2P.v2"] == ["document_fraction": .number(0.04)])
    #expect(settings["FiQA2018"] == ["graded_gains": true, "ignore_identical_ids": true])
    #expect(settings["SCIDOCS"] == ["graded_gains": true] && settings["STS12"] == [:])
    let first = TaskResult(
      name: "a", kind: .sts, metrics: [.init("spearman_cosine", 0.5)], mainMetric: "spearman_cosine")
    let second = TaskResult(
      name: "b", kind: .sts, metrics: [.init("spearman_cosine", 0.7)], mainMetric: "spearman_cosine")
    let third = TaskResult(name: "c", kind: .retrieval, metrics: [.init("ndcg@10", 0.3)], mainMetric: "ndcg@10")
    let report = SuiteReport(
      suite: "s", report: EvaluationReport(model: "m", tasks: [first, second, third]),
      categories: ["STS", "STS", "Retrieval"], missing: ["d"])
    #expect(abs(report.means.tasks - 0.5) < 1e-12 && abs(report.means.categories - 0.45) < 1e-12)
    #expect(report.text(.markdown).contains("| mean of 2"))
    let once = try ModelCard.writing("figures\n", into: "# Card\n", subject: "card")
    let twice = try ModelCard.writing("others\n", into: once + "more\n", subject: "card")
    #expect(once.contains("figures") && !twice.contains("figures") && twice.hasSuffix("more\n"))
    #expect(throws: MinkeError.self) { try ModelCard.writing("x", into: "<!-- minke eval: begin -->", subject: "card") }
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("s.json")
      try Data("{\"tasks\": [{\"type\": \"sts\", \"path\": \"sts/x.tsv\"}]}".utf8).write(to: file)
      let suite = try Suite(contentsOf: file)
      #expect(suite.name == "s" && suite.tasks == [.init(name: "x", kind: .sts, path: "sts/x.tsv")])
      #expect(suite.location(of: suite.tasks[0], in: folder) == nil)
      for wrong in [
        #"{"type": "cooking", "path": "x"}"#, #"{"type": "sts", "path": "x", "graded_gains": true}"#,
        #"{"type": "retrieval", "path": "x", "graded_gain": true}"#,
        #"{"type": "classification", "path": "x", "samples_per_label": 0}"#,
      ] {
        try Data("{\"tasks\": [\(wrong)]}".utf8).write(to: file)
        let error = #expect(throws: MinkeError.self) { try Suite(contentsOf: file) }
        #expect(error?.subject.contains("s.json: task 1") == true)
      }
      try Data(#"{"tasks": [{"type": "classification", "path": "x", "samples_per_label": 16}]}"#.utf8).write(to: file)
      #expect(try Suite(contentsOf: file).tasks[0].settings == ["samples_per_label": 16])
    }
  }
}
