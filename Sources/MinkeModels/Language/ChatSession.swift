import MinkeCore
import MinkeText
import Synchronization

/// A conversation with a language model, in ChatML.
///
/// What was said stays in the model's memory: an answer costs the new tokens only. Where a conversation outgrows the
/// model's context, its oldest messages are left out of what the model sees, the system's kept; ``messages`` keeps all.
///
/// A session may be asked from any task: nothing here waits for an answer on its way.
public final class ChatSession: Sendable {
  private struct Turn {
    let message: ChatMessage
    let tokens: [TokenID]
  }

  private struct Conversation {
    var turns: [Turn]
    /// Turns after the system's that the model no longer sees.
    var forgotten = 0
    /// What the model has read; nil while an answer is on its way.
    var context: LanguageModel.Context?
    /// Tells the answers apart, so that one that was overtaken by a reset leaves no trace.
    var epoch = 0
  }

  private let language: LanguageModel
  private let form: ChatML
  private let conversation: Mutex<Conversation>

  /// A conversation that begins.
  ///
  /// - Parameters:
  ///   - language: the model that answers.
  ///   - system: what the model is told before the conversation begins.
  /// - Throws: `MinkeError` when the model's vocabulary lacks the tokens of ChatML.
  public convenience init(_ language: LanguageModel, system: String? = nil) throws(MinkeError) {
    try self.init(language, messages: system.map { [ChatMessage(.system, $0)] } ?? [])
  }

  /// A conversation that goes on after `messages`, such as those of a session before.
  ///
  /// - Throws: `MinkeError` when the model's vocabulary lacks the tokens of ChatML, or a message of the system is not
  ///   the first.
  public init(_ language: LanguageModel, messages: [ChatMessage]) throws(MinkeError) {
    let form = try ChatML(language.tokenizer, named: language.identity.name)
    if let late = messages.dropFirst().firstIndex(where: { $0.role == .system }) {
      throw MinkeError(
        .invalidArgument, "messages", expected: "one of the system at most, the first",
        found: "one at place \(late + 1)")
    }
    self.language = language
    self.form = form
    let turns = messages.map { Turn(message: $0, tokens: form.tokens(of: $0)) }
    conversation = Mutex(Conversation(turns: turns, context: language.makeContext()))
  }

  /// All messages so far, the system's first; an answer on its way is not among them.
  public var messages: [ChatMessage] { conversation.withLock { $0.turns.map(\.message) } }

  /// How many of the oldest ``messages`` after the system's the model no longer sees.
  public var forgottenCount: Int { conversation.withLock(\.forgotten) }

  /// Tokens that what the model sees of the conversation takes of the context.
  public var tokenCount: Int {
    conversation.withLock { conversation in Self.seen(conversation).reduce(0) { $0 + $1.tokens.count } }
  }

  /// Forgets everything but the system's message. An answer on its way is then no part of the conversation.
  public func reset() {
    conversation.withLock { conversation in
      let system = conversation.turns.prefix { $0.message.role == .system }
      conversation = Conversation(
        turns: Array(system), context: language.makeContext(), epoch: conversation.epoch + 1)
    }
  }

  /// Answers a message piece by piece.
  ///
  /// Each piece is made when it is asked for, as by ``LanguageModel/generate(_:options:)``. When the asking task is
  /// cancelled or asks no more, what was said of the answer stays in the conversation. One answer is made at a time.
  ///
  /// A conversation that leaves too little of the context for an answer loses its oldest messages, until half of the
  /// context is free; the answer's first piece says how many.
  /// - Throws: while iterating, `MinkeError` when an option is out of its range, the message alone is too long or
  ///   another answer is on its way; the message is then not part of the conversation.
  public func reply(to text: String, options: GenerationOptions = GenerationOptions()) -> ChatReply {
    ChatReply(session: self, text: text, options: options)
  }

  private static func seen(_ conversation: Conversation) -> [Turn] {
    let system = conversation.turns.prefix { $0.message.role == .system }
    return Array(system) + conversation.turns.dropFirst(system.count + conversation.forgotten)
  }

  // MARK: An answer

  /// An answer about to be made.
  struct Answer {
    var generation: Generation
    let message: ChatMessage
    let epoch: Int
    /// Messages that were left out to make room.
    let forgotten: Int
  }

