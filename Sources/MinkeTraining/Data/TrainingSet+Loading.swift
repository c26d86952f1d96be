import Foundation
import MinkeCore
import MinkeEvaluation
import MinkeModels
import MinkeText

extension TrainingSet {
  /// Reads the rows that `selection` takes and makes tokens of their texts, on all cores.
  ///
  /// A first text is read as a query and the others as documents, where the model tells them apart. Rows with a text
  /// that is empty or has no token, and rows whose texts are all the same, are left out, which ``notes`` say.
  ///
  /// - Parameter progress: hears of rows read; how many there are is not known.
  /// - Throws: `MinkeError` when a file cannot be read, or a line is malformed or lacks a column.
  package init(
    _ selection: DataSelection, _ purpose: DataPurpose, _ tokenization: TextTokenization,
    progress: ProgressHandler? = nil
  ) throws {
    var loading = RowLoading(purpose)
    try RowReader(selection, purpose).forEachBlock { block in
      try loading.append(block.parts(purpose, tokenization), block)
      progress?(loading.rowsRead, 0)
    }
    self = try loading.finish(selection)
  }

  /// Calls `body` with the texts that a set of the same arguments holds, some rows at a time: all texts of a row, then
  /// those of the next.
  ///
  /// - Throws: as ``init(_:_:_:progress:)``, and what `body` throws.
  static func forEachTexts(
    of selection: DataSelection, _ purpose: DataPurpose, _ tokenization: TextTokenization,
    _ body: ([String]) throws -> Void
  ) throws {
    try RowReader(selection, purpose).forEachBlock { block in
      try body(block.parts(purpose, tokenization, keepingTexts: true).flatMap(\.texts))
    }
  }
}

/// Rows of several files as they come.
private struct RowLoading {
  private var set: TrainingSet?
  private var sourceNumbers: [String: Int32] = [:]
  private var (emptyRows, equalRows) = (0, 0)
  private(set) var rowsRead = 0
  private let purpose: DataPurpose

  init(_ purpose: DataPurpose) { self.purpose = purpose }

  mutating func append(_ parts: [RowPart], _ block: RowBlock) throws {
    var set = self.set ?? TrainingSet(columns: purpose == .texts ? ["text"] : block.columns.texts)
    self.set = nil
    let names = set.columns.map(\.name)
    guard purpose == .texts || names == block.columns.texts, set.count == 0 || (set.scores != nil) == block.isScored
    else {
      throw MinkeError(
        .malformedFile, block.name, expected: "the columns of the files before it, \(names.joined(separator: ", "))",
        found: block.columns.texts.joined(separator: ", ") + (block.isScored ? " and a score" : ""))
    }
    if set.files.last != block.name { set.files.append(block.name) }
    if block.isScored, set.scores == nil { set.scores = [] }
    let file = Int32(set.files.count - 1)
    for part in parts {
      for (index, column) in part.columns.enumerated() {
        let start = set.columns[index].ids.count
        set.columns[index].ids += column.ids
        set.columns[index].ends += column.ends.map { start + $0 }
        set.columns[index].hashes += column.hashes
      }
      let numbers = part.sourceNames.map { name in
        sourceNumbers[name]
          ?? {
            set.sourceNames.append(name)
            sourceNumbers[name] = Int32(set.sourceNames.count - 1)
            return Int32(set.sourceNames.count - 1)
          }()
      }
      set.sources += part.sources.map { numbers[$0] }
      if block.isScored { set.scores?.append(contentsOf: part.scores) }
      set.places += part.lines.map { (file, $0) }
      emptyRows += part.emptyRows
      equalRows += part.equalRows
      rowsRead += part.rowsRead
    }
    self.set = set
  }

  func finish(_ selection: DataSelection) throws -> TrainingSet {
    guard var set, set.count > 0 else {
      throw MinkeError(
        .malformedFile, selection.files.joined(separator: ", "), expected: "rows to learn from",
        found: emptyRows + equalRows > 0 ? "\(emptyRows + equalRows) rows with empty or equal texts" : "none")
    }
    if emptyRows > 0 { set.notes.append("\(emptyRows) rows with an empty text left out") }
    if equalRows > 0 { set.notes.append("\(equalRows) rows whose texts are the same left out") }
    return set
  }
}

/// What some lines of a file became.
struct RowPart: Sendable {
  var columns: [TrainingSet.Column]
  var sourceNames: [String] = []
  var sources: [Int] = []
  var scores: [Float] = []
  var lines: [Int32] = []
  /// The texts themselves, where they are kept.
  var texts: [String] = []
  var emptyRows = 0
  var equalRows = 0
  var rowsRead = 0
}

