/// What a person typed, told apart: words that count, phrases that must occur, what must not, and fields.
///
/// Anything is a valid query.
///
/// | typed | means |
/// |---|---|
/// | `whale hunt` | either word counts; both count more |
/// | `"white whale"` | the words must occur one after the other; they also count |
/// | `-whale`, `-"white whale"` | must not occur |
/// | `path:src/*`, `title:"Moby Dick"`, `-type:pdf` | a condition on a field; the index leaves it to its caller |
///
/// A sign is one only at the start of a word: after white space, a quotation mark that another one ends, a single minus
/// before something else than white space, and a name (a letter or `_`, then letters, digits and `_`) with a colon before
/// something else than white space, a colon or `//`. So `well-known`, `--help`, `5'10"`, `std::vector`, `http://x` and
/// `12:30` are plain words. Typographic quotation marks are as good as plain ones.
public struct WordQuery: Sendable, Hashable {
  /// A condition on a field.
  public struct Field: Sendable, Hashable {
    /// The name before the colon.
    public let name: String
    /// What stands after it, without quotation marks.
    public let value: String
    /// Whether passages that meet the condition are left out.
    public let isExcluded: Bool

    /// A condition that passages must meet or, if it `isExcluded`, must not.
    public init(name: String, value: String, isExcluded: Bool = false) {
      (self.name, self.value, self.isExcluded) = (name, value, isExcluded)
    }
  }

  /// The query without signs, what must not occur and fields: what is meant, for a search by meaning.
  public private(set) var text = ""
  /// The words outside of phrases, as they were typed.
  public private(set) var words: [String] = []
  /// What stood in quotation marks.
  public private(set) var phrases: [String] = []
  /// Words and phrases that must not occur.
  public private(set) var excluded: [String] = []
  /// Conditions on fields.
  public private(set) var fields: [Field] = []

  /// The query that a person typed.
  public init(parsing typed: String) {
    var rest = typed[...]
    while let start = rest.firstIndex(where: { !$0.isWhitespace }) {
      rest = rest[start...]
      parseWord(&rest)
    }
  }

  /// A query of nothing but words: marks and signs in it mean nothing.
  public init(plain text: String) {
    self.text = text
    words = text.split(whereSeparator: \.isWhitespace).map(String.init)
  }

  /// Takes one word with its sign, or one phrase, off the front of `rest`.
  private mutating func parseWord(_ rest: inout Substring) {
    var part = rest
    let isExcluded = Self.dropMinus(&part)
    if let phrase = Self.quoted(&part) {
      if isExcluded { excluded.append(phrase) } else { add(phrase: phrase) }
      rest = part
    } else if let name = Self.fieldName(&part) {
      let value = Self.quoted(&part) ?? Self.word(&part)
      fields.append(Field(name: name, value: value, isExcluded: isExcluded))
      rest = part
    } else if isExcluded {
      excluded.append(Self.word(&part))
      rest = part
    } else {
      add(word: Self.word(&rest))
    }
  }

  private mutating func add(word: String) {
    words.append(word)
    text += (text.isEmpty ? "" : " ") + word
  }

  private mutating func add(phrase: String) {
    phrases.append(phrase)
    if !phrase.isEmpty { text += (text.isEmpty ? "" : " ") + phrase }
  }

  /// Takes off a minus with something behind it that is no minus.
  private static func dropMinus(_ part: inout Substring) -> Bool {
    guard part.first == "-", let next = part.dropFirst().first, !next.isWhitespace, next != "-" else { return false }
    part = part.dropFirst()
    return true
  }

  private static func isQuotationMark(_ character: Character) -> Bool {
    ["\"", "\u{201c}", "\u{201d}", "\u{201e}"].contains(character)
  }

  /// Takes off what stands in quotation marks, if it begins with one and another one follows.
  private static func quoted(_ part: inout Substring) -> String? {
    guard let first = part.first, isQuotationMark(first), let end = part.dropFirst().firstIndex(where: isQuotationMark)
    else { return nil }
    let inside = part.dropFirst()[..<end]
    part = part[part.index(after: end)...]
    return String(inside)
  }

  /// Takes off a name and its colon, if there is something behind that can be a value.
  private static func fieldName(_ part: inout Substring) -> String? {
    func isLetter(_ character: Character) -> Bool { character.isASCII && (character.isLetter || character == "_") }
    guard let first = part.first, isLetter(first) else { return nil }
    let name = part.prefix { isLetter($0) || ($0.isASCII && $0.isNumber) }
    guard name.endIndex < part.endIndex, part[name.endIndex] == ":" else { return nil }
    let value = part[part.index(after: name.endIndex)...]
    guard let next = value.first, !next.isWhitespace, next != ":", !value.hasPrefix("//") else { return nil }
    // The drive of a path, such as C:\notes.
    if name.count == 1, next == "\\" || next == "/" { return nil }
    part = value
    return String(name)
  }

  /// Takes off all up to the next white space.
  private static func word(_ part: inout Substring) -> String {
    let end = part.firstIndex(where: \.isWhitespace) ?? part.endIndex
    defer { part = part[end...] }
    return String(part[..<end])
  }
}
