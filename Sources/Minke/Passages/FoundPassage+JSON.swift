import MinkeCore

extension FoundPassage {
  /// What programs want to know of the passage, but its score and its file.
  package var json: [String: JSONValue] {
    var members: [String: JSONValue] = [
      "document": .string(document), "lines": [.integer(passage.lines.lowerBound), .integer(passage.lines.upperBound)],
      "bytes": [.integer(passage.byteRange.lowerBound), .integer(passage.byteRange.upperBound)], "text": .string(text),
    ]
    if let title { members["title"] = .string(title) }
    if !metadata.isEmpty { members["metadata"] = .object(metadata) }
    if !before.isEmpty { members["before"] = .array(before.map { .string($0) }) }
    if !after.isEmpty { members["after"] = .array(after.map { .string($0) }) }
    if let page = passage.page { members["page"] = .integer(page) }
    if let context = passage.context { members["context"] = .string(context) }
    return members
  }
}
