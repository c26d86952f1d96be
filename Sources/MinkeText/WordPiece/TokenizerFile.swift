import MinkeCore

/// The parts of a Hugging Face `tokenizer.json` that a WordPiece tokenizer is made of.
struct TokenizerFile {
  private let subject: String
  /// What the file's normalizer, words and special tokens give way to.
  private let options: BertTokenizerOptions?
  private var truncation = JSONValue.null
  private var padding = JSONValue.null
  private var addedTokens = JSONValue.array([])
  private var normalizer = JSONValue.null
  private var preTokenizer = JSONValue.null
  private var postProcessor = JSONValue.null
  private var decoder = JSONValue.null
  private var vocabulary: WordPieceVocabulary.Builder
  private var modelType: String?
  private var unknownToken = "[UNK]"
  private var continuingPrefix = "##"
  private var maximumCharacters = 100

  /// Longer words are never cut into pieces, whatever the file allows: the time that a word takes grows with the square
  /// of its length.
  private static let largestMaximumCharacters = 1000
  /// Bytes of the longest added token: every place of a text may be compared with all of it.
  private static let longestAddedToken = 256

  init(parsing bytes: UnsafeRawBufferPointer, subject: String, options: BertTokenizerOptions? = nil) throws {
    self.subject = subject
    self.options = options
    vocabulary = WordPieceVocabulary.Builder(subject: subject)
    var hasModel = false
    try JSONReader.read(bytes, subject: subject) { reader in
      guard try reader.peek() == .object else { throw unsupported("\(try reader.peek().rawValue)") }
      try reader.readObject { reader, key in
        switch key {
        case "truncation": truncation = try JSONValue(reading: &reader)
        case "padding": padding = try JSONValue(reading: &reader)
        case "added_tokens": addedTokens = try JSONValue(reading: &reader)
        case "normalizer": normalizer = try JSONValue(reading: &reader)
        case "pre_tokenizer": preTokenizer = try JSONValue(reading: &reader)
        case "post_processor": postProcessor = try JSONValue(reading: &reader)
        case "decoder": decoder = try JSONValue(reading: &reader)
        case "model":
          hasModel = true
          guard try reader.peek() == .object else { throw unsupported("a \"model\" that is no object") }
          try readModel(&reader)
        default: try reader.skipValue()
        }
      }
    }
    guard hasModel else { throw unsupported("no \"model\"") }
    guard modelType == "WordPiece" else { throw unsupported("a model without a type") }
  }

  private mutating func readModel(_ reader: inout JSONReader) throws {
    try reader.readObject { reader, key in
      switch key {
      case "type":
        let type = try reader.readString()
        guard type == "WordPiece" else { throw unsupported("a model of type \"\(type)\"") }
        modelType = type
      case "unk_token": unknownToken = try reader.readString()
      case "continuing_subword_prefix": continuingPrefix = try reader.readString()
      case "max_input_chars_per_word":
        maximumCharacters = try reader.readInt()
        guard (1...Self.largestMaximumCharacters).contains(maximumCharacters) else {
          throw reader.error(
            "max_input_chars_per_word from 1 to \(Self.largestMaximumCharacters)", found: "\(maximumCharacters)")
        }
      case "vocab":
        guard try reader.peek() == .object else {
          throw unsupported("a vocabulary that is \(try reader.peek().rawValue)")
        }
        try reader.readObjectBytes { reader, token in try vocabulary.append(token, id: reader.readInt()) }
      default: try reader.skipValue()
      }
    }
  }

  private func unsupported(_ found: String) -> MinkeError {
    MinkeError(
      .unsupportedFile, subject, expected: "a WordPiece tokenizer.json, its model of type \"WordPiece\"", found: found)
  }

  private func unsupported(_ part: String, _ value: JSONValue, expected: String) -> MinkeError {
    MinkeError(
      .unsupportedFile, "\(subject): \(part)", expected: expected,
      found: value == .null ? "none" : value["type"]?.string ?? "no type")
  }

  // MARK: Model

  func makeModel() throws -> WordPieceModel {
    guard options != nil || preTokenizer["type"]?.string == "BertPreTokenizer" else {
      throw unsupported("pre_tokenizer", preTokenizer, expected: "BertPreTokenizer")
    }
    return try WordPieceModel(
      try WordPieceVocabulary(vocabulary, continuingPrefix: continuingPrefix),
      normalization: try options?.normalization ?? makeNormalization(),
      unknownToken: options?.unknownToken ?? unknownToken, continuingPrefix: continuingPrefix,
      maximumCharacters: maximumCharacters, subject: subject)
  }

  private func makeNormalization() throws -> BertNormalization {
    if normalizer == .null { return .none }
    guard normalizer["type"]?.string == "BertNormalizer" else {
      throw unsupported("normalizer", normalizer, expected: "BertNormalizer or none")
    }
    let lowercases = try flag("lowercase", of: normalizer, "normalizer", default: true)
    let stripsAccents = normalizer["strip_accents"] ?? .null
    return BertNormalization(
      cleansText: try flag("clean_text", of: normalizer, "normalizer", default: true),
      separatesChinese: try flag("handle_chinese_chars", of: normalizer, "normalizer", default: true),
      stripsAccents: stripsAccents == .null
        ? lowercases : try flag("strip_accents", of: normalizer, "normalizer", default: true),
      lowercases: lowercases)
  }

