import MinkeCore
import MinkeText

/// How an encoder turns a text into the token ids that it reads.
///
/// The prompt of its role comes first, then the tokenizer with the model's own rules and limit does the rest.
public struct TextTokenization: Sendable {
  /// The tokenizer, which lower-cases and cuts as the model wants it.
  public let tokenizer: any Tokenizer
  /// Whether the tokens that stand around a text, such as `[CLS]` and `[SEP]`, are read with it.
  public let addsSpecialTokens: Bool
  /// The texts that are put before the texts to encode.
  public let prompts: Prompts
  /// Characters (Unicode scalars) of a text that are looked at; nil for all (model2vec).
  package let characterLimit: Int?
  /// The token that is left out (model2vec).
  package let omittedToken: TokenID?

  /// The way of a model that does nothing more than the arguments say.
  public init(_ tokenizer: any Tokenizer, addsSpecialTokens: Bool, prompts: Prompts = Prompts()) {
    self.init(tokenizer, addsSpecialTokens: addsSpecialTokens, prompts: prompts, characterLimit: nil, omittedToken: nil)
  }

  package init(
    _ tokenizer: any Tokenizer, addsSpecialTokens: Bool, prompts: Prompts, characterLimit: Int?, omittedToken: TokenID?
  ) {
    self.tokenizer = tokenizer
    self.addsSpecialTokens = addsSpecialTokens
    self.prompts = prompts
    self.characterLimit = characterLimit
    self.omittedToken = omittedToken
  }

  /// The ids that are read for `text`.
  public func ids(of text: String, role: TextRole? = nil) -> [TokenID] {
    var ids: [TokenID] = []
    append(text, prompt: prompts.text(for: role), into: &ids)
    return ids
  }

  /// The ids that are read for each of `texts`, worked out on all cores.
  ///
  /// - Throws: `CancellationError` when the calling task was cancelled.
  public func ids(of texts: [String], role: TextRole? = nil) throws -> [[TokenID]] {
    let prompt = prompts.text(for: role)
    return try Workers.map(count: texts.count, grain: 64) { index in
      var ids: [TokenID] = []
      append(texts[index], prompt: prompt, into: &ids)
      return ids
    }
  }

  /// Appends the ids that are read for `text` behind `prompt`.
  package func append(_ text: String, prompt: String, into ids: inout [TokenID]) {
    var text = prompt.isEmpty ? text : prompt + text
    let first = ids.count
    text.withUTF8 { bytes in
      tokenizer.encode(limited(bytes), addingSpecialTokens: addsSpecialTokens, into: &ids)
    }
    guard let omittedToken else { return }
    if first == 0 {
      ids.removeAll { $0 == omittedToken }
    } else {
      let kept = ids[first...].filter { $0 != omittedToken }
      ids.replaceSubrange(first..., with: kept)
    }
  }

  /// How many of the ids of a text behind `prompt` belong to the prompt.
  ///
  /// That is how many ids the prompt alone has, without the special token after it, as sentence-transformers counts.
  package func count(ofPrompt prompt: String) -> Int {
    if prompt.isEmpty { return 0 }
    var ids: [TokenID] = []
    append("", prompt: prompt, into: &ids)
    return ids.count - (addsSpecialTokens && ids.last.map(tokenizer.isSpecial) == true ? 1 : 0)
  }

  /// `text` up to ``characterLimit``.
  private func limited(_ text: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    guard let characterLimit, text.count > characterLimit else { return text }
    var characters = 0
    // Every byte that does not continue a character begins one.
    let end = text.firstIndex { byte in
      if byte & 0xc0 == 0x80 { return false }
      characters += 1
      return characters > characterLimit
    }
    return UnsafeBufferPointer(rebasing: text[..<(end ?? text.count)])
  }

  /// The same with or without the tokens that stand around a text.
  public func addingSpecialTokens(_ adds: Bool) -> TextTokenization {
    TextTokenization(
      tokenizer, addsSpecialTokens: adds, prompts: prompts, characterLimit: characterLimit, omittedToken: omittedToken)
  }

  /// What people want to know about it.
  package var facts: [ModelFact] {
    var facts = [ModelFact("vocabulary", "\(tokenizer.vocabularySize) tokens")]
    if let limit = tokenizer.maximumLength { facts.append(ModelFact("longest text", "\(limit) tokens")) }
    if let characterLimit { facts.append(ModelFact("longest text in characters", "\(characterLimit)")) }
    return facts + prompts.facts
  }
}