  func begin(_ text: String, _ options: GenerationOptions) throws(MinkeError) -> Answer {
    let message = ChatMessage(.user, text)
    let turn = Turn(message: message, tokens: form.tokens(of: message))
    let question = turn.tokens + form.answerStart
    // An answer without a limit shall find a quarter of the context, so that it does not break off at once.
    let room = max(1, min(options.maximumTokens ?? .max, language.contextLength / 4))

    // The lock holds a moment only: nothing is read here. Errors come before anything is changed.
    let result = conversation.withLock { conversation -> Result<Answer, MinkeError> in
      guard conversation.context != nil else {
        return .failure(
          MinkeError(
            .invalidArgument, "chat session", expected: "one answer at a time", found: "another on its way"))
      }
      var shortened = conversation
      shortened.context = nil
      func length() -> Int { Self.seen(shortened).reduce(question.count) { $0 + $1.tokens.count } }
      if length() + room > language.contextLength {
        while length() > language.contextLength / 2, Self.forgetOldest(&shortened) {}
      }
      guard length() < language.contextLength else {
        return .failure(
          MinkeError(
            .invalidArgument, "message", expected: "at most \(language.contextLength - 1) tokens, with the system's",
            found: "\(length())"))
      }
      let prompt = Self.seen(shortened).flatMap(\.tokens) + question
      var context = conversation.context.take() ?? language.makeContext()
      // At least the last token is read again: its logits are what the answer begins from.
      let known = zip(context.tokens, prompt.dropLast()).prefix { $0 == $1 }.count
      if known < context.count { context.truncate(to: known) }
      do throws(MinkeError) {
        let generation = try Generation(
          language, prompt: Array(prompt[known...]), seen: question, context: context, options: options)
        let forgotten = shortened.forgotten - conversation.forgotten
        conversation.forgotten = shortened.forgotten
        return .success(
          Answer(generation: generation, message: message, epoch: conversation.epoch, forgotten: forgotten))
      } catch {
        conversation.context = context
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Leaves the oldest message, and the answers that follow it, out of what the model sees; false where there is none.
  private static func forgetOldest(_ conversation: inout Conversation) -> Bool {
    let system = conversation.turns.prefix { $0.message.role == .system }.count
    let seen = conversation.turns.dropFirst(system + conversation.forgotten)
    guard !seen.isEmpty else { return false }
    conversation.forgotten += 1 + seen.dropFirst().prefix { $0.message.role == .assistant }.count
    return true
  }

  /// Takes back what the model has read and, where anything was said, adds it to the conversation.
  func finish(_ answer: Answer, said text: String) {
    conversation.withLock { conversation in
      guard conversation.epoch == answer.epoch else { return }
      conversation.context = answer.generation.context
      guard answer.generation.isFinished || !answer.generation.tokens.isEmpty else { return }
      conversation.turns.append(Turn(message: answer.message, tokens: form.tokens(of: answer.message)))
      conversation.turns.append(
        Turn(message: ChatMessage(.assistant, text), tokens: form.answer(answer.generation.tokens)))
    }
  }
}

/// The pieces of an answer, each made when it is asked for.
public struct ChatReply: AsyncSequence, Sendable {
  fileprivate let session: ChatSession
  fileprivate let text: String
  fileprivate let options: GenerationOptions

  public func makeAsyncIterator() -> Iterator { Iterator(run: Run(self)) }

  /// Makes one piece at each call.
  public struct Iterator: AsyncIteratorProtocol {
    fileprivate let run: Run

    public func next() async throws -> GeneratedPiece? {
      let run = run
      return try await Workers.run { try run.next() }
    }
  }

  /// One answer, begun with its first piece. When it goes away, the conversation goes on with what was said.
  fileprivate final class Run: Sendable {
    private struct Progress {
      var isBegun = false
      var answer: ChatSession.Answer?
      var said = ""
    }

    private let reply: ChatReply
    private let progress = Mutex(Progress())

    init(_ reply: ChatReply) { self.reply = reply }

    func next() throws -> GeneratedPiece? {
      try progress.withLock { progress in
        var forgotten = 0
        if !progress.isBegun {
          progress.isBegun = true
          progress.answer = try reply.session.begin(reply.text, reply.options)
          forgotten = progress.answer?.forgotten ?? 0
        }
        do {
          guard var piece = try progress.answer?.generation.next() else { return nil }
          piece.forgottenMessages = forgotten
          progress.said += piece.text
          if piece.end != nil { finish(&progress) }
          return piece
        } catch {
          finish(&progress)
          throw error
        }
      }
    }

    private func finish(_ progress: inout Progress) {
      if let answer = progress.answer.take() { reply.session.finish(answer, said: progress.said) }
    }

    deinit {
      progress.withLock { finish(&$0) }
    }
  }
}
