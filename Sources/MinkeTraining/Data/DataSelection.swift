import MinkeCore

/// Which files, rows and columns are learnt from.
package struct DataSelection: Sendable, Equatable {
  /// Files of JSON Lines, or of plain text for language models; `.gz` and `.xz` are decompressed.
  package var files: [String]
  /// The members that hold the texts; empty for those that are found in the first row.
  package var columns: [String]
  /// The member that says where a row is from.
  package var sourceColumn: String
  /// The member that says how alike the two texts are.
  package var scoreColumn: String
  /// Only rows of these sources; empty for all.
  package var sources: [String]
  /// One row of as many is taken, beginning with the row `offset`.
  package var every: Int
  package var offset: Int
  /// The most rows that are taken.
  package var limit: Int?
  /// The most characters (Unicode scalars) of a text that are read, by the student and by a teacher, up to the end of a
  /// word; nil for all.
  package var characters: Int?
  /// The members that are a conversation, the user's turn and the assistant's one after the other; empty where rows hold
  /// texts only.
  package var turns: [String]
  /// The sources whose rows are conversations, where there are ``turns``; empty for all.
  package var conversations: [String]

  package init(
    files: [String], columns: [String] = [], sourceColumn: String = "source", scoreColumn: String = "score",
    sources: [String] = [], every: Int = 1, offset: Int = 0, limit: Int? = nil, characters: Int? = nil,
    turns: [String] = [], conversations: [String] = []
  ) {
    (self.files, self.columns, self.sourceColumn, self.scoreColumn) = (files, columns, sourceColumn, scoreColumn)
    (self.sources, self.every, self.offset, self.limit) = (sources, every, offset, limit)
    self.characters = characters
    (self.turns, self.conversations) = (turns, conversations)
  }

  /// Whether every row is a conversation.
  var holdsOnlyConversations: Bool { !turns.isEmpty && conversations.isEmpty }

  /// Whether a row of `source` is a conversation.
  func isConversation(_ source: String) -> Bool {
    !turns.isEmpty && (conversations.isEmpty || conversations.contains(source))
  }
}

/// What is made of the rows of a file.
package enum DataPurpose: Sendable {
  /// Two texts or more that belong together in one way or another.
  case pairs
  /// Single texts: every column of a row becomes a row of its own.
  case texts
}

/// The members of a row that count.
package struct DataColumns: Sendable, Equatable {
  package let texts: [String]
  package let source: String
  /// nil where rows are not scored.
  package let score: String?

  private static let first = ["anchor", "query", "question", "sentence1"]
  private static let second = ["positive", "answer", "sentence2"]

  /// The columns of rows like `row`, the first of a file.
  ///
  /// Named ones are taken as they are; else a pair of usual names, and `negative`, `negative_2` and so on behind it.
  /// - Throws: `MinkeError` when the row does not have them.
  init(_ row: JSONValue, _ selection: DataSelection, _ purpose: DataPurpose, subject: String) throws {
    guard let members = row.object else {
      throw MinkeError(.malformedFile, subject, expected: "a JSON object", found: "something else")
    }
    source = selection.sourceColumn
    score = members[selection.scoreColumn] != nil ? selection.scoreColumn : nil
    let names = members.keys.sorted()
    let named = selection.holdsOnlyConversations ? selection.turns : selection.columns
    if !named.isEmpty {
      texts = named
    } else if purpose == .texts, members["text"] != nil {
      texts = ["text"]
    } else {
      let pair = [Self.first, Self.second].compactMap { $0.first { members[$0] != nil } }
      let negatives = names.filter { $0.hasPrefix("negative") }.sorted {
        ($0.utf8.count, $0) < ($1.utf8.count, $1)
      }
      texts = pair + (pair.count == 2 ? negatives : [])
    }
    let missing = texts.filter { members[$0]?.string == nil }
    let found = names.isEmpty ? "none" : names.joined(separator: ", ")
    guard missing.isEmpty else {
      throw MinkeError(
        .malformedFile, subject, expected: "texts \(missing.joined(separator: ", "))", found: "members \(found)")
    }
    guard texts.count >= (purpose == .pairs ? 2 : 1) else {
      throw MinkeError(
        .malformedFile, subject,
        expected: purpose == .pairs
          ? "texts anchor and positive, or two columns by name" : "a text, or a column by name",
        found: "members \(found)")
    }
    guard Set(texts).count == texts.count else {
      throw MinkeError(.invalidArgument, "columns", expected: "different names", found: texts.joined(separator: ", "))
    }
  }

  private init(texts: [String], source: String, score: String?) {
    (self.texts, self.source, self.score) = (texts, source, score)
  }

  /// The columns of a conversation's turns.
  static func turns(_ selection: DataSelection) -> DataColumns {
    DataColumns(texts: selection.turns, source: selection.sourceColumn, score: nil)
  }

  /// The columns of scored pairs in a table.
  static func scored(_ selection: DataSelection) -> DataColumns {
    DataColumns(texts: ["sentence1", "sentence2"], source: selection.sourceColumn, score: selection.scoreColumn)
  }

  /// The columns of pairs without scores.
  static func pairs(_ selection: DataSelection) -> DataColumns {
    DataColumns(texts: ["anchor", "positive"], source: selection.sourceColumn, score: nil)
  }
}

