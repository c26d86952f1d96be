import MinkeCore

/// The parts of a Hugging Face `tokenizer.json`, whatever its model is.
struct PipelineFile {
  let subject: String
  private(set) var truncation = JSONValue.null
  private(set) var padding = JSONValue.null
  private(set) var addedTokens = JSONValue.null
  private(set) var normalizer = JSONValue.null
  private(set) var preTokenizer = JSONValue.null
  private(set) var postProcessor = JSONValue.null
  private(set) var decoder = JSONValue.null
  /// The members of the model but for its vocabulary and merges.
  private(set) var model: [String: JSONValue] = [:]
  /// The tokens of a model that gives each an id.
  private(set) var vocabulary: TokenVocabulary.Builder
  /// Those of a model that gives each a score.
  private(set) var pieces: UnigramModel.Pieces?
  /// The pairs of tokens that are merged, in order.
  private(set) var merges: [(left: [UInt8], right: [UInt8])] = []

  init(parsing bytes: UnsafeRawBufferPointer, subject: String, replacing parts: TokenizerParts) throws {
    self.subject = subject
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
    if let normalizer = parts.normalizer { self.normalizer = normalizer }
    if let preTokenizer = parts.preTokenizer { self.preTokenizer = preTokenizer }
    if let postProcessor = parts.postProcessor { self.postProcessor = postProcessor }
    model.merge(parts.model) { _, new in new }
  }

  private mutating func readModel(_ reader: inout JSONReader) throws {
    try reader.readObject { reader, key in
      switch key {
      case "vocab":
        switch try reader.peek() {
        case .object: try reader.readObjectBytes { reader, token in try vocabulary.append(token, id: reader.readInt()) }
        case .array:
          var pieces = UnigramModel.Pieces()
          try reader.readArray { reader in try Self.readPiece(&reader, into: &pieces) }
          self.pieces = pieces
        case let other: throw unsupported("a vocabulary that is \(other.rawValue)")
        }
      case "merges": try reader.readArray { reader in try readMerge(&reader) }
      default: model[key] = try JSONValue(reading: &reader)
      }
    }
  }

  /// A token and its score.
  private static func readPiece(_ reader: inout JSONReader, into pieces: inout UnigramModel.Pieces) throws {
    var text: [UInt8]?
    var score: Double?
    try reader.readArray { reader in
      if text == nil {
        var bytes: [UInt8] = []
        try reader.readString(into: &bytes)
        text = bytes
      } else if score == nil {
        score = try reader.readDouble()
      } else {
        throw reader.error("a token and its score", found: "more")
      }
    }
    guard let text, let score else { throw reader.error("a token and its score", found: "less") }
    guard pieces.count <= TokenVocabulary.largestID else {
      throw reader.error("at most \(TokenVocabulary.largestID) tokens", found: "more")
    }
    pieces.append(text, score: score)
  }

  /// A pair of tokens: two texts, or one with a space between them.
  private mutating func readMerge(_ reader: inout JSONReader) throws {
    var parts: [[UInt8]] = []
    if try reader.peek() == .array {
      try reader.readArray { reader in
        var text: [UInt8] = []
        try reader.readString(into: &text)
        parts.append(text)
      }
    } else {
      let text = try reader.readString()
      // The first line of the file that merges used to stand in.
      if text.hasPrefix("#version") { return }
      parts = text.utf8.split(separator: 0x20, omittingEmptySubsequences: false).map(Array.init)
    }
    guard parts.count == 2 else {
      throw reader.error("the two tokens of a merge", found: "\(parts.count)")
    }
    merges.append((parts[0], parts[1]))
  }

  func unsupported(_ found: String) -> MinkeError {
    MinkeError(
      .unsupportedFile, subject, expected: "a tokenizer.json, its model of type BPE, Unigram or WordPiece", found: found
    )
  }

  /// The kind of the model; files of the first releases do not say it.
  var modelType: String? { model["type"]?.string ?? (pieces != nil ? "Unigram" : merges.isEmpty ? nil : "BPE") }

  /// Whether it is what ``WordPieceTokenizer`` reads.
  var isBert: Bool {
    modelType == "WordPiece" && preTokenizer["type"]?.string == "BertPreTokenizer"
      && (normalizer == .null || normalizer["type"]?.string == "BertNormalizer")
      && (decoder == .null || decoder["type"]?.string == "WordPiece")
  }

  func reader(_ part: String) -> TokenizerPartReader { TokenizerPartReader(subject: "\(subject): \(part)") }
}
