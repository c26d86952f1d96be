import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
package protocol FileTokenizer: Tokenizer {
  var padsLeft: Bool { get }
  func truncating(left: Bool) -> Self
  func addedToken(_ id: TokenID) -> AddedToken?
  func adding(_ tokens: [AddedToken]) -> Self
  func lowercasing() -> Self
  func surrounding(prefix: [TokenID], suffix: [TokenID]) -> Self
}
extension WordPieceTokenizer: FileTokenizer {
  package func surrounding(prefix: [TokenID], suffix: [TokenID]) -> WordPieceTokenizer {
    var settings = settings
    settings.prefix = prefix
    settings.suffix = suffix
    return WordPieceTokenizer(model: model, addedTokens: addedTokens, settings: settings)
  }
}
package struct TokenizerParts: Sendable {
  package var normalizer: JSONValue?
  package var preTokenizer: JSONValue?
  package var postProcessor: JSONValue?
  package var model: [String: JSONValue] = [:]
  package init() {}
}
package enum TokenizerReader {
  package static func read(_ url: URL, replacing: TokenizerParts = TokenizerParts()) throws -> any FileTokenizer {
    try WordPieceTokenizer(contentsOf: url)
  }
}
