import Foundation
import MinkeBuiltInModels
import MinkeCore
import MinkeLayers
import MinkeTestSupport
import Testing

@testable import MinkeModels

@Suite struct BuiltInLanguageModelTests {
  private static let name = ModelLibrary.defaultLanguageModelName

  private func options(_ tokens: Int, ends: Bool = false) -> GenerationOptions {
    GenerationOptions(
      sampling: .random(RandomSampling(temperature: 0.7, topP: 0.9, seed: 7)), maximumTokens: tokens,
      endsAtEndToken: ends)
  }

  private func text(_ language: LanguageModel, tokens: Int) throws -> String {
    var text = ""
    try language.generate("The history of the", options: options(tokens)) { text += $0.text }
    return text
  }

  @Test func `It is small, in 4 bits, and as large as its tokenizer`() throws {
    let folder = try ModelSource(Self.name).open()
    let files = try FileManager.default.contentsOfDirectory(at: folder.url, includingPropertiesForKeys: [.fileSizeKey])
    let sizes = try files.map { try $0.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0 }
    #expect(sizes.reduce(0, +) < 6_000_000)
    let model = try SpikeWhaleFolder(folder).model(kernels: .active)
    #expect(model.precision == .fourBit)
    #expect(try ModelLibrary.tokenizer(Self.name).vocabularySize == model.configuration.vocabularySize)
    #expect(try ModelLibrary.languageModel().assumptions == [])
    #expect(throws: MinkeError.self) { try ModelLibrary.textEncoder(Self.name) }
  }

  @Test(arguments: KernelLevel.available)
  func `A seed gives one text, and every kernel level finds a text as likely`(level: KernelLevel) throws {
    let language = try ModelLibrary.languageModel(kernels: level)
    let text = try text(language, tokens: 16)
    #expect(try self.text(language, tokens: 16) == text)
    let sentence = "The city is the capital of the province, and has a population of about 40,000."
    let perplexity = try language.perplexity(of: sentence).perByte
    let expected = try ModelLibrary.languageModel(kernels: .portable).perplexity(of: sentence).perByte
    #expect(abs(perplexity / expected - 1) < 0.01, "\(perplexity), \(expected)")
    #expect(perplexity < 5)
  }

  @Test func `It writes words of English`() throws {
    let books = try ["moby-dick", "origin-of-species", "sherlock-holmes"].map {
      try String(contentsOf: Fixture.url("../../Examples/books/\($0).txt"), encoding: .utf8)
    }
    func words(_ text: String) -> [Substring] { text.lowercased().split { !$0.isLetter } }
    let known = Set(books.flatMap(words))
    // The last word may be a part of one.
    let written = words(try text(ModelLibrary.languageModel(), tokens: 120)).dropLast()
    #expect(written.count > 40)
    #expect(Double(written.count { known.contains($0) }) > 0.7 * Double(written.count), "\(written)")
  }

  @Test func `It answers in a conversation and ends its turn`() async throws {
    let session = try ChatSession(await ModelLibrary.languageModel())
    var (text, end) = ("", GenerationEnd?.none)
    for try await piece in session.reply(to: "tell me about the sea", options: options(400, ends: true)) {
      text += piece.text
      end = piece.end
    }
    #expect(text.split(separator: " ").count > 5)
    #expect(end != nil && session.messages.count == 2)
  }
}
