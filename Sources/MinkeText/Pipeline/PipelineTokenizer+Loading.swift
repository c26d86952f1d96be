import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension PipelineTokenizer {
  /// Reads a Hugging Face `tokenizer.json` with a model of byte pair encoding, a unigram model or WordPiece.
  ///
  /// The file's own truncation is kept, see ``truncating(to:)``; its padding is not.
  /// - Parameter url: the file.
  /// - Throws: `MinkeError` naming what was expected when the file cannot be read, is malformed, or has a part that is not
  ///   supported.
  public convenience init(contentsOf url: URL) throws {
    let file = try MappedFile(url)
    try self.init(parsing: file.bytes, subject: file.path)
  }

  /// Reads a `tokenizer.json` from memory.
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - subject: what stands for the file in error texts.
  /// - Throws: as ``init(contentsOf:)``.
  public convenience init(parsing bytes: UnsafeRawBufferPointer, subject: String) throws {
    try self.init(PipelineFile(parsing: bytes, subject: subject, replacing: TokenizerParts()))
  }

  convenience init(_ file: PipelineFile) throws {
    let normalizers = try Normalizer.steps(file.normalizer, file.reader("normalizer"))
    let steps = try PreTokenizer.steps(file.preTokenizer, file.reader("pre_tokenizer"))
    let isByteLevel = try Self.checkByteLevel(steps, file)
    let (model, definition) = try file.makeModel(isByteLevel: isByteLevel)
    let addedTokens = try AddedToken.list(
      file.addedTokens, subject: file.subject, known: model.id(of:), text: model.text(_:))
    let parts = [file.normalizer, file.preTokenizer, file.postProcessor, file.decoder].map(\.text)
    let core = Core(
      normalizers: normalizers, steps: steps, model: model,
      decoder: try TokenDecoder(file.decoder, file.reader("decoder")), addedTokens: addedTokens,
      definition: "\(parts.joined(separator: " ")) \(definition) \(addedTokens)")
    let around = try SurroundingTokens(file.postProcessor, file.reader("post_processor"))
    let truncation = try TokenTruncation(file.truncation, subject: file.subject)
    self.init(
      core,
      Settings(
        prefix: around.prefix, suffix: around.suffix, maximumLength: truncation.maximumLength,
        truncatesLeft: truncation.truncatesLeft, padsLeft: file.padding["direction"]?.string == "Left"))
    for id in around.prefix + around.suffix where token(id) == nil {
      throw MinkeError(
        .malformedFile, "\(file.subject): post_processor", expected: "ids of the vocabulary", found: "\(id)")
    }
  }

  /// Whether words are bytes; refuses what such words cannot go through.
  private static func checkByteLevel(_ steps: [PreTokenizer], _ file: PipelineFile) throws(MinkeError) -> Bool {
    func refused(_ expected: String, _ found: String) -> MinkeError {
      MinkeError(.unsupportedFile, "\(file.subject): pre_tokenizer", expected: expected, found: found)
    }
    for (index, step) in steps.enumerated() {
      switch step {
      case .byteLevel:
        guard index == steps.count - 1 else { throw refused("ByteLevel as the last step", "a step behind it") }
        guard file.modelType == "BPE" else { throw refused("ByteLevel before a BPE model", "another model") }
        return true
      case .metaspace(_, .first, _) where index > 0:
        throw refused("Metaspace with the prepend_scheme first as the first step", "a step before it")
      default: break
      }
    }
    return false
  }
}

extension PipelineTokenizer.Model {
  func id(of token: String) -> TokenID? {
    switch self {
    case .bytePair(let model): model.vocabulary.id(of: token)
    case .unigram(let model): model.id(of: Array(token.utf8))
    case .wordPiece(let model): model.vocabulary.id(of: token)
    }
  }

