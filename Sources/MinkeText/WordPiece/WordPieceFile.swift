import MinkeCore

/// What a WordPiece tokenizer is made of, out of the parts of a Hugging Face `tokenizer.json`.
struct WordPieceFile {
  private let file: PipelineFile
  /// What the file's normalizer, words and special tokens give way to.
  private let options: BertTokenizerOptions?
  private var unknownToken = "[UNK]"
  private var continuingPrefix = "##"
  private var maximumCharacters = 100

  /// - Throws: `MinkeError` when the model is of another type, or one of its members is malformed.
  init(_ file: PipelineFile, options: BertTokenizerOptions? = nil) throws {
    (self.file, self.options) = (file, options)
    guard file.model["type"]?.string == "WordPiece", file.pieces == nil else {
      let type = file.model["type"].map { "a model of type \($0.text)" }
      throw MinkeError(
        .unsupportedFile, file.subject, expected: "a WordPiece tokenizer.json, its model of type \"WordPiece\"",
        found: type ?? (file.pieces == nil ? "a model without a type" : "a vocabulary that is an array"))
    }
    if let value = file.model["unk_token"] { unknownToken = try text(value, "unk_token") }
    if let value = file.model["continuing_subword_prefix"] {
      continuingPrefix = try text(value, "continuing_subword_prefix")
    }
    if let value = file.model["max_input_chars_per_word"] {
      let range = 1...WordPieceModel.largestMaximumCharacters
      guard let count = value.integer, range.contains(count) else {
        throw malformed(
          "max_input_chars_per_word", expected: "a whole number from 1 to \(range.upperBound)", found: value.text)
      }
      maximumCharacters = count
    }
  }

  private func text(_ value: JSONValue, _ name: String) throws -> String {
    guard let text = value.string else { throw malformed(name, expected: "a text", found: value.text) }
    return text
  }

  private func unsupported(_ part: String, _ value: JSONValue, expected: String) -> MinkeError {
    MinkeError(
      .unsupportedFile, "\(file.subject): \(part)", expected: expected,
      found: value == .null ? "none" : value["type"]?.string ?? "no type")
  }

  // MARK: Model

  func makeModel() throws -> WordPieceModel {
    guard options != nil || file.preTokenizer["type"]?.string == "BertPreTokenizer" else {
      throw unsupported("pre_tokenizer", file.preTokenizer, expected: "BertPreTokenizer")
    }
    return try WordPieceModel(
      try TokenVocabulary(file.vocabulary, continuingPrefix: continuingPrefix),
      normalization: try options?.normalization ?? makeNormalization(),
      unknownToken: options?.unknownToken ?? unknownToken, continuingPrefix: continuingPrefix,
      maximumCharacters: maximumCharacters, subject: file.subject)
  }

  private func makeNormalization() throws -> BertNormalization {
    if file.normalizer == .null { return .none }
    guard file.normalizer["type"]?.string == "BertNormalizer" else {
      throw unsupported("normalizer", file.normalizer, expected: "BertNormalizer or none")
    }
    return try BertNormalization(TokenizerPart(json: file.normalizer, subject: "\(file.subject): normalizer"))
  }

  func makeAddedTokens(_ vocabulary: TokenVocabulary) throws -> [AddedToken] {
    try AddedToken.list(
      file.addedTokens, subject: file.subject, known: vocabulary.id(of:),
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
        file.postProcessor, file.reader("post_processor"))
      (settings.prefix, settings.suffix) = (around.prefix, around.suffix)
    }
    let truncation = try TokenTruncation(file.truncation, subject: file.subject)
    (settings.maximumLength, settings.truncatesLeft) = (truncation.maximumLength, truncation.truncatesLeft)
    settings.padsLeft = file.padding["direction"]?.string == "Left"
    if options != nil {
      settings.decoder = .wordPiece(prefix: "##", cleanup: true)
    } else if file.decoder != .null {
      guard file.decoder["type"]?.string == "WordPiece" else {
        throw unsupported("decoder", file.decoder, expected: "WordPiece or none")
      }
      settings.decoder = .wordPiece(
        prefix: file.decoder["prefix"]?.string ?? "##",
        cleanup: try flag("cleanup", of: file.decoder, "decoder", default: true))
    }
    return settings
  }

  private func flag(_ name: String, of value: JSONValue, _ part: String, default: Bool) throws -> Bool {
    guard let flag = value[name] else { return `default` }
    guard let flag = flag.boolean else { throw malformed("\(part): \(name)", expected: "true or false") }
    return flag
  }

  private func malformed(_ part: String, expected: String, found: String = "something else") -> MinkeError {
    MinkeError(.malformedFile, "\(file.subject): \(part)", expected: expected, found: found)
  }
}
