import Foundation
import MinkeCore
import MinkeModels
import MinkeReading
import MinkeStore
import MinkeText

/// Pairs of texts out of documents of one's own, so that a model learns the words of a field without anyone writing
/// questions: a heading and the text under it, a sentence and the passage it was taken out of (the inverse cloze task,
/// Lee et al. 2019), and passages that follow each other.
enum PassagePairs {
  /// The sources that rows have, which a recipe may choose from.
  enum Source: String, CaseIterable { case heading, sentence, neighbor }

  /// Letters of a sentence that says enough to find a passage by.
  private static let sentenceLength = 24...400
  /// Letters of a text to learn.
  private static let shortest = 40

  /// Whether `path` is read as documents: a folder, a collection, or a file that is no table of rows.
  static func takes(_ path: String) -> Bool {
    if ModelFolder.kind(of: URL(fileURLWithPath: path)) == .folder { return true }
    return !["jsonl", "ndjson", "json", "tsv", "csv"].contains(CompressedFile.form(of: path))
      && CompressedFile.program(for: path) == nil
  }

  /// The rows that the documents at `path` give, in their order.
  ///
  /// - Throws: `MinkeError` when there is nothing there or a file or collection cannot be read.
  static func rows(of path: String) throws -> [DataRow] {
    try isCollection(path) ? rows(ofCollection: path) : rows(ofFiles: path)
  }

  /// Whether a file is a database, as collections are.
  private static func isCollection(_ path: String) throws -> Bool {
    guard ModelFolder.kind(of: URL(fileURLWithPath: path)) == .file else { return false }
    let file = try MappedFile(URL(fileURLWithPath: path))
    return withExtendedLifetime(file) { file.bytes.starts(with: "SQLite format 3\0".utf8) }
  }

  /// Collections hold passages already.
  private static func rows(ofCollection path: String) throws -> [DataRow] {
    let collection = try Collection.open(path)
    defer { try? collection.close() }
    var rows: [DataRow] = []
    for document in try collection.documents {
      var last: String?
      for passage in try collection.passages(of: document) where passage.text.count >= shortest {
        rows += Self.rows(of: passage.text, context: passage.passage.context, after: last)
        last = passage.text
      }
    }
    return rows
  }

  private static func rows(ofFiles path: String) throws -> [DataRow] {
    let files = try TextFileWalker([FilePath(path)]).files
    let pipeline = PassagePipeline(encoder: try ModelLibrary.textEncoder(ModelLibrary.defaultName))
    var rows: [DataRow] = []
    var last: (document: Int, text: String)?
    let report = try pipeline.run(files.map { .file($0) }, encodes: false) { batch in
      for index in 0..<batch.count {
        let text = batch.text(index)
        guard text.count >= shortest else { continue }
        let document = batch.document(of: index)
        let before = last.flatMap { $0.document == document ? $0.text : nil }
        rows += Self.rows(of: text, context: batch.context(index), after: before)
        last = (document, text)
      }
    }
    if let failure = report.failures.first {
      throw MinkeError(
        .inputOutput, failure.path.description, expected: "a file that can be read", found: "\(failure.reason)")
    }
    return rows
  }

  /// The rows that a passage gives, with its heading and the passage before it.
  private static func rows(of text: String, context: String?, after last: String?) -> [DataRow] {
    var rows: [DataRow] = []
    if let context { rows.append(row(context, text, .heading)) }
    if let (sentence, rest) = split(text) { rows.append(row(sentence, rest, .sentence)) }
    if let last { rows.append(row(last, text, .neighbor)) }
    return rows
  }

  private static func row(_ anchor: String, _ positive: String, _ source: Source) -> DataRow {
    DataRow(texts: [anchor, positive], source: source.rawValue)
  }

  /// A sentence of `text` and the text without it; nil where there are no two sentences.
  ///
  /// Which sentence it is follows from the text, so that it is the same in every run.
  static func split(_ text: String) -> (sentence: String, rest: String)? {
    let sentences = sentences(of: text)
    let fit = sentences.filter { sentenceLength.contains(text[$0].count) }
    guard sentences.count > 1, !fit.isEmpty else { return nil }
    let hash = Array(text.utf8).withUnsafeBytes { UInt64(bitPattern: Checksum.of($0)) }
    let chosen = fit[Int(hash % UInt64(fit.count))]
    let rest = (text[..<chosen.lowerBound] + text[chosen.upperBound...]).trimmingCharacters(in: .whitespacesAndNewlines)
    return rest.count < shortest ? nil : (String(text[chosen]), rest)
  }

  /// Where the sentences of `text` lie: each ends with a point, a question or exclamation mark before a space.
  private static func sentences(of text: String) -> [Range<String.Index>] {
    var found: [Range<String.Index>] = []
    var start: String.Index?
    var isEnd = false
    for index in text.indices {
      let character = text[index]
      if character.isWhitespace {
        if isEnd, let from = start {
          found.append(from..<index)
          start = nil
        }
      } else {
        if start == nil { start = index }
        // Quotation marks and brackets behind the mark belong to the sentence.
        isEnd = ".?!".contains(character) || (isEnd && "\"'”’)]".contains(character))
      }
    }
    if let start { found.append(start..<text.endIndex) }
    return found
  }
}
