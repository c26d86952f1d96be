import Foundation
import Minke
import MinkeCore
import MinkeText

/// Documents, queries and judgments of which document is right for which query, in the layout of BEIR: `corpus.jsonl`
/// and `queries.jsonl` (`_id` or `id`, `text`, a document's `title`), and `qrels/*.tsv` (query, document, gain).
///
/// Documents are read piece by piece when they are needed; queries and judgments are in memory.
public struct RetrievalDataset: Sendable {
  /// A query with what is right for it.
  public struct Query: Sendable {
    /// The query's id in the data.
    public let id: String
    /// What is asked.
    public let text: String
    /// The gains of the documents that are right for it, all above 0, by their ids.
    public let gains: [String: Int]
  }

  /// The name of the folder.
  public let name: String
  /// The queries that a document is right for, in the order of their file.
  public let queries: [Query]
  /// What is not as it should be in the queries and judgments.
  public let warnings: [String]
  let corpus: FilePath

  /// Reads the queries and judgments of the folder at `url`.
  ///
  /// - Parameter split: which file of `qrels` to take; nil for `test`, or the only one.
  /// - Throws: `MinkeError` when a file is missing, a line is malformed, or there is no query to ask.
  public init(contentsOf url: URL, split: String? = nil) throws {
    name = url.lastPathComponent
    corpus = FilePath(url.appendingPathComponent("corpus.jsonl").relativePath)
    guard FileManager.default.fileExists(atPath: corpus.description) else {
      throw MinkeError(
        .notFound, url.relativePath, expected: "a folder with corpus.jsonl, queries.jsonl and qrels",
        found: "no corpus.jsonl")
    }
    var warnings = Warnings()
    let judgments = try Judgments(contentsOf: Self.judgmentFile(of: url, split), &warnings)
    var found: [Query] = []
    var seen: Set<String> = []
    var lines = try FileLines(contentsOf: FilePath(url.appendingPathComponent("queries.jsonl").relativePath))
    while let values = try lines.nextJSON(4096) {
      for (value, line) in values {
        let record = try RetrievalRecord(value, line.subject)
        guard seen.insert(record.id).inserted else {
          warnings.add("queries that come twice, of which the first counts", record.id)
          continue
        }
        if let gains = judgments.gains[record.id] {
          found.append(Query(id: record.id, text: record.text, gains: gains))
        }
      }
    }
    for id in judgments.gains.keys.sorted() where !seen.contains(id) {
      warnings.add("judged queries that queries.jsonl does not have", id)
    }
    guard !found.isEmpty else {
      throw MinkeError(
        .malformedFile, url.relativePath, expected: "a query with a document that is right", found: "none")
    }
    (queries, self.warnings) = (found, warnings.texts)
  }

  private static func judgmentFile(of folder: URL, _ split: String?) throws -> URL {
    let qrels = folder.appendingPathComponent("qrels")
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: qrels.path)) ?? [])
      .filter { $0.hasSuffix(".tsv") }.sorted()
    let wanted = split.map { $0 + ".tsv" } ?? (names.count == 1 ? names[0] : "test.tsv")
    guard names.contains(wanted) else {
      throw MinkeError(
        .notFound, qrels.relativePath, expected: wanted,
        found: names.isEmpty ? "no .tsv files" : names.joined(separator: ", ") + "; --split chooses")
    }
    return qrels.appendingPathComponent(wanted)
  }

  /// Calls `body` with the documents, some thousand at a time.
  ///
  /// - Parameter body: gets records of which no two have one id, and how much of the file is read.
  func forEachBatch(
    _ warnings: inout Warnings, of count: Int = 8192,
    _ body: (_ documents: [RetrievalRecord], _ isLast: Bool, _ bytes: Int) throws -> Void
  ) throws {
    var lines = try FileLines(contentsOf: corpus)
    var seen: Set<String> = []
    func read() throws -> [RetrievalRecord]? {
      guard let values = try lines.nextJSON(count) else { return nil }
      return try values.compactMap { value, line in
        let record = try RetrievalRecord(value, line.subject)
        if seen.insert(record.id).inserted { return record }
        warnings.add("documents that come twice, of which the first counts", record.id)
        return nil
      }
    }
    guard var batch = try read() else {
      throw MinkeError(.malformedFile, corpus.description, expected: "documents", found: "none")
    }
    while true {
      try Task.checkCancellation()
      let next = try read()
      try body(batch, next == nil, lines.bytes)
      guard let next else { return }
      batch = next
    }
  }

  var corpusBytes: Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: corpus.description)
    return (attributes?[.size] as? Int) ?? 0
  }

  /// The documents with these ids, as they are shown.
  func documents(_ ids: Set<String>) throws -> [String: RetrievalRecord] {
    var found: [String: RetrievalRecord] = [:]
    var ignored = Warnings()
    try forEachBatch(&ignored) { batch, _, _ in
      for record in batch where ids.contains(record.id) { found[record.id] = record }
    }
    return found
  }
}

