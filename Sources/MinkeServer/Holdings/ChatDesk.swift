import MinkeCore
import MinkeModels
import Synchronization

/// Answers of a language model, some at a time, with the conversations that may go on.
///
/// A client sends a conversation whole each time. What was read of it before is kept for the last few conversations, so
/// that the next answer costs its new tokens only.
final class ChatDesk: Sendable {
  let language: LanguageModel
  let gate: Gate
  private let limits: ServerLimits
  private let metrics: ServerMetrics
  private let sessions = Mutex<[ChatSession]>([])
  /// Conversations kept.
  private static let kept = 4

  init(_ language: LanguageModel, limits: ServerLimits, metrics: ServerMetrics) {
    (self.language, self.limits, self.metrics) = (language, limits, metrics)
    gate = Gate("answers", width: limits.generations, waiting: limits.waitingGenerations)
  }

  /// What was made of a text, and why it ended.
  struct Outcome: Sendable {
    var text = ""
    var end: GenerationEnd?
    var promptTokens = 0
    var tokens = 0

    /// Takes in the next piece.
    mutating func take(_ piece: GeneratedPiece) {
      text += piece.text
      promptTokens = piece.promptTokenCount
      if piece.token != nil { tokens += 1 }
      end = piece.end
    }
  }

  /// `options` with no more tokens than the server allows.
  func limited(_ options: GenerationOptions) -> GenerationOptions {
    guard let most = limits.generatedTokens else { return options }
    var options = options
    options.maximumTokens = min(options.maximumTokens ?? most, most)
    return options
  }

  /// Answers the last of `messages`, piece by piece.
  ///
  /// - Throws: `Failure` when too many answers wait; `MinkeError` when the messages are too long, or an option is out of
  ///   its range; `CancellationError`.
  func answer(
    _ messages: [ChatMessage], _ options: GenerationOptions,
    _ emit: @Sendable (GeneratedPiece) -> Void
  ) async throws -> Outcome {
    try await gate.within {
      guard let question = messages.last, question.role == .user else {
        throw Failure.wrong("messages", expected: "one of the user at the end", found: "another")
      }
      let session = try take(messages.dropLast())
      let outcome = try await collect(session.reply(to: question.text, options: limited(options)), emit)
      keep(session)
      return outcome
    }
  }

  /// Continues `prompt`, piece by piece.
  ///
  /// - Throws: as ``answer(_:_:_:)``.
  func complete(
    _ prompt: String, _ options: GenerationOptions, _ emit: @Sendable (GeneratedPiece) -> Void
  ) async throws -> Outcome {
    try await gate.within { try await collect(language.generate(prompt, options: limited(options)), emit) }
  }

  private func collect<Pieces: AsyncSequence>(
    _ pieces: Pieces, _ emit: @Sendable (GeneratedPiece) -> Void
  ) async throws -> Outcome where Pieces.Element == GeneratedPiece {
    var outcome = Outcome()
    defer { metrics.noteGenerated(tokens: outcome.tokens) }
    for try await piece in pieces {
      outcome.take(piece)
      emit(piece)
    }
    return outcome
  }

  /// The session that has come as far as `messages`, or a new one.
  private func take(_ messages: ArraySlice<ChatMessage>) throws -> ChatSession {
    let known = sessions.withLock { sessions -> ChatSession? in
      guard let place = sessions.firstIndex(where: { $0.messages.elementsEqual(messages) }) else { return nil }
      return sessions.remove(at: place)
    }
    return try known ?? ChatSession(language, messages: Array(messages))
  }

  private func keep(_ session: ChatSession) {
    sessions.withLock { sessions in
      sessions.insert(session, at: 0)
      if sessions.count > Self.kept { sessions.removeLast() }
    }
  }
}
