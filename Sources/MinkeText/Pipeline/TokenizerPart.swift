import MinkeCore

/// Makes ``TokenizerPart``s of one part of a `tokenizer.json`, such as its normalizer.
struct TokenizerPartReader: Sendable {
  /// The file and the part, for error texts.
  let subject: String

  func part(_ json: JSONValue) -> TokenizerPart { TokenizerPart(json: json, subject: subject) }
}

/// An object of a `tokenizer.json` with a type.
struct TokenizerPart {
  let json: JSONValue
  /// The file and the part, for error texts.
  let subject: String

  var type: String? { json["type"]?.string }

  /// What errors call it.
  private var place: String { type.map { "\(subject): \($0)" } ?? subject }

  func unsupported(expected: String) -> MinkeError {
    MinkeError(
      .unsupportedFile, subject, expected: expected, found: json == .null ? "none" : type ?? "no type")
  }

  func unsupported(_ key: String, expected: String) -> MinkeError {
    MinkeError(.unsupportedFile, "\(place): \(key)", expected: expected, found: json[key]?.text ?? "none")
  }

  func malformed(_ key: String, expected: String) -> MinkeError {
    MinkeError(.malformedFile, "\(place): \(key)", expected: expected, found: json[key]?.text ?? "none")
  }

  /// Refuses members beyond `keys` and the type: one that is not known may change ids.
  func requireOnly(_ keys: String...) throws(MinkeError) {
    for key in (json.object ?? [:]).keys.sorted() where key != "type" && !keys.contains(key) {
      throw unsupported(key, expected: "no such member")
    }
  }

  func flag(_ key: String, default: Bool? = nil) throws(MinkeError) -> Bool {
    if json[key] == nil, let `default` { return `default` }
    guard let flag = json[key]?.boolean else { throw malformed(key, expected: "true or false") }
    return flag
  }

  func text(_ key: String, default: String? = nil) throws(MinkeError) -> String {
    if json[key] == nil, let `default` { return `default` }
    guard let text = json[key]?.string else { throw malformed(key, expected: "a text") }
    return text
  }

  func elements(_ key: String) throws(MinkeError) -> [JSONValue] {
    guard let elements = json[key]?.array else { throw malformed(key, expected: "an array") }
    return elements
  }

  /// The sign of Metaspace, and where it is put in front.
  func metaspace() throws(MinkeError) -> (scalar: UInt32, prefix: MetaspacePrefix) {
    let signs = Array(try text("replacement").unicodeScalars)
    guard signs.count == 1 else { throw malformed("replacement", expected: "one character") }
    var prefix = MetaspacePrefix.always
    let scheme = json["prepend_scheme"] ?? .null
    switch scheme.string {
    case "always": break
    case "first": prefix = .first
    case "never": prefix = .never
    case nil where scheme == .null: prefix = try flag("add_prefix_space", default: true) ? .always : .never
    default: throw unsupported("prepend_scheme", expected: "always, first or never")
    }
    return (signs[0].value, prefix)
  }

  /// The pattern of Split and Replace.
  func pattern() throws(MinkeError) -> TextPattern {
    if let text = json["pattern"]?["String"]?.string {
      guard let pattern = TextPattern(literal: text) else {
        throw unsupported("pattern", expected: "a text of 1 to 8 bytes")
      }
      return pattern
    }
    guard let expression = json["pattern"]?["Regex"]?.string else {
      throw malformed("pattern", expected: "a String or a Regex")
    }
    guard let pattern = TextPattern(expression: expression) else {
      throw unsupported("pattern", expected: "a regular expression that published models use")
    }
    return pattern
  }
}

extension BertNormalization {
  /// Reads a BertNormalizer.
  init(_ part: TokenizerPart) throws(MinkeError) {
    let lowercases = try part.flag("lowercase", default: true)
    let stripsAccents = part.json["strip_accents"] ?? .null
    self.init(
      cleansText: try part.flag("clean_text", default: true),
      separatesChinese: try part.flag("handle_chinese_chars", default: true),
      stripsAccents: stripsAccents == .null ? lowercases : try part.flag("strip_accents"), lowercases: lowercases)
  }
}