/// A line of a corpus or of queries.
struct RetrievalRecord: Sendable {
  let id: String
  let title: String
  let text: String

  init(_ value: JSONValue, _ subject: String) throws {
    guard let id = (value["_id"] ?? value["id"]).flatMap({ $0.string ?? $0.integer.map(String.init) }), !id.isEmpty
    else {
      throw MinkeError(.malformedFile, subject, expected: "an object with an \"_id\"", found: "none")
    }
    guard let text = value["text"]?.string else {
      throw MinkeError(.malformedFile, subject, expected: "a string \"text\"", found: "none")
    }
    (self.id, self.text, title) = (id, text, value["title"]?.string ?? "")
  }

  /// The text that is encoded and searched for words: the title in front, as the field does.
  var wholeText: String { title.isEmpty ? text : text.isEmpty ? title : title + " " + text }
}

/// The judgments of a file: three columns (query, document, gain) with a line of names above, or the four of TREC.
struct Judgments {
  /// By query, the documents with a gain above 0.
  private(set) var gains: [String: [String: Int]] = [:]

  init(contentsOf url: URL, _ warnings: inout Warnings) throws {
    var lines = try FileLines(contentsOf: FilePath(url.relativePath))
    while let line = try lines.next() {
      if line.isBlank { continue }
      let columns = String(decoding: line, as: UTF8.self).split { $0 == "\t" || $0 == " " || $0.isNewline }.map(
        String.init)
      let wide = columns.count == 4
      guard columns.count == 3 || wide, let gain = Double(columns[wide ? 3 : 2]), gain.isFinite, gain.magnitude < 1e9
      else {
        // The names of the columns.
        if lines.line == 1, columns.count >= 3 { continue }
        throw MinkeError(.malformedFile, lines.subject, expected: "query, document and gain", found: shortened(columns))
      }
      let (query, document) = (columns[0], columns[wide ? 2 : 1])
      if gain < 0 { warnings.add("judgments below 0, which count as 0", "\(query) \(document)") }
      guard gain > 0 else { continue }
      if gains[query]?[document] != nil { warnings.add("judgments that come twice", "\(query) \(document)") }
      gains[query, default: [:]][document] = max(1, Int(gain))
    }
  }

  private func shortened(_ columns: [String]) -> String {
    columns.isEmpty ? "nothing" : String(columns.joined(separator: " ").prefix(60))
  }
}

/// What is not as it should be, counted by what it is, with the first few of each.
struct Warnings {
  private var kinds: [(what: String, count: Int, names: [String])] = []

  mutating func add(_ what: String, _ name: String) {
    let index = kinds.firstIndex { $0.what == what } ?? kinds.count
    if index == kinds.count { kinds.append((what, 0, [])) }
    kinds[index].count += 1
    if kinds[index].names.count < 3 { kinds[index].names.append(name) }
  }

  var texts: [String] {
    kinds.map { "\($0.count) \($0.what): \($0.names.joined(separator: ", "))\($0.count > 3 ? ", ..." : "")" }
  }
}
