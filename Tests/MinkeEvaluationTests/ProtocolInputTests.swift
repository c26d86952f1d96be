import Foundation
import Minke
import MinkeCore
import MinkeTestSupport
import Synchronization
import Testing

@testable import MinkeEvaluation

/// What the protocols say of data that is not as it should be.
@Suite struct ProtocolInputTests {
  private func message(_ files: [String: String], _ kind: TaskKind) throws -> String {
    try withTaskFiles { folder in
      for (name, text) in files { try folder.write(text, to: name) }
      let task = try #require(kind.protocolTask)
      let error = #expect(throws: MinkeError.self) { _ = try task.init(TaskFolder(folder.folder)) }
      let path = URL(fileURLWithPath: folder.folder.path).relativePath
      return error?.description.replacing(path + "/", with: "").replacing(path, with: "DIR") ?? ""
    }
  }

  private static let row = #"{"text": "a", "label": 1}"#

  @Test(
    arguments: [
      ([:], TaskKind.clustering, "DIR: expected test.jsonl, or one file that ends in .jsonl, found none"),
      (["a.jsonl": row, "b.jsonl": row], .clustering, "or one file that ends in .jsonl, found 2"),
      (["train.jsonl": row], .classification, "test.jsonl: expected a readable file"),
      (["train.jsonl": row, "test.jsonl": row], .classification, "train.jsonl: expected two classes or more, found 1"),
      (["train.jsonl": "", "test.jsonl": row], .classification, "lines with \"text\" and \"label\", found none"),
      (
        ["train.jsonl": row + "\n{\"text\": \"b\"}", "test.jsonl": row], .classification,
        "line 2: expected a string or a whole"
      ),
      (["train.jsonl": "{\"label\": 1}", "test.jsonl": row], .classification, "\"text\", found no such member"),
      (
        ["train.jsonl": row + "\n[1]", "test.jsonl": row], .classification, "line 2: expected a JSON object, found [1]"
      ),
      (["train.jsonl": row + "\n{", "test.jsonl": row], .classification, "train.jsonl, line 2, byte 1"),
      (["test.jsonl": row + "\n" + row], .clustering, "documents of two classes or more, found 1"),
      (["test.jsonl": #"{"sentences": ["a"], "labels": [1, 2]}"#], .clustering, "1 sentences and 2 labels"),
      (["test.jsonl": #"{"sentence1": "a", "sentence2": "b", "label": 1}"#], .pairs, "pairs of both labels, 0 and 1"),
      (["test.jsonl": #"{"sentence1": "a", "sentence2": "b", "label": 2}"#], .pairs, "labels 0 or 1, found 2"),
      (["test.jsonl": #"{"sentence1": ["a"], "sentence2": [], "label": [1]}"#], .pairs, "found 1, 0 and 1"),
      (["test.jsonl": #"{"query": "a", "positive": [], "negative": ["b"]}"#], .reranking, "queries with positive and"),
      (
        ["test.jsonl": #"{"query": "a", "positive": [3], "negative": ["b"]}"#], .reranking,
        "list of strings \"positive\""
      ),
      (
        ["test.jsonl": #"{"human_summaries": [], "machine_summaries": [], "relevance": []}"#], .summarization,
        "human_summaries"
      ),
      (
        ["test.jsonl": #"{"human_summaries": ["a"], "machine_summaries": ["b"], "relevance": []}"#], .summarization,
        "for each of 1 summaries, found 0"
      ),
      (["task.json": "[]"], .clustering, "expected an object, found []"),
      (["task.json": #"{"samples": 3}"#], .clustering, "found \"samples\""),
      (["task.json": #"{"document_fraction": 1.5}"#], .clustering, "document_fraction: expected a number above 0, 1"),
      (["task.json": #"{"document_fraction": 0.5, "max_documents": 9}"#], .clustering, "no document_fraction beside"),
      (
        ["test.jsonl": row + "\n" + row.replacing("1", with: "2"), "task.json": #"{"document_fraction": 0.1}"#],
        .clustering, "a share of 2 documents that is one or more"
      ),
      (["task.json": #"{"experiments": 0}"#], .clustering, "experiments: expected a whole number above 0, found 0"),
      (["task.json": #"{"type": "guess"}"#], .clustering, "type: expected retrieval, sts"),
    ] as [([String: String], TaskKind, String)])
  func `malformed data is an error that says where`(files: [String: String], kind: TaskKind, expected: String) throws {
    let message = try message(files, kind)
    #expect(message.contains(expected), "\(message)")
  }

  @Test func `a folder that is none is an error`() throws {
    let error = #expect(throws: MinkeError.self) { try TaskFolder(URL(fileURLWithPath: "/no/such/folder")) }
    #expect(error?.kind == .notFound)
  }

  @Test func `the kind of a folder is what its files look like`() throws {
    let forms: [(String, TaskKind)] = [
      (#"{"query": "a", "positive": [], "negative": []}"#, .reranking),
      (#"{"human_summaries": [], "machine_summaries": [], "relevance": []}"#, .summarization),
      (#"{"sentences": [], "labels": []}"#, .clustering), (Self.row, .clustering),
      (#"{"sentence1": "", "sentence2": "", "label": 1}"#, .pairs),
    ]
    for (line, kind) in forms {
      try withTaskFiles { files in
        try files.write(line, to: "data.jsonl")
        #expect(try TaskFolder(files.folder).kind() == kind)
      }
    }
    try withTaskFiles { files in
      try files.write(#"{"type": "pairs"}"#, to: "task.json")
      #expect(try TaskFolder(files.folder).kind() == .pairs)
      try files.write("{}", to: "task.json")
      try files.write(#"{"a": 1}"#)
      #expect(throws: MinkeError.self) { try TaskFolder(files.folder).kind() }
    }
  }

  private func classification(_ files: TaskFiles) throws -> ClassificationTask {
    let train = (0..<12).map { #"{"text": "train\#($0)", "label": "\#($0 % 2 == 0 ? "even" : "odd")"}"# }
    try files.write(train.joined(separator: "\n"), to: "train.jsonl")
    try files.write(
      (0..<4).map { #"{"text": "test\#($0)", "label": "\#($0 == 3 ? "prime" : $0 % 2 == 0 ? "even" : "odd")"}"# }
        .joined(separator: "\r\n"))
    return try ClassificationTask(contentsOf: files.folder)
  }

  private func table(_ broken: String? = nil) -> TableVectors {
    var rows: [String: ArraySlice<Float>] = [:]
    for name in ["train", "test"] {
      for row in 0..<12 { rows["\(name)\(row)"] = row % 2 == 0 ? [1, 0] : [0, 1] }
    }
    if let broken { rows[broken]?[0] = .nan }
    return TableVectors(rows, dimension: 2)
  }

  @Test func `progress goes on while vectors are judged`() throws {
    try withTaskFiles { files in
      try files.write(#"{"experiments": 4, "samples_per_label": 2}"#, to: "task.json")
      let task = try classification(files)
      let heard = Mutex<[Int]>([])
      _ = try task.run(table(), seed: 1) { completed, total in heard.withLock { $0.append(100 * completed / total) } }
      let shares = heard.withLock { $0 }
      #expect(shares.count == 4 && shares == shares.sorted() && shares[0] > 50 && shares[3] == 100)
    }
  }

  @Test func `labels that only test has count as wrong, and that is said`() throws {
    try withTaskFiles { files in
      let result = try classification(files).run(table())
      #expect(result.main == 0.75)
      #expect(
        result.warnings == [
          "1 texts of test.jsonl count as wrong: train.jsonl has none of their labels (prime)",
          "2 classes have fewer than 8 texts in train.jsonl: even, odd",
        ])
    }
  }

  @Test func `vectors that are not finite or too few are errors`() throws {
    try withTaskFiles { files in
      let task = try classification(files)
      let error = #expect(throws: MinkeError.self) { try task.run(self.table("test2")) }
      #expect(error?.kind == .notFinite && error?.subject == "vectors of test.jsonl, row 2")
      let short = #expect(throws: MinkeError.self) { try task.run(TableVectors([:], dimension: 2)) }
      #expect(short?.kind == .shapeMismatch)
    }
  }

  @Test func `vectors made elsewhere are of all texts of train`() throws {
    try withTaskFiles { files in
      try files.write(#"{"samples_per_label": 2, "experiments": 3}"#, to: "task.json")
      let task = try classification(files)
      let expected = try task.run(table())
      let (train, test) = (files.folder.appendingPathComponent("a.npy"), files.folder.appendingPathComponent("b.npy"))
      try Data(table().vectors(of: (0..<12).map { "train\($0)" }, role: nil).npyBytes()).write(to: train)
      try Data(table().vectors(of: (0..<4).map { "test\($0)" }, role: nil).npyBytes()).write(to: test)
      #expect(try task.run(FileVectors([train, test])) == expected)
      let (enough, short, surplus) = (
        FileVectors([train, test]), FileVectors([train, test], dimension: 1), FileVectors([train, test, test])
      )
      for vectors in [enough, short, surplus] { _ = try task.run(vectors) }
      try enough.checkAllUsed()
      #expect(throws: MinkeError.self) { try surplus.checkAllUsed() }
      #expect(try task.run(FileVectors([train, test], dimension: 1)).settings["dimension"] == "1")
      let error = #expect(throws: MinkeError.self) { try task.run(FileVectors([test, train])) }
      #expect(error?.kind == .shapeMismatch)
    }
  }
}
