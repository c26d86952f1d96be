import Dispatch
import MinkeCore
import MinkeText
import Synchronization
import Testing

@testable import MinkeModels

/// The smallest causal model: after each byte the next one is likeliest, after the last one the first.
struct Bigrams: CausalModel {
  struct State: CausalState {
    var tokens: [TokenID] = []
  }

  let vocabularySize = Bytes.size
  let contextLength: Int
  var recorder = Recorder()

  func makeState() -> State { State() }

  func logits(_ tokens: ArraySlice<TokenID>, after state: inout State) throws -> [Float] {
    guard let last = tokens.last else {
      throw MinkeError(.invalidArgument, "tokens", expected: "one or more", found: "none")
    }
    guard state.tokens.count + tokens.count <= contextLength else {
      throw MinkeError(.invalidArgument, "context", expected: "\(contextLength)", found: "\(tokens.count)")
    }
    recorder.record(tokens.count)
    state.tokens += tokens
    return (0..<vocabularySize).map { Int(last + 1) % vocabularySize == $0 ? 1 : 0 }
  }

  func truncate(_ state: inout State, to count: Int) { state.tokens.removeLast(state.tokens.count - count) }

  /// The model with a tokenizer of bytes; the start token is "a", and nothing ends a text.
  static func language(contextLength: Int = 256, recorder: Recorder = Recorder()) throws -> LanguageModel {
    try LanguageModel(
      Bigrams(contextLength: contextLength, recorder: recorder), tokenizer: Bytes(),
      identity: ModelIdentity(name: "bigrams", fingerprint: "0"), startToken: 97, endTokens: [Bytes.end])
  }
}

/// What a model was asked for.
final class Recorder: Sendable {
  @TaskLocal static var name = ""

  /// What a call waits for before it answers.
  let gate: DispatchSemaphore?

  init(gate: DispatchSemaphore? = nil) { self.gate = gate }

  private let seen = Mutex<(tokens: [Int], names: [String])>(([], []))
  /// How many tokens each call read.
  var tokens: [Int] { seen.withLock(\.tokens) }
  var calls: Int { tokens.count }
  /// The task-local name at each call.
  var names: [String] { seen.withLock(\.names) }

  func record(_ count: Int) {
    seen.withLock {
      $0.tokens.append(count)
      $0.names.append(Self.name)
    }
    // One that is never opened fails the test that waits, rather than hanging.
    if gate?.wait(timeout: .now() + 300) == .timedOut { Issue.record("nobody could open the gate") }
    gate?.signal()
  }
}

/// A token for each byte, and the two of ChatML.
struct Bytes: LosslessTokenizer {
  static let start: TokenID = 256
  static let end: TokenID = 257
  static let size = 258

  var vocabularySize: Int { Self.size }
  var specialTokens: Set<TokenID> { [Self.start, Self.end] }

  func bytes(of id: TokenID) -> ArraySlice<UInt8>? { UInt8(exactly: id).map { [$0] } }
  func token(_ id: TokenID) -> String? { bytes(of: id).map { String(decoding: $0, as: UTF8.self) } }
  func id(of token: String) -> TokenID? {
    ["<|im_start|>": Self.start, "<|im_end|>": Self.end][token] ?? (token.utf8.count == 1 ? encodePlain(token)[0] : nil)
  }
  var maximumLength: Int?
  func truncating(to maximumLength: Int?) -> Bytes { Bytes(maximumLength: maximumLength) }
  func isSpecial(_ id: TokenID) -> Bool { specialTokens.contains(id) }
  func encode(_ text: UnsafeBufferPointer<UInt8>, addingSpecialTokens: Bool, into ids: inout [TokenID]) {
    ids += text.prefix(maximumLength ?? .max).map { TokenID($0) }
  }
  func encodePlain(_ text: String) -> [TokenID] { text.utf8.map { TokenID($0) } }
  func decode(_ ids: some Sequence<TokenID>, skippingSpecialTokens: Bool) -> String {
    String(decoding: ids.compactMap { UInt8(exactly: $0) }, as: UTF8.self)
  }
}
