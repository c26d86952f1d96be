import MinkeSearch
import MinkeText

/// What the fields of a query say of documents that are known by their names alone.
struct FieldConditions {
  private let fields: [WordQuery.Field]

  init(_ fields: [WordQuery.Field]) { self.fields = fields }

  /// Whether a document of this name is one that the query is about.
  func hold(of document: String) -> Bool { fields.allSatisfy { holds($0, of: document) != $0.isExcluded } }

  private func holds(_ field: WordQuery.Field, of document: String) -> Bool {
    let name = document.lowercased()
    let file = name.split(separator: "/").last.map(String.init) ?? name
    switch field.name.lowercased() {
    case "path", "document": return Self.matches(field.value, name)
    case "file": return Self.matches(field.value, file)
    case "type":
      let globs = FileType.all.first { $0.name == field.value.lowercased() }?.globs ?? ["*.\(field.value)"]
      return globs.contains { Self.matchesGlob($0.lowercased(), file) }
    default: return false
    }
  }

  /// Whether `text`, in small letters, has `value` in it, or is what it says where that is a pattern.
  private static func matches(_ value: String, _ text: String) -> Bool {
    let value = value.lowercased()
    return value.contains { "*?".contains($0) } ? matchesGlob(value, text) : text.contains(value)
  }

  /// Whether all of `text` is what `pattern` says: `*` is any text, `?` any character.
  static func matchesGlob(_ pattern: String, _ text: String) -> Bool {
    let (pattern, text) = (Array(pattern), Array(text))
    var (place, next) = (0, 0)
    // Where to go on with one character more for the last star.
    var retry: (place: Int, next: Int)?
    while place < text.count {
      if next < pattern.count, pattern[next] == "*" {
        retry = (place, next + 1)
        next += 1
      } else if next < pattern.count, pattern[next] == "?" || pattern[next] == text[place] {
        (place, next) = (place + 1, next + 1)
      } else if let last = retry {
        retry = (last.place + 1, last.next)
        (place, next) = (last.place + 1, last.next)
      } else {
        return false
      }
    }
    return pattern[next...].allSatisfy { $0 == "*" }
  }
}
