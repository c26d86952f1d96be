import MinkeCore

/// A tokenizer as Hugging Face `tokenizers` builds them: text is normalized, cut into pieces, and a model makes tokens of
/// each piece.
///
/// The model is byte pair encoding (BPE, as in RoBERTa), a unigram language model (as in XLM-RoBERTa) or WordPiece. The ids
/// are those that the reference gives for the same `tokenizer.json`, in time n log n of the text at most. Bytes that are not
/// UTF-8 count as U+FFFD.
public final class PipelineTokenizer: Tokenizer {
  let core: Core
  let settings: Settings

  init(_ core: Core, _ settings: Settings) {
    self.core = core
    self.settings = settings
  }

  /// What may differ between tokenizers that share a model.
  struct Settings: Sendable {
    /// The ids put before and after a text.
    var prefix: [TokenID] = []
    var suffix: [TokenID] = []
    /// The most ids of one text, those before and after it included.
    var maximumLength: Int?
    /// Whether a text that is too long loses its beginning instead of its end.
    var truncatesLeft = false
    var padsLeft = false
  }

  /// The models, each with its tokens.
  enum Model: Sendable {
    case bytePair(BytePairModel)
    case unigram(UnigramModel)
    case wordPiece(WordPieceModel)
  }

  /// What works on texts: shared by tokenizers that differ in their settings only.
  final class Core: Sendable {
    let normalizers: [Normalizer]
    let steps: [PreTokenizer]
    let model: Model
    let decoder: TokenDecoder
    let addedTokens: [AddedToken]
    let addedTokensByID: [TokenID: AddedToken]
    let inText: AddedTokenMatcher
    let inNormalizedText: AddedTokenMatcher
    /// Whether a step asks where the text begins.
    let findsBeginning: Bool
    /// The parts of the file as JSON, for the tokenizer's identity.
    let definition: String
    let rooms: Spares<PipelineRoom>

    init(
      normalizers: [Normalizer], steps: [PreTokenizer], model: Model, decoder: TokenDecoder, addedTokens: [AddedToken],
      definition: String
    ) {
      self.normalizers = normalizers
      self.steps = steps
      self.model = model
      self.decoder = decoder
      self.addedTokens = addedTokens
      addedTokensByID = Dictionary(addedTokens.map { ($0.id, $0) }) { _, last in last }
      inText = AddedTokenMatcher(addedTokens.filter { !$0.normalized }.map { (Array($0.content.utf8), $0) })
      inNormalizedText = AddedTokenMatcher(
        addedTokens.filter(\.normalized).map { token in
          let (room, other) = (ByteRoom(), ByteRoom())
          var content = token.content
          var beginning = 0
          return withExtendedLifetime((room, other)) {
            content.withUTF8 { (Array(Self.normalized($0, normalizers, room, other, &beginning)), token) }
          }
        })
      findsBeginning = steps.contains { if case .metaspace(_, .first, _) = $0 { true } else { false } }
      self.definition = definition
      let count = steps.count
      rooms = Spares { PipelineRoom(steps: count) }
    }

    /// `text` after all of `normalizers`: itself or a part of it, else in one of the rooms.
    ///
    /// - Parameter beginning: how many scalars of `text` stand for the beginning of the text to encode; becomes how many of
    ///   what is made of it do.
    static func normalized(
      _ text: UnsafeBufferPointer<UInt8>, _ normalizers: [Normalizer], _ room: ByteRoom, _ other: ByteRoom,
      _ beginning: inout Int
    ) -> UnsafeBufferPointer<UInt8> {
      var text = text
      var (free, taken) = (room, other)
      for normalizer in normalizers {
        free.removeAll()
        let written = normalizer.apply(text, in: free)
        if beginning > 0 { beginning = normalizer.beginning(beginning, of: text, in: written) }
        // What is no part of the room that was free stays where it is.
        if written.baseAddress == free.bytes.baseAddress { swap(&free, &taken) }
        text = written
      }
      return text
    }
  }

  // MARK: Tokenizer

  /// The most ids of one text, special tokens included; nil for no limit.
  public var maximumLength: Int? { settings.maximumLength }

  public func truncating(to maximumLength: Int?) -> PipelineTokenizer {
    var settings = settings
    settings.maximumLength = maximumLength
    return PipelineTokenizer(core, settings)
  }

  public func isSpecial(_ id: TokenID) -> Bool { core.addedTokensByID[id]?.special == true }

  public var vocabularySize: Int {
    max(core.model.idCount, 1 + Int(core.addedTokensByID.keys.max() ?? -1))
  }

  public func token(_ id: TokenID) -> String? { core.addedTokensByID[id]?.content ?? core.model.text(id) }

  public func id(of token: String) -> TokenID? {
    core.addedTokens.first { $0.content == token }?.id ?? core.model.id(of: token)
  }

  public var definition: String { "\(core.definition) \(settings) \(vocabularyDefinition)" }

  public func encode(_ text: UnsafeBufferPointer<UInt8>, addingSpecialTokens: Bool, into ids: inout [TokenID]) {
    if addingSpecialTokens { ids += settings.prefix }
    let first = ids.count
    let room = settings.maximumLength.map {
      max(0, $0 - (addingSpecialTokens ? settings.prefix.count + settings.suffix.count : 0))
    }
    let limit = settings.truncatesLeft ? Int.max : room.map { first + $0 } ?? Int.max
    core.encode(text, limit: limit, into: &ids)
    if let room, ids.count - first > room {
      if settings.truncatesLeft {
        ids.removeSubrange(first..<ids.count - room)
      } else {
        ids.removeSubrange((first + room)...)
      }
    }
    if addingSpecialTokens { ids += settings.suffix }
  }

  public func decode(_ ids: some Sequence<TokenID>, skippingSpecialTokens: Bool) -> String {
    let tokens = ids.compactMap { id in
      skippingSpecialTokens && isSpecial(id) ? nil : token(id).map { Array($0.utf8) }
    }
    return String(decoding: core.decoder.text(of: tokens), as: UTF8.self)
  }
}

extension PipelineTokenizer: FileTokenizer {
  package var padsLeft: Bool { settings.padsLeft }

  package func truncating(left: Bool) -> PipelineTokenizer {
    var settings = settings
    settings.truncatesLeft = left
    return PipelineTokenizer(core, settings)
  }

  package func addedToken(_ id: TokenID) -> AddedToken? { core.addedTokensByID[id] }

  package func adding(_ tokens: [AddedToken]) -> PipelineTokenizer {
    if tokens.isEmpty { return self }
    return PipelineTokenizer(core.with(normalizers: core.normalizers, addedTokens: core.addedTokens + tokens), settings)
  }

  package func lowercasing() -> PipelineTokenizer {
    PipelineTokenizer(
      core.with(normalizers: [.lowercase] + core.normalizers, addedTokens: core.addedTokens), settings)
  }

  package func surrounding(prefix: [TokenID], suffix: [TokenID]) -> PipelineTokenizer {
    var settings = settings
    (settings.prefix, settings.suffix) = (prefix, suffix)
    return PipelineTokenizer(core, settings)
  }
}

extension PipelineTokenizer.Core {
  fileprivate func with(normalizers: [Normalizer], addedTokens: [AddedToken]) -> PipelineTokenizer.Core {
    // What was added counts for the identity, too.
    let change = "\(addedTokens) \(normalizers.count)"
    return PipelineTokenizer.Core(
      normalizers: normalizers, steps: steps, model: model, decoder: decoder, addedTokens: addedTokens,
      definition: "\(definition) \(change)")
  }
}
