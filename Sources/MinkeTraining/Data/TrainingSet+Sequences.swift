import Foundation
import MinkeCore
import MinkeText

extension TrainingSet {
  /// Reads texts for a language model: the tokens of all of them one after the other, cut into sequences of `length`.
  ///
  /// A file of JSON Lines holds a text in each column of each row, any other file is one text. `separator` stands behind
  /// every text. What is left at the end and fills no sequence is not learnt from.
  /// - Throws: `MinkeError` when a file cannot be read or a line is malformed, or all is shorter than one sequence.
  package init(
    sequencesOf length: Int, _ selection: DataSelection, _ tokenizer: any Tokenizer, separator: TokenID?,
    progress: ProgressHandler? = nil
  ) throws {
    self.init(columns: ["text"])
    var ids: [TokenID] = []
    func append(_ texts: [(text: [UInt8], endsText: Bool)]) throws {
      let parts = try Workers.map(count: texts.count, grain: 1) { index -> [TokenID] in
        var part: [TokenID] = []
        texts[index].text.withUnsafeBufferPointer {
          tokenizer.encode($0, addingSpecialTokens: false, into: &part)
        }
        if texts[index].endsText, let separator { part.append(separator) }
        return part
      }
      for part in parts { ids += part }
      progress?(ids.count / length, 0)
    }
    for file in selection.files {
      var selection = selection
      selection.files = [file]
      if CompressedFile.form(of: file) == "jsonl" {
        try RowReader(selection, .texts).forEachBlock { block in try append(try block.texts()) }
      } else {
        var pieces = TextPieces(lines: try CompressedFile.lines(file))
        while let next = try pieces.next() { try append(next) }
      }
    }
    guard ids.count >= length else {
      throw MinkeError(
        .invalidArgument, selection.files.joined(separator: ", "),
        expected: "texts of at least one sequence, \(length) tokens", found: "\(ids.count) tokens")
    }
    let count = ids.count / length
    ids.removeLast(ids.count - count * length)
    columns[0].ids = ids
    columns[0].ends = (1...count).map { $0 * length }
    sources = [Int32](repeating: 0, count: count)
    sourceNames = [""]
    files = selection.files
  }
}

/// A plain text in pieces that end with a line, so that all cores can make tokens of it.
private struct TextPieces {
  var lines: FileLines
  private var isAtEnd = false
  private static let (pieceSize, pieceCount) = (1 << 15, 256)

  init(lines: FileLines) { self.lines = lines }

  /// The next pieces, and whether each ends the text; nil behind its end.
  mutating func next() throws -> [(text: [UInt8], endsText: Bool)]? {
    if isAtEnd { return nil }
    var pieces: [(text: [UInt8], endsText: Bool)] = []
    var piece: [UInt8] = []
    while pieces.count < Self.pieceCount {
      guard let line = try lines.next() else {
        isAtEnd = true
        pieces.append((piece, true))
        return pieces
      }
      piece += line
      piece.append(0x0a)
      if piece.count >= Self.pieceSize {
        pieces.append((piece, false))
        piece = []
      }
    }
    if !piece.isEmpty { pieces.append((piece, false)) }
    return pieces
  }
}

extension RowBlock {
  /// The texts of all columns, one after the other.
  fileprivate func texts() throws -> [(text: [UInt8], endsText: Bool)] {
    try (0..<pieces).flatMap { piece in
      try rows(ofPiece: piece).flatMap { row in row.texts.map { (Array($0.utf8), true) } }
    }
  }
}
