import MinkeCore
import MinkeText

/// How a text is to be continued.
public struct GenerationOptions: Sendable {
  public var sampling: Sampling
  /// Above 1, tokens that were there before become less likely; 1 leaves them as they are.
  public var repetitionPenalty: Double
  /// Most tokens to generate; nil goes on to the end of the text or of the context.
  public var maximumTokens: Int?
  /// Generation ends before the first of these texts.
  public var stop: [String]
  /// Whether the end of a text, or of a chat message, ends the generation.
  public var endsAtEndToken: Bool

  public init(
    sampling: Sampling = .greedy, repetitionPenalty: Double = 1, maximumTokens: Int? = nil, stop: [String] = [],
    endsAtEndToken: Bool = true
  ) {
    self.sampling = sampling
    self.repetitionPenalty = repetitionPenalty
    self.maximumTokens = maximumTokens
    self.stop = stop
    self.endsAtEndToken = endsAtEndToken
  }
}

/// A piece of generated text.
public struct GeneratedPiece: Sendable, Equatable {
  /// Whole characters; may be empty.
  public let text: String
  /// The token chosen last; nil for what was held back at the end.
  public let token: TokenID?
  /// Why this piece is the last one; nil for all before.
  public let end: GenerationEnd?
}

/// Why a generation ended.
public enum GenerationEnd: String, Sendable {
  /// The model ended the text or the message.
  case endOfText = "end"
  /// A text to stop at came.
  case stopText = "stop"
  /// As many tokens as were asked for are there.
  case maximumTokens = "length"
  /// The context is full: the model can see no further.
  case contextFull = "context"
}

extension LanguageModel {
  /// Continues `prompt` piece by piece, as fast as the pieces are made.
  ///
  /// When the consuming task is cancelled or stops iterating, generation ends.
  /// - Returns: pieces whose texts, joined, are the continuation; the last one says why it ended.
  /// - Throws: while iterating, ``MinkeError`` when an option is out of its range or the prompt leaves no room in the
  ///   context.
  public func generate(
    _ prompt: String, options: GenerationOptions = GenerationOptions()
  ) -> AsyncThrowingStream<GeneratedPiece, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task.detached(priority: .userInitiated) {
        do {
          var tokens = tokenizer.encode(prompt)
          if tokens.isEmpty { tokens = [startToken] }
          try generate(after: tokens, state: model.makeState(), options: options) { continuation.yield($0) }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  /// Runs `tokens` after those in `state`, then generates token by token and hands each piece to `emit`.
  ///
  /// The calling thread does the work. Afterwards `state` holds all tokens but the last one chosen.
  /// - Returns: the tokens generated, the end token left out.
  /// - Throws: ``MinkeError`` when an option is out of its range or the tokens leave no room in the context;
  ///   `CancellationError` when the calling task is cancelled.
  @discardableResult
  public func generate(
    after tokens: [TokenID], state: SequenceState, options: GenerationOptions = GenerationOptions(),
    _ emit: (GeneratedPiece) throws -> Void
  ) throws -> [TokenID] {
    if let maximum = options.maximumTokens, maximum < 0 {
      throw MinkeError(.invalidArgument, "maximum tokens", expected: "0 or more", found: "\(maximum)")
    }
    var sampler = try Sampler(options.sampling, repetitionPenalty: options.repetitionPenalty)
    var text = StreamedText(tokenizer, stop: options.stop)
    var generated: [TokenID] = []
    var seen = Set(tokens)
    if options.maximumTokens == 0 {
      try emit(GeneratedPiece(text: "", token: nil, end: .maximumTokens))
      return []
    }
    var logits = try model.logits(tokens, after: state)
    while true {
      try Task.checkCancellation()
      let token = sampler.next(logits, seen: seen)
      if options.endsAtEndToken, endTokens.contains(token) {
        try emit(GeneratedPiece(text: text.finish(), token: nil, end: .endOfText))
        return generated
      }
      generated.append(token)
      seen.insert(token)
      let piece = text.append(token)
      var end: GenerationEnd?
      if text.isStopped {
        end = .stopText
      } else if generated.count == options.maximumTokens {
        end = .maximumTokens
      } else if state.count == contextLength {
        end = .contextFull
      }
      if let end {
        try emit(GeneratedPiece(text: text.isStopped ? piece : piece + text.finish(), token: token, end: end))
        return generated
      }
      try emit(GeneratedPiece(text: piece, token: token, end: nil))
      logits = try model.logits([token], after: state)
    }
  }
}

/// Text as it comes, token by token, held back where it may be the beginning of a text to stop at.
struct StreamedText {
  private var decoder: IncrementalDecoder
  private let stop: [[UInt8]]
  private var held: [UInt8] = []
  /// Whether a text to stop at has come.
  private(set) var isStopped = false

  init(_ tokenizer: SpikeTokenizer, stop: [String]) {
    decoder = IncrementalDecoder(tokenizer)
    self.stop = stop.filter { !$0.isEmpty }.map { Array($0.utf8) }
  }

  /// The text that `token` makes certain.
  mutating func append(_ token: TokenID) -> String { release(decoder.append(token), isLast: false) }

  /// What was held back, nothing more being to come.
  mutating func finish() -> String { release(decoder.finish(), isLast: true) }

  private mutating func release(_ text: String, isLast: Bool) -> String {
    if isStopped { return "" }
    held += text.utf8
    let first = held.indices.first { start in stop.contains { held[start...].starts(with: $0) } }
    if let first {
      isStopped = true
      return String(decoding: held[..<first], as: UTF8.self)
    }
    let certain =
      isLast
      ? held.count
      : held.indices.first { start in stop.contains { $0.starts(with: held[start...]) } } ?? held.count
    defer { held.removeFirst(certain) }
    return String(decoding: held[..<certain], as: UTF8.self)
  }
}