/// Rows of a file that were read and not yet looked into.
struct RowBlock: Sendable {
  enum Rows: Sendable {
    case lines([[UInt8]], numbers: [Int32])
    case rows([DataRow])
  }

  let name: String
  let columns: DataColumns
  let selection: DataSelection
  let rows: Rows

  private static let piece = 64

  var isScored: Bool { columns.score != nil }
  private var count: Int {
    switch rows {
    case .lines(let lines, _): lines.count
    case .rows(let rows): rows.count
    }
  }

  /// How many pieces the rows come in, each for one thread.
  var pieces: Int { (count + Self.piece - 1) / Self.piece }

  private func row(_ index: Int) throws -> (DataRow, line: Int32) {
    switch rows {
    case .lines(let lines, let numbers):
      let subject = "\(name), line \(numbers[index])"
      var row = try DataRow(lines[index], columns, subject: subject)
      if selection.isConversation(row.source) {
        if !selection.holdsOnlyConversations { row = try DataRow(lines[index], .turns(selection), subject: subject) }
        row.isConversation = true
      }
      return (row.cut(to: selection.characters), numbers[index])
    case .rows(let rows): return (rows[index].cut(to: selection.characters), Int32(index + 1))
    }
  }

  /// The rows of a piece that are of the sources asked for.
  func rows(ofPiece piece: Int) throws -> [DataRow] {
    try (piece * Self.piece..<min(count, (piece + 1) * Self.piece)).map { try row($0).0 }
      .filter { takes($0.source) }
  }

  private func takes(_ source: String) -> Bool { selection.sources.isEmpty || selection.sources.contains(source) }

  /// The rows in tokens, worked out on all cores.
  func parts(
    _ purpose: DataPurpose, _ tokenization: TextTokenization, keepingTexts: Bool = false
  ) throws -> [RowPart] {
    let roles: [TextRole?] = purpose == .pairs ? [.query, .document] : [nil]
    let prompts = roles.map { tokenization.prompts.text(for: $0) }
    return try Workers.map(count: pieces, grain: 1) { piece in
      try part(piece, purpose, keepingTexts: keepingTexts) { text, column, ids in
        tokenization.append(text, prompt: prompts[min(column, prompts.count - 1)], into: &ids)
      }
    }
  }

  private func part(
    _ piece: Int, _ purpose: DataPurpose, keepingTexts: Bool,
    _ tokenize: (String, _ column: Int, inout [TokenID]) -> Void
  ) throws -> RowPart {
    let isSingle = purpose == .texts
    var part = RowPart(columns: (isSingle ? ["text"] : columns.texts).map { TrainingSet.Column($0) })
    var sourceNumbers: [String: Int] = [:]
    var ids: [TokenID] = []
    for index in piece * Self.piece..<min(count, (piece + 1) * Self.piece) {
      let (row, line) = try row(index)
      part.rowsRead += 1
      if !takes(row.source) { continue }
      var texts: [[TokenID]] = []
      var kept: [String] = []
      for (column, text) in row.texts.enumerated() {
        ids.removeAll(keepingCapacity: true)
        if !text.utf8.allSatisfy({ $0 <= 0x20 }) { tokenize(text, isSingle ? 0 : column, &ids) }
        texts.append(ids)
        if !ids.isEmpty, keepingTexts { kept.append(text) }
      }
      if texts.contains(where: \.isEmpty) {
        part.emptyRows += 1
        if isSingle { texts.removeAll(where: \.isEmpty) } else { continue }
      }
      // Of scored texts the same two may well be asked for; they are as alike as can be.
      let hashes = texts.map { ids in ids.withUnsafeBytes { UInt64(bitPattern: Checksum.of($0)) } }
      if !isSingle, !isScored, Set(hashes).count < hashes.count {
        part.equalRows += 1
        continue
      }
      part.texts += kept
      for (place, text) in texts.enumerated() {
        let column = isSingle ? 0 : place
        part.columns[column].ids += text
        part.columns[column].ends.append(part.columns[column].ids.count)
        part.columns[column].hashes.append(hashes[place])
      }
      let source =
        sourceNumbers[row.source]
        ?? {
          part.sourceNames.append(row.source)
          sourceNumbers[row.source] = part.sourceNames.count - 1
          return part.sourceNames.count - 1
        }()
      for _ in 0..<(isSingle ? texts.count : 1) {
        part.sources.append(source)
        part.lines.append(line)
        if let score = row.score { part.scores.append(Float(score)) }
      }
    }
    return part
  }
}
