import MinkeCore
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One turn of a conversation.
public struct ChatMessage: Sendable, Hashable {
  /// Who speaks.
  public enum Role: String, Sendable, CaseIterable {
    /// What the model is told beforehand.
    case system
    /// What the person says.
    case user
    /// What the model says.
    case assistant
  }

  /// Who says it.
  public let role: Role
  /// What is said.
  public let text: String

  /// A message of `role`.
  public init(_ role: Role, _ text: String) {
    self.role = role
    self.text = text
  }
}

extension ChatMessage {
  /// Writes a conversation to the file at `url`: JSON, a list of objects with `role` and `content`.
  ///
  /// - Throws: `MinkeError` when the file cannot be written.
  public static func save(_ messages: [ChatMessage], to url: URL) throws(MinkeError) {
    let list = messages.map { JSONValue.object(["role": .string($0.role.rawValue), "content": .string($0.text)]) }
    var writer = try FileWriter(url)
    try writer.write(JSONValue.array(list).text + "\n")
    try writer.finish()
  }

  /// The conversation in the file at `url`, as ``save(_:to:)`` writes it.
  ///
  /// - Throws: `MinkeError` when the file cannot be read or holds something else.
  public static func load(from url: URL) throws -> [ChatMessage] {
    let file = try MappedFile(url)
    let subject = url.relativePath
    guard let list = try JSONValue(parsing: file.bytes, subject: subject).array else {
      throw MinkeError(.malformedFile, subject, expected: "a list of messages", found: "another JSON value")
    }
    return try list.enumerated().map { index, message in
      guard let role = message["role"]?.string.flatMap(Role.init(rawValue:)), let text = message["content"]?.string
      else {
        throw MinkeError(
          .malformedFile, "\(subject): message \(index + 1)",
          expected: "\"role\", one of \(Role.allCases.map(\.rawValue).joined(separator: ", ")), and a text \"content\"",
          found: message.text)
      }
      return ChatMessage(role, text)
    }
  }
}

/// ChatML, the form in which a model reads a conversation: `<|im_start|>role\ntext<|im_end|>\n` for each message.
///
/// Special tokens that are spelt out in a message are taken as plain text, so a message cannot end itself.
package struct ChatML: Sendable {
  private let tokenizer: any LosslessTokenizer
  private let start: TokenID
  private let end: [TokenID]

  /// - Throws: `MinkeError` when the vocabulary lacks the tokens of ChatML; `name` stands for the model.
  package init(_ tokenizer: any LosslessTokenizer, named name: String) throws(MinkeError) {
    guard let start = tokenizer.id(of: "<|im_start|>"), let end = tokenizer.id(of: "<|im_end|>") else {
      throw MinkeError(
        .unsupportedFile, "\(name): tokenizer", expected: "<|im_start|> and <|im_end|> for a chat",
        found: "no such tokens")
    }
    self.tokenizer = tokenizer
    self.start = start
    self.end = [end] + tokenizer.encodePlain("\n")
  }

  /// What stands before the answer.
  var answerStart: [TokenID] { [start] + tokenizer.encodePlain("assistant\n") }

  /// A message as the model reads it.
  package func tokens(of message: ChatMessage) -> [TokenID] {
    switch message.role {
    // An answer's own tokens come after its beginning, as when it was generated.
    case .assistant: answer(tokenizer.encodePlain(message.text))
    case .system, .user: [start] + tokenizer.encodePlain(message.role.rawValue + "\n" + message.text) + end
    }
  }

  /// The whole of an answer that was generated as `tokens`.
  func answer(_ tokens: [TokenID]) -> [TokenID] { answerStart + tokens + end }
}
