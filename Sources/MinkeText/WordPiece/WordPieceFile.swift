import MinkeCore

/// The parts of a Hugging Face `tokenizer.json` that a WordPiece tokenizer is made of.
struct WordPieceFile {
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
  private var vocabulary: TokenVocabulary.Builder
  private var modelType: String?
  private var unknownToken = "[UNK]"
  private var continuingPrefix = "##"
  private var maximumCharacters = 100

  init(
    parsing bytes: UnsafeRawBufferPointer, subject: String, options: BertTokenizerOptions? = nil,
    replacing parts: TokenizerParts = TokenizerParts()
  ) throws {
    self.subject = subject
    self.options = options
    vocabulary = TokenVocabulary.Builder(subject: subject)
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
    if let normalizer = parts.normalizer { self.normalizer = normalizer }
    if let preTokenizer = parts.preTokenizer { self.preTokenizer = preTokenizer }
    if let postProcessor = parts.postProcessor { self.postProcessor = postProcessor }
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
        guard (1...WordPieceModel.largestMaximumCharacters).contains(maximumCharacters) else {
          throw reader.error(
            "max_input_chars_per_word from 1 to \(WordPieceModel.largestMaximumCharacters)",
            found: "\(maximumCharacters)")
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
      try TokenVocabulary(vocabulary, continuingPrefix: continuingPrefix),
      normalization: try options?.normalization ?? makeNormalization(),
      unknownToken: options?.unknownToken ?? unknownToken, continuingPrefix: continuingPrefix,
      maximumCharacters: maximumCharacters, subject: subject)
  }

  private func makeNormalization() throws -> BertNormalization {
    if normalizer == .null { return .none }
    guard normalizer["type"]?.string == "BertNormalizer" else {
      throw unsupported("normalizer", normalizer, expected: "BertNormalizer or none")
    }
    return try BertNormalization(TokenizerPart(json: normalizer, subject: "\(subject): normalizer"))
  }

  func makeAddedTokens(_ vocabulary: TokenVocabulary) throws -> [AddedToken] {
    try AddedToken.list(
      addedTokens, subject: subject, known: vocabulary.id(of:),
      text: { id in vocabulary.text(id).map { String(decoding: $0, as: UTF8.self) } })
  }

  // MARK: Settings

  func makeSettings(_ vocabulary: TokenVocabulary) throws -> WordPieceTokenizer.Settings {
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
      let around = try SurroundingTokens(
        postProcessor, TokenizerPartReader(subject: "\(subject): post_processor"))
      (settings.prefix, settings.suffix) = (around.prefix, around.suffix)
    }
    let truncation = try TokenTruncation(truncation, subject: subject)
    (settings.maximumLength, settings.truncatesLeft) = (truncation.maximumLength, truncation.truncatesLeft)
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

  private func flag(_ name: String, of value: JSONValue, _ part: String, default: Bool) throws -> Bool {
    guard let flag = value[name] else { return `default` }
    guard let flag = flag.boolean else { throw malformed("\(part): \(name)", expected: "true or false") }
    return flag
  }

  private func malformed(_ part: String, expected: String, found: String = "something else") -> MinkeError {
    MinkeError(.malformedFile, "\(subject): \(part)", expected: expected, found: found)
  }
}
