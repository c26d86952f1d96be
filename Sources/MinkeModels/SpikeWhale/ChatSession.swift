import MinkeCore
import MinkeText

/// One turn of a conversation.
public struct ChatMessage: Sendable, Equatable {
  public enum Role: String, Sendable, CaseIterable {
    case system, user, assistant
  }

  public let role: Role
  public let text: String

  public init(_ role: Role, _ text: String) {
    self.role = role
    self.text = text
  }
}

/// A conversation in ChatML, `<|im_start|>role\ntext<|im_end|>\n` for each message.
///
/// What was said stays in the model's memory: an answer costs the new tokens only. Special tokens that are spelt out in
/// a message are taken as plain text, so a message cannot end itself.
public actor ChatSession {
  /// All messages so far, the system's first.
  public private(set) var messages: [ChatMessage] = []

  private let language: LanguageModel
  private var state: SequenceState
  /// Tokens that belong to the conversation and have not been through the model.
  private var pending: [TokenID] = []
  private let system: String?
  private let messageStart: [TokenID]
  private let messageEnd: [TokenID]

  /// - Parameter system: what the model is told before the conversation begins.
  /// - Throws: ``MinkeError`` when the model's vocabulary lacks the tokens of ChatML.
  public init(_ language: LanguageModel, system: String? = nil) throws(MinkeError) {
    guard let start = language.tokenizer.id(of: "<|im_start|>"), let end = language.tokenizer.id(of: "<|im_end|>")
    else {
      throw MinkeError(
        .unsupportedFile, "\(language.identity.name): tokenizer.json",
        expected: "<|im_start|> and <|im_end|> for a chat",
        found: "no such tokens")
    }
    self.language = language
    self.system = system
    messageStart = [start]
    messageEnd = [end] + language.tokenizer.encodePlain("\n")
    state = language.model.makeState()
    if let system {
      messages = [ChatMessage(.system, system)]
      pending = Self.tokens(of: messages[0], messageStart, messageEnd, language.tokenizer)
    }
  }

  /// Forgets everything but the system's message.
  public func reset() {
    state = language.model.makeState()
    messages = system.map { [ChatMessage(.system, $0)] } ?? []
    pending = messages.flatMap { Self.tokens(of: $0, messageStart, messageEnd, language.tokenizer) }
  }

  /// Tokens that the conversation takes of the context so far.
  public var tokenCount: Int { state.count + pending.count }

  /// Answers a message piece by piece.
  ///
  /// When the consuming task is cancelled or stops iterating, what was said of the answer stays in the conversation.
  /// - Throws: while iterating, ``MinkeError`` when an option is out of its range or the context is full; the message
  ///   is then not part of the conversation.
  public nonisolated func reply(
    to text: String, options: GenerationOptions = GenerationOptions()
  ) -> AsyncThrowingStream<GeneratedPiece, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task.detached(priority: .userInitiated) {
        do {
          try await self.answer(text, options) { continuation.yield($0) }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  private func answer(
    _ text: String, _ options: GenerationOptions, _ emit: @Sendable (GeneratedPiece) -> Void
  ) throws {
    let message = ChatMessage(.user, text)
    let tokenizer = language.tokenizer
    let prompt =
      pending + Self.tokens(of: message, messageStart, messageEnd, tokenizer) + messageStart
      + tokenizer.encodePlain("assistant\n")
    let room = language.contextLength - state.count
    guard prompt.count < room else {
      throw MinkeError(
        .invalidArgument, "message", expected: "at most \(max(0, room - 1)) more tokens in this conversation",
        found: "\(prompt.count); begin a new one")
    }
    var answer = ""
    var tokens: [TokenID] = []
    let before = state.count
    do {
      try language.generate(after: prompt, state: state, options: options) { piece in
        answer += piece.text
        if let token = piece.token { tokens.append(token) }
        emit(piece)
      }
    } catch {
      // Nothing was taken in: the conversation is as before.
      if state.count == before { throw error }
      guard error is CancellationError else { throw error }
    }
    messages += [message, ChatMessage(.assistant, answer)]
    // The state holds all but the last token chosen or, after a cancellation, less.
    pending = Array((prompt + tokens).dropFirst(state.count - before)) + messageEnd
  }

  private static func tokens(
    of message: ChatMessage, _ start: [TokenID], _ end: [TokenID], _ tokenizer: SpikeTokenizer
  ) -> [TokenID] {
    start + tokenizer.encodePlain(message.role.rawValue + "\n" + message.text) + end
  }
}
