import MinkeCore
import MinkeText
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How a text is to be continued.
public struct GenerationOptions: Sendable {
  /// How the next token is chosen.
  public var sampling: Sampling
  /// Above 1, tokens that were there before become less likely; 1 leaves them as they are.
  public var repetitionPenalty: Double
  /// Most tokens to generate; nil goes on to the end of the text or of the context.
  public var maximumTokens: Int?
  /// Generation ends before the first of these texts.
  public var stop: [String]
  /// Whether the end of a text, or of a chat message, ends the generation.
  public var endsAtEndToken: Bool
  /// How many of the likeliest tokens at each place are given beside the one chosen, with the logarithms of their
  /// probabilities; nil for no probabilities.
  public var likeliest: Int?

  /// Without anything said, the likeliest token is taken until the model ends the text.
  public init(
    sampling: Sampling = .greedy, repetitionPenalty: Double = 1, maximumTokens: Int? = nil, stop: [String] = [],
    endsAtEndToken: Bool = true, likeliest: Int? = nil
  ) {
    self.sampling = sampling
    self.repetitionPenalty = repetitionPenalty
    self.maximumTokens = maximumTokens
    self.stop = stop
    self.endsAtEndToken = endsAtEndToken
    self.likeliest = likeliest
  }
}

/// How likely a token was at its place, by the model alone: before temperature, penalties and what else chooses.
public struct TokenProbability: Sendable, Equatable {
  /// The token.
  public let token: TokenID
  /// The natural logarithm of its probability.
  public let logProbability: Double
}

/// A piece of generated text.
public struct GeneratedPiece: Sendable, Equatable {
  /// Whole characters; may be empty.
  public let text: String
  /// The token chosen last; nil for what was held back at the end.
  public let token: TokenID?
  /// Why this piece is the last one; nil for all before.
  public let end: GenerationEnd?
  /// In a conversation that has outgrown the context, how many of its oldest messages were left out before this piece.
  public internal(set) var forgottenMessages = 0
  /// Of the token chosen last, where probabilities were asked for.
  public internal(set) var probability: TokenProbability?
  /// The likeliest tokens at its place, the likeliest first, where they were asked for.
  public internal(set) var likeliest: [TokenProbability] = []
  /// Tokens that were before the first one chosen.
  public internal(set) var promptTokenCount = 0
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
  /// Continues `prompt` piece by piece.
  ///
  /// Nothing is done before the first piece is asked for, and each piece is made when it is asked for, in the asking
  /// task, with its priority, on a thread that may wait. When that task is cancelled or asks no more, generation ends.
  /// - Returns: pieces whose texts, joined, are the continuation; the last one says why it ended.
  /// - Throws: while iterating, `MinkeError` when an option is out of its range or the prompt leaves no room in the
  ///   context; `CancellationError` when the asking task is cancelled.
  public func generate(_ prompt: String, options: GenerationOptions = GenerationOptions()) -> GeneratedText {
    GeneratedText {
      try Generation(self, prompt: self.prompt(prompt), context: self.makeContext(), options: options)
    }
  }

  /// Reads `tokens` into `context`, then generates token by token and hands each piece to `emit`.
  ///
  /// The calling thread waits. Afterwards `context` holds all tokens but the last one chosen.
  /// - Returns: the tokens generated, the end token left out.
  /// - Throws: `MinkeError` when an option is out of its range or the tokens leave no room in the context;
  ///   `CancellationError` when the calling task is cancelled.
  @discardableResult
  public func generate(
    after tokens: [TokenID], in context: inout Context, options: GenerationOptions = GenerationOptions(),
    _ emit: (GeneratedPiece) throws -> Void
  ) throws -> [TokenID] {
    // Moved, not copied: a context that two hold is copied when one of them reads on.
    var own = makeContext()
    swap(&own, &context)
    var generation = try Generation(self, prompt: tokens, context: own, options: options)
    own = makeContext()
    defer { context = generation.context }
    while let piece = try generation.next() { try emit(piece) }
    return generation.tokens
  }

  /// Continues `prompt` on the calling thread and hands each piece to `emit`: ``generate(_:options:)`` for scripts.
  ///
  /// - Returns: the tokens generated, the end token left out.
  /// - Throws: as ``generate(after:in:options:_:)``.
  @discardableResult
  public func generate(
    _ prompt: String, options: GenerationOptions = GenerationOptions(), _ emit: (GeneratedPiece) throws -> Void
  ) throws -> [TokenID] {
    var context = makeContext()
    return try generate(after: self.prompt(prompt), in: &context, options: options, emit)
  }
}

/// The pieces of a continuation, each made when it is asked for.
public struct GeneratedText: AsyncSequence, Sendable {
  private let begin: @Sendable () throws -> Generation

  init(_ begin: @escaping @Sendable () throws -> Generation) { self.begin = begin }

  public func makeAsyncIterator() -> Iterator { Iterator(run: Run(begin)) }

  /// Makes one piece at each call.
  public struct Iterator: AsyncIteratorProtocol {
    fileprivate let run: Run

    public func next() async throws -> GeneratedPiece? {
      let run = run
      return try await Workers.run { try run.next() }
    }
  }

