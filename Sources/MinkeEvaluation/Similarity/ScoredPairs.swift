import Foundation
import MinkeCore
import MinkeText

/// Pairs of sentences and how alike people find them.
public struct ScoredPairs: Sendable {
  /// The file's name without its ending.
  public let name: String
  /// The first text of each pair.
  public let first: [String]
  /// The second text of each pair, in the same order.
  public let second: [String]
  /// How alike people found them, on a scale of their own.
  public let scores: [Double]
  /// What was left out of the file, and why.
  public let warnings: [String]

  /// The names of the members and columns, the first of each as MTEB has them.
  private static let firstNames = ["sentence1", "sentence_1", "text1"]
  private static let secondNames = ["sentence2", "sentence_2", "text2"]
  private static let scoreNames = ["score", "label", "similarity", "similarity_score"]

  /// Reads `.jsonl` (`sentence1`, `sentence2`, `score`), or `.tsv` or `.csv`: with a line of names, or without one with the
  /// score as the first or last column and the sentences as the last or first two.
  ///
  /// - Throws: `MinkeError` when the file cannot be read, a line is malformed or there are fewer than two pairs.
  public init(contentsOf url: URL) throws {
    var pairs: [(String, String, Double)] = []
    var warnings = Warnings()
    if url.pathExtension.lowercased() == "jsonl" {
      var lines = try FileLines(contentsOf: FilePath(url.relativePath))
      while let values = try lines.nextJSON(4096) {
        for (value, line) in values {
          func member(_ names: [String]) -> JSONValue? { names.lazy.compactMap { value[$0] }.first }
          guard let first = member(Self.firstNames)?.string, let second = member(Self.secondNames)?.string,
            let score = member(Self.scoreNames)?.double
          else {
            throw MinkeError(
              .malformedFile, line.subject, expected: "strings \"sentence1\" and \"sentence2\" and a number \"score\"",
              found: "other members")
          }
          pairs.append((first, second, score))
        }
      }
    } else {
      let isTabbed = url.pathExtension.lowercased() != "csv"
      var places: (first: Int, second: Int, score: Int)?
      var rows = try TableRows(url, isTabbed: isTabbed)
      while let (row, subject) = try rows.next() {
        guard let known = places else {
          places = try Self.places(row, subject)
          if let places, let pair = Self.pair(row, places) { pairs.append(pair) }
          continue
        }
        if let pair = Self.pair(row, known) {
          pairs.append(pair)
        } else if row.indices.contains(known.score), row[known.score].isBlankText {
          warnings.add("pairs without a score, left out", subject)
        } else {
          throw MinkeError(
            .malformedFile, subject, expected: "two sentences and a score", found: "\(row.count) columns")
        }
      }
    }
    guard pairs.count > 1 else {
      throw MinkeError(.malformedFile, url.relativePath, expected: "two pairs or more", found: "\(pairs.count)")
    }
    name = url.deletingPathExtension().lastPathComponent
    (first, second, scores) = (pairs.map(\.0), pairs.map(\.1), pairs.map(\.2))
    self.warnings = warnings.texts
  }

  private static func pair(
    _ row: [String], _ places: (first: Int, second: Int, score: Int)
  ) -> (String, String, Double)? {
    guard row.indices.contains(max(places.first, places.second, places.score)),
      let score = Double(row[places.score].trimmingCharacters(in: .whitespaces)), score.isFinite
    else { return nil }
    return (row[places.first], row[places.second], score)
  }

  /// Where the columns are, by the first row: its names, or its number.
  private static func places(
    _ row: [String], _ subject: String
  ) throws -> (first: Int, second: Int, score: Int) {
    let names = row.map { $0.lowercased().trimmingCharacters(in: .whitespaces) }
    func place(_ wanted: [String]) -> Int? { wanted.lazy.compactMap { names.firstIndex(of: $0) }.first }
    if let first = place(firstNames), let second = place(secondNames), let score = place(scoreNames) {
      return (first, second, score)
    }
    let count = row.count
    if count >= 3, Double(names[0]) != nil { return (count - 2, count - 1, 0) }
    if count >= 3, Double(names[count - 1]) != nil { return (0, 1, count - 1) }
    throw MinkeError(
      .malformedFile, subject,
      expected: "names of columns (sentence1, sentence2, score), or a score at the start or end",
      found: "\(count) columns")
  }
}

/// The rows of a table of text: tabs between columns, or commas and quotation marks.
private struct TableRows {
  private var lines: FileLines
  private let isTabbed: Bool

  init(_ url: URL, isTabbed: Bool) throws {
    lines = try FileLines(contentsOf: FilePath(url.relativePath))
    self.isTabbed = isTabbed
  }

  mutating func next() throws -> (row: [String], subject: String)? {
    while var line = try lines.next() {
      if line.isBlank { continue }
      let subject = lines.subject
      if isTabbed {
        if line.last == 0x0d { line.removeLast() }
        let row = line.split(separator: 0x09, omittingEmptySubsequences: false).map {
          String(decoding: $0, as: UTF8.self)
        }
        return (row, subject)
      }
      // A cell in quotation marks may go on in the next line.
      while line.count(where: { $0 == 0x22 }) % 2 == 1, let more = try lines.next() { line += [0x0a] + more }
      if line.last == 0x0d { line.removeLast() }
      return (Self.cells(line), subject)
    }
    return nil
  }

  private static func cells(_ line: [UInt8]) -> [String] {
    var cells: [[UInt8]] = [[]]
    var isQuoted = false
    var place = 0
    while place < line.count {
      let byte = line[place]
      if byte == 0x22 {
        if isQuoted, place + 1 < line.count, line[place + 1] == 0x22 {
          cells[cells.count - 1].append(byte)
          place += 1
        } else {
          isQuoted.toggle()
        }
      } else if byte == 0x2c, !isQuoted {
        cells.append([])
      } else {
        cells[cells.count - 1].append(byte)
      }
      place += 1
    }
    return cells.map { String(decoding: $0, as: UTF8.self) }
  }
}

extension String {
  fileprivate var isBlankText: Bool { allSatisfy(\.isWhitespace) }
}
