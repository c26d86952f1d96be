import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension WordPieceTokenizer {
  /// Reads a Hugging Face `tokenizer.json` of a WordPiece model.
  ///
  /// The file's own truncation is kept, see ``truncating(to:)``; its padding is not.
  /// - Throws: `MinkeError` naming what was expected when the file cannot be read, is malformed, or describes
  ///   another kind of tokenizer.
  public convenience init(contentsOf url: URL) throws {
    let file = try MappedFile(url)
    try self.init(parsing: file.bytes, subject: file.path)
  }

  /// Reads a `tokenizer.json` as the `BertTokenizer` of transformers does: the vocabulary, the added tokens and the
  /// truncation are the file's, all else is as `options` say.
  ///
  /// - Throws: as ``init(contentsOf:)``, and when a token that the options name is missing.
  package convenience init(contentsOf url: URL, options: BertTokenizerOptions) throws {
    let file = try MappedFile(url)
    try self.init(PipelineFile(parsing: file.bytes, subject: file.path, replacing: TokenizerParts()), options: options)
  }

  /// Reads a `vocab.txt`, one token a line from id 0, with the conventions of `bert-base-uncased`.
  ///
  /// `[UNK]` must be among the tokens; `[CLS]`, `[SEP]`, `[PAD]` and `[MASK]` are special where they are.
  /// - Parameters:
  ///   - url: the file.
  ///   - lowercase: whether text is lower-cased and stripped of accents, as for the uncased models.
  /// - Throws: `MinkeError` when the file cannot be read, a token stands twice, or `[UNK]` is missing.
  public convenience init(vocabulary url: URL, lowercase: Bool = true) throws {
    try self.init(
      vocabulary: url, options: BertTokenizerOptions(lowercases: lowercase),
      special: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
  }

  /// Reads a `vocab.txt` of a tokenizer with `options`; the tokens `special` are special where they are.
  ///
  /// - Throws: as ``init(vocabulary:lowercase:)``.
  package convenience init(vocabulary url: URL, options: BertTokenizerOptions, special: [String] = []) throws {
    let file = try MappedFile(url)
    var builder = TokenVocabulary.Builder(subject: file.path)
    guard String(validating: file.bytes, as: UTF8.self) != nil else {
      throw MinkeError(.malformedFile, file.path, expected: "UTF-8 text", found: "bytes that are not")
    }
    var lines = file.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    for (id, line) in lines.enumerated() {
      let end = line.lastIndex { ![0x20, 0x09, 0x0b, 0x0c, 0x0d].contains($0) }
      try builder.append(line[line.startIndex..<(end.map { $0 + 1 } ?? line.startIndex)], id: id)
    }
    let vocabulary = try TokenVocabulary(builder, continuingPrefix: "##")
    let model = try WordPieceModel(
      vocabulary, normalization: options.normalization, unknownToken: options.unknownToken, continuingPrefix: "##",
      maximumCharacters: 100, subject: file.path)
    let added = special.compactMap { content in
      vocabulary.id(of: content).map { AddedToken(id: $0, content: content, special: true) }
    }
    var settings = Settings()
    settings.decoder = .wordPiece(prefix: "##", cleanup: true)
    if let start = vocabulary.id(of: options.startToken), let end = vocabulary.id(of: options.endToken) {
      (settings.prefix, settings.suffix) = ([start], [end])
    }
    self.init(model: model, addedTokens: AddedTokens(added, model: model), settings: settings)
  }

  /// Reads a `tokenizer.json` from memory; `subject` stands for the file in error texts.
  ///
  /// - Throws: as ``init(contentsOf:)``.
  public convenience init(parsing bytes: UnsafeRawBufferPointer, subject: String) throws {
    try self.init(PipelineFile(parsing: bytes, subject: subject, replacing: TokenizerParts()))
  }

  convenience init(_ parts: PipelineFile, options: BertTokenizerOptions? = nil) throws {
    let file = try WordPieceFile(parts, options: options)
    let model = try file.makeModel()
    let settings = try file.makeSettings(model.vocabulary)
    let addedTokens = AddedTokens(try file.makeAddedTokens(model.vocabulary), model: model)
    self.init(model: model, addedTokens: addedTokens, settings: settings)
    for id in settings.prefix + settings.suffix where token(id) == nil {
      throw MinkeError(
        .malformedFile, "\(parts.subject): post_processor", expected: "ids of the vocabulary", found: "\(id)")
    }
  }

  package func adding(_ tokens: [AddedToken]) -> WordPieceTokenizer {
    if tokens.isEmpty { return self }
    let added = AddedTokens(addedTokens.list + tokens, model: model)
    return WordPieceTokenizer(model: model, addedTokens: added, settings: settings)
  }

  // The rules for accents stay as they are.
  package func lowercasing() -> WordPieceTokenizer {
    var normalization = model.rules.normalization
    if normalization.lowercases { return self }
    normalization.lowercases = true
    let model = WordPieceModel(model, normalization: normalization)
    let added = AddedTokens(addedTokens.list, model: model)
    return WordPieceTokenizer(model: model, addedTokens: added, settings: settings)
  }
}

/// What the `BertTokenizer` of transformers takes from `tokenizer_config.json`, whatever `tokenizer.json` says.
package struct BertTokenizerOptions: Sendable {
  package var lowercases: Bool
  /// Whether accents are removed; nil for where text is lower-cased.
  package var stripsAccents: Bool?
  /// Whether each Chinese character is a word of its own.
  package var separatesChinese: Bool
  package var unknownToken: String
  package var startToken: String
  package var endToken: String

  package init(
    lowercases: Bool = true, stripsAccents: Bool? = nil, separatesChinese: Bool = true, unknownToken: String = "[UNK]",
    startToken: String = "[CLS]", endToken: String = "[SEP]"
  ) {
    self.lowercases = lowercases
    self.stripsAccents = stripsAccents
    self.separatesChinese = separatesChinese
    self.unknownToken = unknownToken
    self.startToken = startToken
    self.endToken = endToken
  }

  var normalization: BertNormalization {
    BertNormalization(
      cleansText: true, separatesChinese: separatesChinese, stripsAccents: stripsAccents ?? lowercases,
      lowercases: lowercases)
  }
}

extension WordPieceTokenizer.AddedTokens {
  init(_ tokens: [AddedToken], model: WordPieceModel) {
    list = tokens
    self.tokens = Dictionary(tokens.map { ($0.id, $0) }) { _, last in last }
    inText = AddedTokenMatcher(tokens.filter { !$0.normalized }.map { (Array($0.content.utf8), $0) })
    inNormalizedText = AddedTokenMatcher(
      tokens.filter(\.normalized).map { token in
        var content = token.content
        return (content.withUTF8 { model.rules.normalize($0) }, token)
      })
    rulesAfterNormalization =
      inNormalizedText.isEmpty ? nil : WordRules(.none, vocabulary: model.vocabulary, unknown: model.unknown)
  }
}
