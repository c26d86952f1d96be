import Foundation
import Minke
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeEvaluation

@Suite struct RetrievalTests {
  private static func folder(
    corpus: String, queries: String, qrels: [String: String], _ body: (URL) throws -> Void
  ) throws {
    try Fixture.withTemporaryFolder { folder in
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("qrels"), withIntermediateDirectories: true)
      try Data(corpus.utf8).write(to: folder.appendingPathComponent("corpus.jsonl"))
      try Data(queries.utf8).write(to: folder.appendingPathComponent("queries.jsonl"))
      for (name, text) in qrels { try Data(text.utf8).write(to: folder.appendingPathComponent("qrels/\(name)")) }
      try body(folder)
    }
  }

  private static let corpus = """
    {"_id": "d1", "title": "Whales", "text": "The white whale sank the ship."}
    {"_id": "d2", "text": "Bread rises because of yeast."}
    {"_id": 3, "text": "A detective reads footprints in the clay."}

    """
  private static let queries = """
    {"_id": "q1", "text": "what makes bread rise"}
    {"_id": "q2", "text": "who follows footprints"}
    {"_id": "q3", "text": "nobody judged this"}

    """
  private static let qrels = "query-id\tcorpus-id\tscore\nq1\td2\t1\nq2\t3\t1\n"

  @Test func `documents are found by meaning, words and both, in every storage`() throws {
    try Self.folder(corpus: Self.corpus, queries: Self.queries, qrels: ["test.tsv": Self.qrels]) { folder in
      let dataset = try RetrievalDataset(contentsOf: folder)
      #expect(dataset.queries.map(\.id) == ["q1", "q2"] && dataset.warnings.isEmpty)
      var evaluation = RetrievalEvaluation()
      evaluation.modes = [.meaning, .words, .both]
      evaluation.storages = RetrievalEvaluation.Storage.allCases
      evaluation.dimensions = [512, 64]
      let outcomes = try evaluation.run(dataset, EncodedVectors(ModelLibrary.textEncoder()))
      // Words once, and each of the others for two dimensions and four storages.
      #expect(outcomes.count == 1 + 2 * 8)
      for outcome in outcomes {
        #expect(outcome.result["accuracy@1"] == 1, "\(outcome.result.settings)")
        #expect(outcome.result["recall@10"] == 1)
        #expect(outcome.result.items.count == 2 && outcome.result.warnings.isEmpty)
      }
      let binary = try #require(outcomes.first { $0.result.settings["storage"] == "binary" })
      #expect(binary.result.settings["bytes"] == "64")
    }
  }

  @Test func `batches give the ranking of one index`() throws {
    let encoder = try ModelLibrary.textEncoder()
    let texts = (0..<300).map {
      "passage \($0) about \(["whales", "bread", "clay", "storms", "cities"][$0 % 5]) \($0 * 7)"
    }
    let lines = texts.enumerated().map { "{\"_id\": \"d\($0)\", \"text\": \"\($1)\"}\n" }.joined()
    let queries = ["storms at sea", "how cities grow", "clay 777"]
    try Self.folder(
      corpus: lines, queries: queries.enumerated().map { "{\"id\": \"q\($0)\", \"text\": \"\($1)\"}\n" }.joined(),
      qrels: ["dev.tsv": "q0\td3\t1\nq1\td4\t2\nq2\td222\t1\n"]
    ) { folder in
      let dataset = try RetrievalDataset(contentsOf: folder)
      let vectors = try encoder.encode(texts, role: .document)
      for storage in RetrievalEvaluation.Storage.allCases {
        var evaluation = RetrievalEvaluation()
        evaluation.storages = [storage]
        let whole = try evaluation.run(dataset, EncodedVectors(encoder))[0]
        let index: VectorIndex
        let asked = try encoder.encode(queries, role: .query)
        switch storage {
        case .float32: index = try VectorIndex(dimension: 512, metric: .cosine, storage: .float32)
        case .int8: index = try VectorIndex(dimension: 512, metric: .cosine, storage: .int8)
        case .binary: index = try VectorIndex(dimension: 512, metric: .hamming, storage: .binary)
        case .twoStage:
          index = try VectorIndex(
            dimension: 512, metric: .cosine, storage: .twoStage(rescoring: .int8, oversampling: 10))
        }
        try index.add(storage == .binary ? vectors.binarized() : vectors)
        let found = try index.search(storage == .binary ? asked.binarized() : asked, k: 100)
        for query in 0..<3 {
          #expect(whole.run.hits["q\(query)"]?.map(\.document) == found[query].map { "d\($0.id)" })
        }
        // Two of the judgments are 1 and one is 2.
        #expect(whole.result["graded_ndcg@10"] != nil)
      }
    }
  }

  @Test func `a run goes out and in again`() throws {
    try Self.folder(corpus: Self.corpus, queries: Self.queries, qrels: ["test.tsv": Self.qrels]) { folder in
      let dataset = try RetrievalDataset(contentsOf: folder)
      var evaluation = RetrievalEvaluation()
      evaluation.modes = [.words]
      let outcome = try evaluation.run(dataset, nil)[0]
      let file = folder.appendingPathComponent("run.trec")
      try Data(outcome.run.text(system: "my system").utf8).write(to: file)
      let back = try RankedRun(contentsOf: file)
      #expect(back.hits == outcome.run.hits.filter { !$0.value.isEmpty })
      #expect(evaluation.result(of: back, dataset).metrics == outcome.result.metrics)
      for wrong in ["q1 Q0 d2 one 0.5\n", "q1 Q0 d2 1 0.5 x\nq2 Q0 d2 1 0.5 x\nq1 Q0 d2 2 0.4 x\n"] {
        try Data(wrong.utf8).write(to: file)
        let error = #expect(throws: MinkeError.self) { try RankedRun(contentsOf: file) }
        #expect(error?.subject.hasSuffix("run.trec, line \(wrong.split(separator: "\n").count)") == true)
      }
      try Data("q1 Q0 d2 1 0.5 x\nq9 Q0 d2 1 0.5 x\n".utf8).write(to: file)
      #expect(
        try RankedRun(contentsOf: file).warnings(for: dataset) == [
          "1 judged queries that the run does not have, for which nothing is found: q2",
          "1 queries of the run that are not judged: q9",
        ])
    }
  }

  @Test func `a suite says whether gains count, and whether a query may find itself`() throws {
    let corpus = Self.corpus + "{\"_id\": \"q1\", \"text\": \"what makes bread rise\"}\n"
    let qrels = "query-id\tcorpus-id\tscore\nq1\td2\t3\nq1\td1\t1\nq2\t3\t1\n"
    try Self.folder(corpus: corpus, queries: Self.queries, qrels: ["test.tsv": qrels]) { folder in
      let dataset = try RetrievalDataset(contentsOf: folder)
      let encoder = try ModelLibrary.textEncoder()
      let plain = try RetrievalEvaluation().run(dataset, EncodedVectors(encoder))[0]
      #expect(plain.result.mainMetric == "ndcg@10" && plain.run.hits["q1"]?[0].document == "q1")
      #expect(plain.result.items.map(\.text) == ["what makes bread rise", "who follows footprints"])
      let evaluation = try RetrievalEvaluation(settings: ["graded_gains": true, "ignore_identical_ids": true])
      let heeding = try evaluation.run(dataset, EncodedVectors(encoder))[0]
      #expect(heeding.run.hits["q1"]?[0].document == "d2")
      #expect(heeding.run.hits["q1"]?.contains { $0.document == "q1" } == false)
      #expect(heeding.result.mainMetric == "graded_ndcg@10")
      #expect(abs(heeding.result.items.map(\.value).mean - heeding.result.main) < 1e-12)
      #expect(heeding.result.main == heeding.result["graded_ndcg@10"])
      for wrong: [String: JSONValue] in [["graded": true], ["graded_gains": 1]] {
        #expect(throws: MinkeError.self) { try RetrievalEvaluation(settings: wrong) }
      }
    }
  }

  @Test func `what is wrong in the data is counted and named`() throws {
    let qrels = Self.qrels + "q1\td1\t-1\nq1\tnowhere\t2\nq9\td1\t1\nq2\t3\t1\n"
    let corpus = Self.corpus + "{\"_id\": \"d1\", \"text\": \"again\"}\n"
    let queries = Self.queries + "{\"_id\": \"q1\", \"text\": \"again\"}\n"
    try Self.folder(corpus: corpus, queries: queries, qrels: ["test.tsv": qrels, "dev.tsv": qrels]) { folder in
      let dataset = try RetrievalDataset(contentsOf: folder)
      var evaluation = RetrievalEvaluation()
      evaluation.modes = [.words]
      let warnings = try evaluation.run(dataset, nil)[0].result.warnings
      for (what, name) in [
        ("queries that come twice", "q1"), ("judged queries that queries.jsonl does not have", "q9"),
        ("documents that come twice", "d1"), ("judged documents that the corpus does not have", "nowhere"),
        ("judgments below 0", "q1 d1"), ("judgments that come twice", "q2 3"),
      ] {
        #expect(warnings.contains { $0.hasPrefix("1 \(what)") && $0.hasSuffix(": \(name)") }, "\(what): \(warnings)")
      }
      // A document that is not there counts as one that was not found.
      let found = try evaluation.run(dataset, nil)[0].result
      #expect((found["recall@10"] ?? 1) < 1)
      #expect(throws: MinkeError.self) { try RetrievalDataset(contentsOf: folder, split: "train") }
    }
  }

  @Test(arguments: [
    ("{\"text\": \"no id\"}\n", queries, qrels), (corpus, "{\"_id\": \"q1\"}\n", qrels),
    (corpus, queries, "q1\td2\tmany\nq1\td2\tmany\n"), (corpus, queries, "q1\td2\t0\n"), ("", queries, qrels),
    ("not json\n", queries, qrels),
  ])
  func `what cannot be read is an error`(corpus: String, queries: String, qrels: String) throws {
    try Self.folder(corpus: corpus, queries: queries, qrels: ["test.tsv": qrels]) { folder in
      var evaluation = RetrievalEvaluation()
      evaluation.modes = [.words]
      #expect(throws: MinkeError.self) { try evaluation.run(RetrievalDataset(contentsOf: folder), nil) }
    }
  }

  @Test func `vectors made elsewhere must be as many as texts`() throws {
    try Self.folder(corpus: Self.corpus, queries: Self.queries, qrels: ["test.tsv": Self.qrels]) { folder in
      let dataset = try RetrievalDataset(contentsOf: folder)
      let encoder = try ModelLibrary.textEncoder()
      let (queries, documents) = (folder.appendingPathComponent("q.npy"), folder.appendingPathComponent("d.npy"))
      try encoder.encode(dataset.queries.map(\.text)).writeNPY(to: queries)
      try encoder.encode(["whales sank the ship", "bread and yeast", "clay footprints"]).writeNPY(to: documents)
      let outcome = try RetrievalEvaluation().run(dataset, FileVectors([queries, documents]))[0]
      #expect(outcome.result["accuracy@1"] == 1)
      #expect(throws: MinkeError.self) { try RetrievalEvaluation().run(dataset, FileVectors([queries, queries])) }
      #expect(throws: MinkeError.self) { try RetrievalEvaluation().run(dataset, FileVectors([queries])) }
    }
  }

  @Test func `the worst queries show what was found and what was wanted`() throws {
    let qrels = Self.qrels + "q1\tnowhere\t3\n"
    try Self.folder(corpus: Self.corpus, queries: Self.queries, qrels: ["test.tsv": qrels]) { folder in
      let dataset = try RetrievalDataset(contentsOf: folder)
      var evaluation = RetrievalEvaluation()
      evaluation.modes = [.words]
      let outcome = try evaluation.run(dataset, nil)[0]
      let worst = try RetrievalFailure.worst(1, of: outcome, dataset)
      #expect(worst.map(\.failure.query.id) == ["q1"] && worst[0].other == nil)
      #expect(worst[0].failure.found[0].id == "d2" && worst[0].failure.found[0].gain == 1)
      #expect(worst[0].failure.wanted.map(\.id) == ["nowhere", "d2"])
      #expect(worst[0].failure.wanted.map(\.rank) == [nil, 1] && worst[0].failure.wanted[0].text.isEmpty)
      // Beside a run that answers the other query better, that one comes first.
      let wrong = RankedRun(hits: ["q1": outcome.run.hits["q1"] ?? [], "q2": [.init(document: "d1", score: 1)]])
      let bad = RetrievalEvaluation.Outcome(result: evaluation.result(of: wrong, dataset), run: wrong)
      let beside = try RetrievalFailure.worst(1, of: bad, beside: outcome, dataset)
      #expect(beside.map(\.failure.query.id) == ["q2"] && beside[0].other?.value == 1)
      #expect(beside[0].other?.found.first?.id == "3" && beside[0].failure.json["found"]?.array?.count == 1)
    }
  }
}
