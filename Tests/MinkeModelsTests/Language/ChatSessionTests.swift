import MinkeCore
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct ChatSessionTests {
  let language: LanguageModel
  let bigrams: LanguageModel

  init() throws {
    language = try SpikeWhaleFixture.model()
    bigrams = try Bigrams.language()
  }

  @Test func `a consumer that stops iterating stops the generation`() async throws {
    let session = try ChatSession(language)
    for try await piece in session.reply(to: "Hi", options: GenerationOptions(endsAtEndToken: false))
    where piece.token != nil {
      break
    }
    #expect(session.messages.map(\.role) == [.user, .assistant])
    // The session is free again.
    for try await _ in session.reply(to: "Hi", options: GenerationOptions(maximumTokens: 1)) {}
    #expect(session.messages.count == 4)
  }

  @Test func `a conversation is one ChatML text to the model`() async throws {
    let session = try ChatSession(language, system: "Be brief.")
    let options = GenerationOptions(maximumTokens: 5, endsAtEndToken: false)
    var answers: [String] = []
    for message in ["Hi", "a<|im_end|>b"] {
      var answer = ""
      for try await piece in session.reply(to: message, options: options) { answer += piece.text }
      answers.append(answer)
    }
    let tokenizer = language.tokenizer
    func plain(_ text: String) -> [TokenID] { tokenizer.encodePlain(text) }
    let (start, end) = (try #require(tokenizer.id(of: "<|im_start|>")), try #require(tokenizer.id(of: "<|im_end|>")))
    var tokens = [start] + plain("system\nBe brief.") + [end] + plain("\n")
    for (message, answer) in zip(["Hi", "a<|im_end|>b"], answers) {
      tokens += [start] + plain("user\n" + message) + [end] + plain("\n") + [start] + plain("assistant\n")
      var context = language.makeContext()
      let reply = try language.generate(after: tokens, in: &context, options: options) { _ in }
      #expect(tokenizer.decode(reply) == answer)
      tokens += reply + [end] + plain("\n")
    }
    #expect(session.messages.map(\.role) == [.system, .user, .assistant, .user, .assistant])
    #expect(session.tokenCount == tokens.count)
    session.reset()
    #expect(session.messages.map(\.text) == ["Be brief."])
  }

  @Test func `a message beyond the context is an error and no part of the conversation`() async throws {
    let session = try ChatSession(language)
    await #expect(throws: MinkeError.self) {
      for try await _ in session.reply(to: String(repeating: "Q", count: 200)) {}
    }
    #expect(session.messages.isEmpty)
  }

  @Test func `messages are there while an answer is on its way`() async throws {
    let session = try ChatSession(language)
    let first = session.reply(to: "Hi", options: GenerationOptions(endsAtEndToken: false)).makeAsyncIterator()
    _ = try await first.next()
    #expect(session.messages.isEmpty)
    await #expect(throws: MinkeError.self) { for try await _ in session.reply(to: "Hello") {} }
    _ = try await first.next()
    // A reset overtakes it.
    session.reset()
    _ = try await first.next()
    #expect(session.messages.isEmpty)
  }

  @Test func `a session goes on from the messages of another`() async throws {
    let options = GenerationOptions(maximumTokens: 5, endsAtEndToken: false)
    func reply(_ session: ChatSession, to text: String) async throws -> String {
      try await session.reply(to: text, options: options).reduce(into: "") { $0 += $1.text }
    }
    let session = try ChatSession(bigrams, system: "Be brief.")
    _ = try await reply(session, to: "Hi")
    let restored = try ChatSession(bigrams, messages: session.messages)
    #expect(restored.messages == session.messages)
    #expect(restored.tokenCount == session.tokenCount)
    #expect(try await reply(restored, to: "Ho") == reply(session, to: "Ho"))
    #expect(restored.messages == session.messages)
    #expect(throws: MinkeError.self) {
      try ChatSession(bigrams, messages: [ChatMessage(.user, "a"), ChatMessage(.system, "b")])
    }
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("chat.json")
      try ChatMessage.save(session.messages, to: file)
      #expect(try ChatMessage.load(from: file) == session.messages)
      for wrong in ["{}", "[1]", #"[{"role":"cat","content":""}]"#, #"[{"role":"user"}]"#, "["] {
        try Data(wrong.utf8).write(to: file)
        #expect(throws: MinkeError.self) { try ChatMessage.load(from: file) }
      }
    }
  }

  @Test func `an answer reads the new tokens only`() async throws {
    let recorder = Recorder()
    let session = try ChatSession(Bigrams.language(recorder: recorder))
    let options = GenerationOptions(maximumTokens: 1)
    for try await _ in session.reply(to: "Hi", options: options) {}
    let first = session.tokenCount
    for try await _ in session.reply(to: "Hi", options: options) {}
    // The question and the beginning of the answer; of the last answer its token and its end.
    #expect(recorder.tokens[1] == session.tokenCount - first)
  }

  @Test func `a conversation beyond the context forgets its oldest messages and says so`() async throws {
    let session = try ChatSession(Bigrams.language(contextLength: 200), system: "S")
    let options = GenerationOptions(maximumTokens: 5)
    var forgotten = 0
    for turn in 0..<20 {
      let pieces = try await session.reply(to: "message \(turn)", options: options).reduce(into: []) { $0.append($1) }
      #expect(pieces.count == 5)
      forgotten += pieces.reduce(0) { $0 + $1.forgottenMessages }
      #expect(session.forgottenCount == forgotten)
      #expect(session.tokenCount <= 200)
    }
    #expect(session.messages.count == 41)
    #expect(forgotten > 20 && forgotten < 40 && forgotten.isMultiple(of: 2))
    #expect(session.messages.first?.role == .system)
    // A message that is too long by itself is refused, and nothing is forgotten for it.
    await #expect(throws: MinkeError.self) {
      for try await _ in session.reply(to: String(repeating: "x", count: 200), options: options) {}
    }
    #expect(session.messages.count == 41 && session.forgottenCount == forgotten)
  }

  @Test func `a cancelled answer stays as far as it came`() async throws {
    let session = try ChatSession(bigrams)
    let task = Task {
      for try await piece in session.reply(to: "Hi", options: GenerationOptions(endsAtEndToken: false))
      where piece.token != nil {
        withUnsafeCurrentTask { $0?.cancel() }
      }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(session.messages.map(\.role) == [.user, .assistant])
    #expect(session.messages.last?.text.count == 1)
  }
}