  func text(_ id: TokenID) -> String? {
    switch self {
    case .bytePair(let model): model.vocabulary.text(id).map { String(decoding: $0, as: UTF8.self) }
    case .unigram(let model): model.text(id).map { String(decoding: $0, as: UTF8.self) }
    case .wordPiece(let model): model.vocabulary.text(id).map { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// One more than the largest id.
  var idCount: Int {
    switch self {
    case .bytePair(let model): model.vocabulary.idCount
    case .unigram(let model): model.count
    case .wordPiece(let model): model.vocabulary.idCount
    }
  }
}

extension PipelineFile {
  /// The model, and what ids depend on in it beside its tokens.
  func makeModel(isByteLevel: Bool) throws -> (PipelineTokenizer.Model, definition: String) {
    let part = TokenizerPart(json: .object(model), subject: "\(subject): model")
    let settings = JSONValue.object(model).text
    switch modelType {
    case "BPE":
      let model = try makeBytePair(part, isByteLevel: isByteLevel)
      let merges = model.merges.merges.map { "\($0.left) \($0.right)" }.joined(separator: ",")
      return (.bytePair(model), "\(settings) \(merges)")
    case "Unigram":
      try part.requireOnly("unk_id", "byte_fallback")
      guard let pieces else { throw unsupported("a Unigram model without scores") }
      guard let unknown = part.json["unk_id"]?.integer else {
        throw part.unsupported("unk_id", expected: "the id of the unknown token")
      }
      let model = try UnigramModel(
        pieces, unknown: unknown, fallsBackToBytes: try part.flag("byte_fallback", default: false), subject: subject)
      return (.unigram(model), "\(settings) \(model.definition)")
    case "WordPiece":
      try part.requireOnly("unk_token", "continuing_subword_prefix", "max_input_chars_per_word")
      let prefix = try part.text("continuing_subword_prefix", default: "##")
      let longest = WordPieceModel.largestMaximumCharacters
      guard let maximum = (part.json["max_input_chars_per_word"] ?? .integer(100)).integer,
        (1...longest).contains(maximum)
      else { throw part.malformed("max_input_chars_per_word", expected: "a number from 1 to \(longest)") }
      let model = try WordPieceModel(
        try TokenVocabulary(vocabulary, continuingPrefix: prefix), normalization: .none,
        unknownToken: try part.text("unk_token", default: "[UNK]"), continuingPrefix: prefix,
        maximumCharacters: maximum,
        subject: subject)
      return (.wordPiece(model), settings)
    case let type?: throw unsupported("a model of type \"\(type)\"")
    case nil: throw unsupported("a model without a type")
    }
  }

  private func makeBytePair(_ part: TokenizerPart, isByteLevel: Bool) throws -> BytePairModel {
    try part.requireOnly(
      "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
      "ignore_merges")
    switch part.json["dropout"] {
    case nil, .null, .integer(0), .number(0): break
    default: throw part.unsupported("dropout", expected: "none: it makes ids by chance")
    }
    func text(_ key: String) throws -> String {
      part.json[key] == .null ? "" : try part.text(key, default: "")
    }
    let (prefix, suffix) = (try text("continuing_subword_prefix"), try text("end_of_word_suffix"))
    guard prefix.utf8.count <= 64, suffix.utf8.count <= 64 else {
      throw part.unsupported("continuing_subword_prefix", expected: "a prefix and a suffix of at most 64 bytes")
    }
    let vocabulary = try TokenVocabulary(vocabulary, continuingPrefix: "")
    let unknownToken = try text("unk_token")
    let settings = BytePairModel.Settings(
      unknown: vocabulary.id(of: unknownToken), fusesUnknown: try part.flag("fuse_unk", default: false),
      ignoresMerges: try part.flag("ignore_merges", default: false), continuingPrefix: Array(prefix.utf8),
      endSuffix: Array(suffix.utf8), isByteLevel: isByteLevel)
    let model = try BytePairModel(
      vocabulary, merges: MergeTable(try makeMerges(vocabulary, prefix: prefix.utf8.count)), settings: settings,
      fallsBackToBytes: try part.flag("byte_fallback", default: false))
    guard unknownToken.isEmpty || settings.unknown != nil || model.knowsAllBytes else {
      throw part.malformed("unk_token", expected: "a token of the vocabulary")
    }
    return model
  }

  /// - Parameter prefix: bytes that the second token of a pair loses.
  private func makeMerges(_ vocabulary: TokenVocabulary, prefix: Int) throws(MinkeError) -> [MergeTable.Merge] {
    func id(_ text: [UInt8]) throws(MinkeError) -> TokenID {
      guard let id = vocabulary.id(of: text) else {
        throw MinkeError(
          .malformedFile, "\(subject): model: merges", expected: "tokens of the vocabulary",
          found: "\"\(String(decoding: text, as: UTF8.self))\"")
      }
      return id
    }
    var made: [MergeTable.Merge] = []
    made.reserveCapacity(merges.count)
    for (left, right) in merges {
      guard right.count >= prefix else {
        throw MinkeError(
          .malformedFile, "\(subject): model: merges", expected: "a second token with the prefix",
          found: "\"\(String(decoding: right, as: UTF8.self))\"")
      }
      made.append(
        MergeTable.Merge(left: try id(left), right: try id(right), result: try id(left + right.dropFirst(prefix))))
    }
    return made
  }
}
