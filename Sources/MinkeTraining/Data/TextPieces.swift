import MinkeCore
import MinkeModels
import MinkeText

/// What a language model learns from, as it comes out of files.
enum TextPiece: Sendable {
  /// A text, or a part of one; `endsText` where the text ends with it.
  case text([UInt8], endsText: Bool)
  case conversation([ChatMessage])

  /// The texts in it.
  var texts: [[UInt8]] {
    switch self {
    case .text(let bytes, _): [bytes]
    case .conversation(let messages): messages.map { Array($0.text.utf8) }
    }
  }

  /// Calls `body` with the texts that `selection` takes, many at a time, in the order of its files.
  ///
  /// A file of JSON Lines holds a text in each column of each row, or a conversation in each row; any other file is one text.
  /// - Throws: `MinkeError` when a file cannot be read or a line is malformed, and what `body` throws.
  static func forEach(of selection: DataSelection, _ body: ([TextPiece]) throws -> Void) throws {
    for file in selection.files {
      var selection = selection
      selection.files = [file]
      if CompressedFile.form(of: file) == "jsonl" {
        try RowReader(selection, .texts).forEachBlock { block in try body(block.texts()) }
      } else {
        var parts = TextParts(lines: try CompressedFile.lines(file))
        while let next = try parts.next() { try body(next) }
      }
    }
  }
}

/// A plain text in pieces that end with a line, so that all cores can work on it.
private struct TextParts {
  var lines: FileLines
  private var isAtEnd = false
  private static let (pieceSize, pieceCount) = (1 << 15, 256)

  init(lines: FileLines) { self.lines = lines }

  /// The next pieces; nil behind the text's end.
  mutating func next() throws -> [TextPiece]? {
    if isAtEnd { return nil }
    var pieces: [TextPiece] = []
    var piece: [UInt8] = []
    while pieces.count < Self.pieceCount {
      guard let line = try lines.next() else {
        isAtEnd = true
        pieces.append(.text(piece, endsText: true))
        return pieces
      }
      piece += line
      piece.append(0x0a)
      if piece.count >= Self.pieceSize {
        pieces.append(.text(piece, endsText: false))
        piece = []
      }
    }
    if !piece.isEmpty { pieces.append(.text(piece, endsText: false)) }
    return pieces
  }
}

extension RowBlock {
  /// The texts of all columns, one after the other, and the conversations.
  fileprivate func texts() throws -> [TextPiece] {
    try (0..<pieces).flatMap { piece in
      try rows(ofPiece: piece).flatMap { row in
        row.isConversation
          ? [.conversation(row.texts.enumerated().map { ChatMessage($0.isMultiple(of: 2) ? .user : .assistant, $1) })]
          : row.texts.map { .text(Array($0.utf8), endsText: true) }
      }
    }
  }
}