/// The texts of a row, its source and its score.
struct DataRow: Sendable {
  var texts: [String]
  var source = ""
  var score: Double?
  /// Whether the texts are turns, the user's and the assistant's one after the other.
  var isConversation = false

  /// Reads the members of `columns` from a line of JSON.
  ///
  /// - Throws: `MinkeError` naming the member that is missing or no text, or the score that is not finite.
  init(_ line: [UInt8], _ columns: DataColumns, subject: String) throws {
    var found = [String?](repeating: nil, count: columns.texts.count)
    var (source, score) = ("", Double?.none)
    try line.withUnsafeBytes { bytes in
      try JSONReader.read(bytes, subject: subject) { reader in
        try reader.readObject { reader, key in
          if let place = columns.texts.firstIndex(of: key) {
            guard try reader.peek() == .string else { return try reader.skipValue() }
            found[place] = try reader.readString()
          } else if key == columns.source, try reader.peek() == .string {
            source = try reader.readString()
          } else if key == columns.score {
            score = try Self.score(&reader, key, subject)
          } else {
            try reader.skipValue()
          }
        }
      }
    }
    texts = try zip(columns.texts, found).map { name, text in
      if let text { return text }
      throw MinkeError(.malformedFile, subject, expected: "a text \"\(name)\"", found: "none")
    }
    if let name = columns.score, score == nil {
      throw MinkeError(.malformedFile, subject, expected: "a number \"\(name)\"", found: "none")
    }
    (self.source, self.score) = (source, score)
  }

  init(texts: [String], source: String = "", score: Double? = nil) {
    (self.texts, self.source, self.score) = (texts, source, score)
  }

  /// The row with at most `limit` characters of each text, without a word that the limit cuts.
  func cut(to limit: Int?) -> DataRow {
    guard let limit else { return self }
    var row = self
    row.texts = texts.map { text in
      let scalars = text.unicodeScalars
      guard let end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex),
        end < scalars.endIndex
      else { return text }
      let kept = scalars[..<end]
      guard let space = kept.lastIndex(of: " "), let last = kept[..<space].lastIndex(where: { $0 != " " }) else {
        return String(kept)
      }
      return String(kept[...last])
    }
    return row
  }

  /// NaN and Infinity are no JSON, but some programs write them.
  private static func score(_ reader: inout JSONReader, _ name: String, _ subject: String) throws -> Double {
    do {
      return try reader.readDouble()
    } catch let error as MinkeError {
      throw MinkeError(.notFinite, subject, expected: "a finite number \"\(name)\"", found: error.found)
    }
  }
}
