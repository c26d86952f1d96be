import MinkeCore
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A model that continues text, with its tokenizer: generation, chat, log-likelihood, perplexity.
///
/// A language model is immutable and may be used by any number of tasks at once.
public struct LanguageModel: LoadedModel {
  /// What tells this model from others.
  public let identity: ModelIdentity
  /// What turns text into tokens and back.
  public let tokenizer: any LosslessTokenizer
  /// The token that stands before a text without context.
  public let startToken: TokenID
  /// The tokens after which there is nothing more to say: the end of a text and of a chat message.
  public let endTokens: Set<TokenID>
  /// What the model's files leave open and how it was taken, a sentence each; empty where they say all.
  public let assumptions: [String]
  /// The network.
  package let model: any CausalModel
  /// What there is to know about the network.
  var modelFacts: [ModelFact] = []
  /// The files that the model was read from; nil for one that was not.
  var files: (any ModelFiles)?

  /// The most tokens that the model sees at once.
  public var contextLength: Int { model.contextLength }

  /// - Parameters:
  ///   - model: the network.
  ///   - tokenizer: its tokenizer, of no more tokens than the model has.
  ///   - identity: what tells the model from others.
  ///   - startToken: the token that stands before a text without context.
  ///   - endTokens: the tokens that end a text or a message.
  ///   - assumptions: what the files leave open and how it was taken.
  /// - Throws: `MinkeError` when a token is not one of the model's.
  public init(
    _ model: some CausalModel, tokenizer: some LosslessTokenizer, identity: ModelIdentity, startToken: TokenID,
    endTokens: Set<TokenID>, assumptions: [String] = []
  ) throws(MinkeError) {
    let size = model.vocabularySize
    guard tokenizer.vocabularySize <= size else {
      throw MinkeError(
        .malformedFile, "\(identity.name): tokenizer", expected: "at most \(size) tokens, as the model",
        found: "\(tokenizer.vocabularySize)")
    }
    for token in [startToken] + endTokens where token < 0 || Int(token) >= size {
      throw MinkeError(
        .malformedFile, "\(identity.name): start and end tokens", expected: "0 to \(size - 1)", found: "\(token)")
    }
    self.model = model
    self.tokenizer = tokenizer
    self.identity = identity
    self.startToken = startToken
    self.endTokens = endTokens
    self.assumptions = assumptions
  }

  public var facts: [ModelFact] {
    let facts = [
      ModelFact("context", "\(contextLength) tokens"), ModelFact("vocabulary", "\(tokenizer.vocabularySize) tokens"),
    ]
    return modelFacts + facts + assumptions.map { ModelFact("assumed", $0) }
  }

  public var savablePrecisions: [Precision] { files?.savablePrecisions ?? [] }

  @discardableResult
  public func save(to destination: URL, precision: Precision) throws -> [String] {
    guard let files, files.savablePrecisions.contains(precision) else { throw cannotSave(precision) }
    return try files.save(to: destination, precision: precision)
  }

  /// A context without any tokens yet.
  public func makeContext() -> Context { Self.context(of: model) }

  private static func context(of model: some CausalModel) -> Context { Context(Reader(model)) }

  /// The tokens of a prompt: those of `text`, or the start token where it has none.
  func prompt(_ text: String) -> [TokenID] {
    let tokens = tokenizer.encode(text)
    return tokens.isEmpty ? [startToken] : tokens
  }
}

extension LanguageModel {
  /// What the model has read of one sequence, ready to say what may come next.
  ///
  /// A context is a value: a copy goes on by itself, so two tasks never write to the same one. Copying costs nothing
  /// until one of the two reads on.
  public struct Context: Sendable {
    private var reader: any ContextReader

    fileprivate init(_ reader: any ContextReader) { self.reader = reader }

    /// The tokens read so far.
    public var tokens: [TokenID] { reader.tokens }

    /// How many tokens were read so far.
    public var count: Int { reader.count }

    /// Reads `tokens` and gives the logits after the last of them, `[vocabularySize]`.
    ///
    /// The calling thread and the others of the pool do the work.
    /// - Throws: `MinkeError` when there are no tokens, one is not in the vocabulary or the sequence would outgrow the
    ///   context length, and the context is then as before; `MinkeError` when a weight is not finite and
    ///   `CancellationError` when the calling task is cancelled, and ``tokens`` then says how far it came.
    @discardableResult
    public mutating func append(_ tokens: some Collection<TokenID>) throws -> [Float] {
      try reader.logits(ArraySlice(tokens))
    }

    /// Leaves only the first `count` tokens.
    public mutating func truncate(to count: Int) { reader.truncate(to: Swift.max(0, Swift.min(count, self.count))) }
  }
}

/// A model and what it remembers of one sequence.
private protocol ContextReader: Sendable {
  var tokens: [TokenID] { get }
  var count: Int { get }
  mutating func logits(_ tokens: ArraySlice<TokenID>) throws -> [Float]
  mutating func truncate(to count: Int)
}

private struct Reader<Model: CausalModel>: ContextReader {
  let model: Model
  var state: Model.State

  init(_ model: Model) {
    self.model = model
    state = model.makeState()
  }

  var tokens: [TokenID] { state.tokens }
  var count: Int { state.tokens.count }
  mutating func logits(_ tokens: ArraySlice<TokenID>) throws -> [Float] { try model.logits(tokens, after: &state) }
  mutating func truncate(to count: Int) { model.truncate(&state, to: count) }
}