extension Normalizer {
  /// The steps of the normalizer of a `tokenizer.json`, sequences laid flat.
  static func steps(_ json: JSONValue, _ reader: TokenizerPartReader) throws(MinkeError) -> [Normalizer] {
    let part = reader.part(json)
    switch part.type {
    case nil where json == .null: return []
    case "Sequence":
      var steps: [Normalizer] = []
      for element in try part.elements("normalizers") { steps += try self.steps(element, reader) }
      return steps
    case "BertNormalizer":
      try part.requireOnly("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
      let none = try TokenVocabulary(TokenVocabulary.Builder(subject: reader.subject), continuingPrefix: "")
      return [.bert(WordRules(try BertNormalization(part), vocabulary: none, unknown: 0))]
    case "NFC": return [.unicode(.nfc)]
    case "NFD": return [.unicode(.nfd)]
    case "NFKC": return [.unicode(.nfkc)]
    case "NFKD": return [.unicode(.nfkd)]
    case "Lowercase": return [.lowercase]
    case "StripAccents": return [.stripAccents]
    case "Nmt": return [.nmt]
    case "Strip":
      try part.requireOnly("strip_left", "strip_right")
      return [.strip(left: try part.flag("strip_left"), right: try part.flag("strip_right"))]
    case "Replace":
      try part.requireOnly("pattern", "content")
      let pattern = try part.pattern()
      if case .words = pattern { throw part.unsupported("pattern", expected: "a pattern of less than whole words") }
      return [.replace(pattern, with: Array(try part.text("content").utf8))]
    case "Prepend":
      try part.requireOnly("prepend")
      return [.prepend(Array(try part.text("prepend").utf8))]
    case "Precompiled":
      try part.requireOnly("precompiled_charsmap")
      return [
        .precompiled(
          try PrecompiledCharacters(base64: try part.text("precompiled_charsmap"), subject: reader.subject))
      ]
    default:
      throw part.unsupported(
        expected:
          "BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Replace, Prepend, Precompiled, "
          + "Nmt, Sequence or none")
    }
  }
}

extension PreTokenizer {
  /// The steps of the pre-tokenizer of a `tokenizer.json`, sequences laid flat.
  static func steps(_ json: JSONValue, _ reader: TokenizerPartReader) throws(MinkeError) -> [PreTokenizer] {
    let part = reader.part(json)
    let space = PreTokenizer.split(.run(.space, least: 1, most: 1), .removed, isInverted: false)
    switch part.type {
    case nil where json == .null: return []
    case "Sequence":
      var steps: [PreTokenizer] = []
      for element in try part.elements("pretokenizers") { steps += try self.steps(element, reader) }
      return steps
    case "WhitespaceSplit": return [space]
    case "Whitespace": return [.whitespace]
    case "BertPreTokenizer":
      return [space, .split(.run(.punctuation, least: 1, most: 1), .isolated, isInverted: false)]
    case "Punctuation":
      try part.requireOnly("behavior")
      return [
        .split(.run(.punctuation, least: 1, most: 1), try behavior(part, default: "Isolated"), isInverted: false)
      ]
    case "Digits":
      try part.requireOnly("individual_digits")
      let behavior = try part.flag("individual_digits") ? SplitBehavior.isolated : .contiguous
      return [.split(.run(.digit, least: 1, most: 1), behavior, isInverted: false)]
    case "Metaspace":
      try part.requireOnly("replacement", "prepend_scheme", "add_prefix_space", "split", "str_rep")
      let (scalar, prefix) = try part.metaspace()
      return [.metaspace(scalar, prefix: prefix, splits: try part.flag("split", default: true))]
    case "ByteLevel":
      try part.requireOnly("add_prefix_space", "trim_offsets", "use_regex")
      return [
        .byteLevel(
          addsPrefixSpace: try part.flag("add_prefix_space"), cutsWords: try part.flag("use_regex", default: true))
      ]
    case "Split":
      try part.requireOnly("pattern", "behavior", "invert")
      let pattern = try part.pattern()
      let isInverted = try part.flag("invert")
      let behavior = try behavior(part)
      if case .words = pattern, !(behavior == .isolated || (behavior == .removed && isInverted)) {
        throw part.unsupported("behavior", expected: "Isolated, or Removed and inverted, for a pattern of words")
      }
      return [.split(pattern, behavior, isInverted: isInverted)]
    default:
      throw part.unsupported(
        expected: "BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation, Digits, Metaspace, ByteLevel, Split, "
          + "Sequence or none")
    }
  }

  private static func behavior(_ part: TokenizerPart, default: String? = nil) throws(MinkeError) -> SplitBehavior {
    guard let behavior = SplitBehavior(rawValue: try part.text("behavior", default: `default`)) else {
      throw part.unsupported(
        "behavior", expected: "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous")
    }
    return behavior
  }
}