  /// One generation, begun with its first piece and over with its last or with an error.
  fileprivate final class Run: Sendable {
    private struct Progress {
      var isBegun = false
      var generation: Generation?
    }

    private let begin: @Sendable () throws -> Generation
    private let progress = Mutex(Progress())

    init(_ begin: @escaping @Sendable () throws -> Generation) { self.begin = begin }

    func next() throws -> GeneratedPiece? {
      try progress.withLock { progress in
        if !progress.isBegun {
          progress.isBegun = true
          progress.generation = try begin()
        }
        return try progress.generation?.next()
      }
    }
  }
}

/// A text on its way: every call of ``next()`` chooses a token. After an error there are no more.
struct Generation: Sendable {
  /// What was read: at the end, all tokens but the last one chosen.
  private(set) var context: LanguageModel.Context
  /// The tokens chosen, the end token left out.
  private(set) var tokens: [TokenID] = []

  private let language: LanguageModel
  private let options: GenerationOptions
  private var sampler: Sampler
  private var text: StreamedText
  private var seen: Set<TokenID>
  /// What is to be read before the next choice.
  private var unread: [TokenID]
  private(set) var isFinished = false
  private var hasFailed = false
  private let promptTokenCount: Int

  /// - Parameters:
  ///   - prompt: the tokens to read first, after those of `context`.
  ///   - seen: the tokens that the repetition penalty makes less likely from the start; nil stands for the prompt's.
  /// - Throws: `MinkeError` when an option is out of its range.
  init(
    _ language: LanguageModel, prompt: [TokenID], seen: [TokenID]? = nil, context: LanguageModel.Context,
    options: GenerationOptions
  ) throws(MinkeError) {
    if let maximum = options.maximumTokens, maximum < 0 {
      throw MinkeError(.invalidArgument, "maximum tokens", expected: "0 or more", found: "\(maximum)")
    }
    sampler = try Sampler(options.sampling, repetitionPenalty: options.repetitionPenalty)
    text = StreamedText(language.tokenizer, stop: options.stop)
    // An end that is made less likely each time would never come.
    self.seen = Set(seen ?? prompt).subtracting(language.endTokens)
    unread = prompt
    promptTokenCount = context.count + prompt.count
    self.language = language
    self.context = context
    self.options = options
  }

  /// The next piece; nil after the last.
  mutating func next() throws -> GeneratedPiece? {
    if isFinished || hasFailed { return nil }
    do {
      var piece = try choose()
      piece.promptTokenCount = promptTokenCount
      return piece
    } catch {
      hasFailed = true
      throw error
    }
  }

  private mutating func choose() throws -> GeneratedPiece {
    if options.maximumTokens == 0 { return last(GeneratedPiece(text: "", token: nil, end: .maximumTokens)) }
    try Task.checkCancellation()
    let logits = try context.append(unread)
    let token = sampler.next(logits, seen: seen)
    if options.endsAtEndToken, language.endTokens.contains(token) {
      return last(GeneratedPiece(text: text.finish(), token: nil, end: .endOfText))
    }
    tokens.append(token)
    seen.insert(token)
    unread = [token]
    let piece = text.append(token)
    var end: GenerationEnd?
    if text.isStopped {
      end = .stopText
    } else if tokens.count == options.maximumTokens {
      end = .maximumTokens
    } else if context.count == language.contextLength {
      end = .contextFull
    }
    var made = GeneratedPiece(
      text: end == nil || text.isStopped ? piece : piece + text.finish(), token: token, end: end)
    if let count = options.likeliest {
      (made.probability, made.likeliest) = Self.probabilities(logits, of: token, likeliest: count)
    }
    return end == nil ? made : last(made)
  }

  /// The probability of `token` and those of the `count` likeliest tokens.
  private static func probabilities(
    _ logits: [Float], of token: TokenID, likeliest count: Int
  ) -> (TokenProbability, [TokenProbability]) {
    let top = Double(logits.max() ?? 0)
    let sum = top + log(logits.reduce(0) { $0 + exp(Double($1) - top) })
    func probability(_ index: Int) -> TokenProbability {
      TokenProbability(token: TokenID(index), logProbability: Double(logits[index]) - sum)
    }
    var best: [Int] = []
    for index in logits.indices where count > 0 {
      guard best.count < count || logits[index] > logits[best[best.count - 1]] else { continue }
      if best.count == count { best.removeLast() }
      best.insert(index, at: best.firstIndex { logits[$0] < logits[index] } ?? best.endIndex)
    }
    return (probability(Int(token)), best.map(probability))
  }

  private mutating func last(_ piece: GeneratedPiece) -> GeneratedPiece {
    isFinished = true
    return piece
  }
}

/// Text as it comes, token by token, held back where it may be the beginning of a text to stop at.
struct StreamedText {
  private var decoder: IncrementalDecoder
  private let stop: [[UInt8]]
  private var held: [UInt8] = []
  /// Whether a text to stop at has come.
  private(set) var isStopped = false

  init(_ tokenizer: any LosslessTokenizer, stop: [String]) {
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