  func makeAddedTokens(_ vocabulary: WordPieceVocabulary) throws -> [AddedToken] {
    if addedTokens == .null { return [] }
    guard let values = addedTokens.array else { throw malformed("added_tokens", expected: "an array") }
    return try values.map { value in
      guard let id = value["id"]?.integer, (0...WordPieceVocabulary.largestID).contains(id),
        let content = value["content"]?.string, !content.isEmpty, content.utf8.count <= Self.longestAddedToken
      else {
        throw malformed(
          "added_tokens", expected: "an id from 0 and a content of at most \(Self.longestAddedToken) bytes each")
      }
      let place = "added token \"\(content)\""
      if let known = vocabulary.id(of: content), known != id {
        throw malformed(place, expected: "id \(known), as in the vocabulary", found: "\(id)")
      }
      if let other = vocabulary.text(TokenID(id)).map({ String(decoding: $0, as: UTF8.self) }), other != content {
        throw malformed(place, expected: "an id of its own", found: "\(id), which is \"\(other)\"")
      }
      let special = try flag("special", of: value, place, default: false)
      return AddedToken(
        id: TokenID(id), content: content, singleWord: try flag("single_word", of: value, place, default: false),
        stripsLeft: try flag("lstrip", of: value, place, default: false),
        stripsRight: try flag("rstrip", of: value, place, default: false),
        normalized: try flag("normalized", of: value, place, default: !special), special: special)
    }
  }

  // MARK: Settings

  func makeSettings(_ vocabulary: WordPieceVocabulary) throws -> WordPieceTokenizer.Settings {
    var settings = WordPieceTokenizer.Settings()
    if let options {
      func id(_ token: String) throws -> TokenID {
        guard let id = vocabulary.id(of: token) else {
          throw malformed("vocabulary", expected: "the special token \"\(token)\"", found: "none")
        }
        return id
      }
      (settings.prefix, settings.suffix) = ([try id(options.startToken)], [try id(options.endToken)])
    } else {
      (settings.prefix, settings.suffix) = try makeTemplate()
    }
    if truncation != .null {
      guard let length = truncation["max_length"]?.integer, length >= 0 else {
        throw malformed("truncation", expected: "max_length, a whole number")
      }
      settings.maximumLength = length
      settings.truncatesLeft = truncation["direction"]?.string == "Left"
    }
    settings.padsLeft = padding["direction"]?.string == "Left"
    if options != nil {
      settings.decoder = .wordPiece(prefix: "##", cleanup: true)
    } else if decoder != .null {
      guard decoder["type"]?.string == "WordPiece" else {
        throw unsupported("decoder", decoder, expected: "WordPiece or none")
      }
      settings.decoder = .wordPiece(
        prefix: decoder["prefix"]?.string ?? "##", cleanup: try flag("cleanup", of: decoder, "decoder", default: true))
    }
    return settings
  }

  private func makeTemplate() throws -> (prefix: [TokenID], suffix: [TokenID]) {
    switch postProcessor["type"]?.string {
    case nil where postProcessor == .null: return ([], [])
    case "BertProcessing":
      guard let start = tokenID(postProcessor["cls"]?.array?.last), let end = tokenID(postProcessor["sep"]?.array?.last)
      else {
        throw malformed("post_processor", expected: "\"cls\" and \"sep\", each a token and its id")
      }
      return ([start], [end])
    case "TemplateProcessing":
      var parts: [[TokenID]] = [[]]
      for element in postProcessor["single"]?.array ?? [] {
        if element["Sequence"] != nil {
          parts.append([])
        } else if let name = element["SpecialToken"]?["id"]?.string,
          let ids = postProcessor["special_tokens"]?[name]?["ids"]?.array?.map(tokenID), !ids.contains(nil)
        {
          parts[parts.count - 1] += ids.compactMap { $0 }
        } else {
          throw malformed("post_processor", expected: "in \"single\" the text and special tokens with their ids")
        }
      }
      guard parts.count == 2 else {
        throw malformed("post_processor", expected: "the text once in \"single\"", found: "\(parts.count - 1) times")
      }
      return (parts[0], parts[1])
    default: throw unsupported("post_processor", postProcessor, expected: "TemplateProcessing, BertProcessing or none")
    }
  }

  private func tokenID(_ value: JSONValue?) -> TokenID? {
    value?.integer.flatMap { (0...WordPieceVocabulary.largestID).contains($0) ? TokenID($0) : nil }
  }

  private func flag(_ name: String, of value: JSONValue, _ part: String, default: Bool) throws -> Bool {
    guard let flag = value[name] else { return `default` }
    guard let flag = flag.boolean else { throw malformed("\(part): \(name)", expected: "true or false") }
    return flag
  }

  private func malformed(_ part: String, expected: String, found: String = "something else") -> MinkeError {
    MinkeError(.malformedFile, "\(subject): \(part)", expected: expected, found: found)
  }
}
