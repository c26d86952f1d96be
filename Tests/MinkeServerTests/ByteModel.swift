import MinkeCore
import MinkeModels
import MinkeText

/// A language model of any context length that says the byte after the last one, over and over.
struct ByteModel: CausalModel {
  struct State: CausalState {
    var tokens: [TokenID] = []
  }

  let vocabularySize = ByteTokenizer.size
  let contextLength: Int

  func makeState() -> State { State() }

  func logits(_ tokens: ArraySlice<TokenID>, after state: inout State) throws -> [Float] {
    guard let last = tokens.last, state.tokens.count + tokens.count <= contextLength else {
      throw MinkeError(.invalidArgument, "tokens", expected: "1 to \(contextLength)", found: "\(tokens.count)")
    }
    state.tokens += tokens
    return (0..<vocabularySize).map { Int(last + 1) % 256 == $0 ? 1 : 0 }
  }

  func truncate(_ state: inout State, to count: Int) { state.tokens.removeLast(state.tokens.count - count) }

  static func language(contextLength: Int) throws -> LanguageModel {
    try LanguageModel(
      ByteModel(contextLength: contextLength), tokenizer: ByteTokenizer(),
      identity: ModelIdentity(name: "bytes", fingerprint: "0"), startToken: 97, endTokens: [ByteTokenizer.end])
  }
}

/// A token for each byte, and the two of ChatML.
private struct ByteTokenizer: LosslessTokenizer {
  static let start: TokenID = 256
  static let end: TokenID = 257
  static let size = 258

  var vocabularySize: Int { Self.size }
  var specialTokens: Set<TokenID> { [Self.start, Self.end] }
  var maximumLength: Int? { nil }

  func truncating(to maximumLength: Int?) -> ByteTokenizer { self }
  func bytes(of id: TokenID) -> ArraySlice<UInt8>? { UInt8(exactly: id).map { [$0] } }
  func token(_ id: TokenID) -> String? { bytes(of: id).map { String(decoding: $0, as: UTF8.self) } }
  func id(of token: String) -> TokenID? { ["<|im_start|>": Self.start, "<|im_end|>": Self.end][token] }
  func isSpecial(_ id: TokenID) -> Bool { specialTokens.contains(id) }
  func encode(_ text: UnsafeBufferPointer<UInt8>, addingSpecialTokens: Bool, into ids: inout [TokenID]) {
    ids += text.map { TokenID($0) }
  }
  func encodePlain(_ text: String) -> [TokenID] { text.utf8.map { TokenID($0) } }
  func decode(_ ids: some Sequence<TokenID>, skippingSpecialTokens: Bool) -> String {
    String(decoding: ids.compactMap { UInt8(exactly: $0) }, as: UTF8.self)
  }
}
