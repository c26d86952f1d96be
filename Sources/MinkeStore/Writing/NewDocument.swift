import GRDB
import MinkeCore
import MinkeText

/// What a document is known by: the absolute path of its file, or the id that it was given.
package enum DocumentKind: Int64, Sendable {
  case record = 0
  case file = 1
}

/// A document, or a further piece of a long one, on its way into the file.
package struct NewDocument: Sendable {
  package let kind: DocumentKind
  package let key: [UInt8]
  /// What results call it.
  package let name: String
  package var title: String?
  package var size: Int?
  /// When the file was changed, in nanoseconds since 1970.
  package var modified: Int64?
  /// A hash of the contents.
  package var hash: [UInt8]?
  /// The file that the record is from.
  package var source: Int64?
  package var metadata: JSONValue?

  package var passages: [NewPassage] = []
  /// Whether earlier pieces of it were written already.
  package var continues = false
  /// Whether nothing of it follows.
  package var isWhole = true
}

package struct NewPassage: Sendable {
  package let passage: Passage
  package let text: String

  /// - Parameter text: a NUL in it becomes a space: the database's texts end at one.
  package init(passage: Passage, text: String) {
    self.passage = passage
    let mayHoldNUL = text.utf8.withContiguousStorageIfAvailable { $0.contains(0) } ?? true
    self.text = mayHoldNUL ? text.replacing("\0", with: " ") : text
  }

  /// What a passage is found by: the names of what it stands in, and its text.
  package static func searchedText(_ text: String, context: String?) -> String {
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
  package var stored: String? { if case .object(let members) = self, members.isEmpty { nil } else { text } }
}
