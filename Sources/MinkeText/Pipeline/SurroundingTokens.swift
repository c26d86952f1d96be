import MinkeCore

/// The ids that a post-processor puts before and after a text.
struct SurroundingTokens: Sendable {
  var prefix: [TokenID] = []
  var suffix: [TokenID] = []

  /// Reads the post-processor of a `tokenizer.json`.
  ///
  /// - Throws: `MinkeError` naming one that is not supported.
  init(_ json: JSONValue, _ reader: TokenizerPartReader) throws(MinkeError) {
    let part = reader.part(json)
    switch part.type {
    case nil where json == .null: break
    // It changes nothing but where tokens are said to stand.
    case "ByteLevel": break
    case "BertProcessing", "RobertaProcessing":
      guard let start = Self.id(json["cls"]?.array?.last), let end = Self.id(json["sep"]?.array?.last) else {
        throw MinkeError(
          .malformedFile, reader.subject, expected: "\"cls\" and \"sep\", each a token and its id",
          found: "something else")
      }
      (prefix, suffix) = ([start], [end])
    case "TemplateProcessing": try readTemplate(json, reader.subject)
    case "Sequence":
      for element in try part.elements("processors") {
        let outer = try SurroundingTokens(element, reader)
        prefix = outer.prefix + prefix
        suffix += outer.suffix
      }
    default:
      throw part.unsupported(
        expected: "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence or none")
    }
  }

  private mutating func readTemplate(_ json: JSONValue, _ subject: String) throws(MinkeError) {
    func malformed(_ expected: String, _ found: String = "something else") -> MinkeError {
      MinkeError(.malformedFile, subject, expected: expected, found: found)
    }
    var parts: [[TokenID]] = [[]]
    for element in json["single"]?.array ?? [] {
      if element["Sequence"] != nil {
        parts.append([])
      } else if let name = element["SpecialToken"]?["id"]?.string,
        let ids = json["special_tokens"]?[name]?["ids"]?.array?.map(Self.id), !ids.contains(nil)
      {
        parts[parts.count - 1] += ids.compactMap { $0 }
      } else {
        throw malformed("in \"single\" the text and special tokens with their ids")
      }
    }
    guard parts.count == 2 else {
      throw malformed("the text once in \"single\"", "\(parts.count - 1) times")
    }
    (prefix, suffix) = (parts[0], parts[1])
  }

  private static func id(_ value: JSONValue?) -> TokenID? {
    value?.integer.flatMap { (0...TokenVocabulary.largestID).contains($0) ? TokenID($0) : nil }
  }
}

extension AddedToken {
  /// Bytes of the longest added token: every place of a text may be compared with all of it.
  private static let longest = 256

  /// Reads the added tokens of a `tokenizer.json`.
  ///
  /// - Parameters:
  ///   - known: the id of a token in the model's vocabulary.
  ///   - text: the token of an id in the model's vocabulary.
  /// - Throws: `MinkeError` for one whose id is another token's.
  static func list(
    _ json: JSONValue, subject: String, known: (String) -> TokenID?, text: (TokenID) -> String?
  ) throws(MinkeError) -> [AddedToken] {
    if json == .null { return [] }
    guard let values = json.array else {
      throw MinkeError(
        .malformedFile, "\(subject): added_tokens", expected: "an array", found: "something else")
    }
    return try values.map { (value) throws(MinkeError) in
      guard let id = value["id"]?.integer, (0...TokenVocabulary.largestID).contains(id),
        let content = value["content"]?.string, !content.isEmpty, content.utf8.count <= longest
      else {
        throw MinkeError(
          .malformedFile, "\(subject): added_tokens",
          expected: "an id from 0 and a content of at most \(longest) bytes each", found: "something else")
      }
      let place = "\(subject): added token \"\(content)\""
      if let known = known(content), known != id {
        throw MinkeError(
          .malformedFile, place, expected: "id \(known), as in the vocabulary", found: "\(id)")
      }
      if let other = text(TokenID(id)), other != content {
        throw MinkeError(
          .malformedFile, place, expected: "an id of its own", found: "\(id), which is \"\(other)\"")
      }
      let part = TokenizerPart(json: value, subject: place)
      let special = try part.flag("special", default: false)
      return AddedToken(
        id: TokenID(id), content: content, singleWord: try part.flag("single_word", default: false),
        stripsLeft: try part.flag("lstrip", default: false), stripsRight: try part.flag("rstrip", default: false),
        normalized: try part.flag("normalized", default: !special), special: special)
    }
  }
}

/// Where the truncation of a `tokenizer.json` cuts a text.
struct TokenTruncation: Sendable {
  var maximumLength: Int?
  var truncatesLeft = false

  init(_ json: JSONValue, subject: String) throws(MinkeError) {
    if json == .null { return }
    guard let length = json["max_length"]?.integer, length >= 0 else {
      throw MinkeError(
        .malformedFile, "\(subject): truncation", expected: "max_length, a whole number", found: "something else")
    }
    maximumLength = length
    truncatesLeft = json["direction"]?.string == "Left"
  }
}
