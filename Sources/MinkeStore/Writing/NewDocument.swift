import GRDB
import MinkeCore
import MinkeText

/// What a document is known by: the absolute path of its file, or the id that it was given.
enum DocumentKind: Int64, Sendable {
  case record = 0
  case file = 1
}

/// A document, or a further piece of a long one, on its way into the file.
struct NewDocument: Sendable {
  let kind: DocumentKind
  let key: [UInt8]
  /// What results call it.
  let name: String
  var title: String?
  var size: Int?
  /// When the file was changed, in nanoseconds since 1970.
  var modified: Int64?
  /// A hash of the contents.
  var hash: [UInt8]?
  /// The file that the record is from.
  var source: Int64?
  var metadata: JSONValue?

  var passages: [NewPassage] = []
  /// Whether earlier pieces of it were written already.
  var continues = false
  /// Whether nothing of it follows.
  var isWhole = true
}

struct NewPassage: Sendable {
  let passage: Passage
  let text: String

  /// - Parameter text: a NUL in it becomes a space: the database's texts end at one.
  init(passage: Passage, text: String) {
    self.passage = passage
    let mayHoldNUL = text.utf8.withContiguousStorageIfAvailable { $0.contains(0) } ?? true
    self.text = mayHoldNUL ? text.replacing("\0", with: " ") : text
  }

  /// What a passage is found by: the names of what it stands in, and its text.
  static func searchedText(_ text: String, context: String?) -> String {
    context.map { $0 + "\n" + text } ?? text
  }
}

extension StoredPassage {
  static func checksum(
    document: Int64, _ passage: Passage, text: String
  ) -> Int64 {
    var bytes = RowBytes()
    for number in [
      Int(document), passage.byteRange.lowerBound, passage.byteRange.upperBound, passage.lines.lowerBound,
      passage.lines.upperBound, passage.page ?? -1,
    ] { bytes.add(number) }
    bytes.add(passage.context)
    bytes.add(text)
    return bytes.checksum
  }
}

extension JSONValue {
  /// The value as text of the database.
  var stored: String? { if case .object(let members) = self, members.isEmpty { nil } else { text } }
}
