import Foundation
import MinkeCore
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeTraining

@Suite(.serialized) struct VocabularyTests {
  private static func counts(_ texts: String...) -> WordCounts {
    var counts = WordCounts()
    for text in texts { Array(text.utf8).withUnsafeBufferPointer { counts.add($0) } }
    return counts
  }

  private static func words(_ counts: WordCounts) -> [String: Int] {
    Dictionary(
      counts.words.indices.map { (String(decoding: counts[$0], as: UTF8.self), counts.words[$0].count) },
      uniquingKeysWith: +)
  }

  /// English enough that words and endings come again, and no two runs differ.
  private static let book: String = {
    let words = [
      "whale", "whales", "hunting", "hunted", "sailing", "sailed", "the", "of", "sea", "ocean", "1851", "naïve",
    ]
    var random = SplitMix64(seed: 5)
    return (0..<4000).map { _ in
      words[Int(random.next() % UInt64(words.count))] + (random.next() % 9 == 0 ? ",\n" : " ")
    }.joined()
  }()

  private func tokenizer(_ vocabulary: LengthMaxVocabulary) throws -> SpikeTokenizer {
    try Array(vocabulary.json.text.utf8).withUnsafeBytes { try SpikeTokenizer(json: $0, named: "learnt") }
  }

  /// Ids of learnt tokens begin behind the control tokens and the bytes.
  private func learnt(_ tokenizer: SpikeTokenizer) -> [String] {
    (260..<tokenizer.vocabularySize - LengthMaxVocabulary.specials.count).compactMap { tokenizer.token(TokenID($0)) }
  }

  @Test func `Words are runs of one sort with the blank or apostrophe before them`() {
    let found = Self.words(Self.counts("The cat's  12 hats,\n\n  über 12 hats!"))
    #expect(
      found == [
        "The": 1, " cat": 1, "'s": 1, " ": 1, " 12": 2, " hats": 2, ",": 1, "\n\n ": 1, " über": 1, "!": 1,
      ])
    // A blank at the end is a word, and no run is longer than a word may be.
    #expect(Self.words(Self.counts("a ")) == ["a": 1, " ": 1])
    let long = Self.words(Self.counts(String(repeating: "a", count: 150)))
    #expect(long.map { $0.key.count * $0.value }.reduce(0, +) == 150)
    #expect(long.keys.allSatisfy { $0.count <= WordCounts.longestWord })
  }

  @Test func `Counts of parts add up to those of the whole`() {
    let (half, other) = (Self.book.prefix(9001), Self.book.dropFirst(9001))
    var sum = Self.counts(String(half))
    sum.add(Self.counts(String(other)))
    #expect(Self.words(sum) == Self.words(Self.counts(String(half), String(other))))
    #expect(sum.words.reduce(0) { $0 + $1.length * $1.count } == Self.book.utf8.count)
  }

  @Test func `The pairs that stand together most often are joined first`() {
    var merging = PairMerging(Self.counts("low low low low low lower lower newest newest newest newest newest newest"))
    merging.grow(to: 256 + 4, longest: 24)
    let joined = merging.symbols.dropFirst(256).map { String(decoding: $0, as: UTF8.self) }
    // "we" stands 8 times. Of "lo" and "ow", 7 each, "ow" loses two to it. Of those that stand 6 times the blank is smallest.
    #expect(joined == ["we", "lo", " n", " lo"])
    // What stands once is not joined.
    var single = PairMerging(Self.counts("abcdef"))
    single.grow(to: 1000, longest: 24)
    #expect(single.symbols.count == 256)
  }

  @Test func `A learnt vocabulary is a tokenizer of the size asked for`() throws {
    let vocabulary = try LengthMaxVocabulary(Self.counts(Self.book), size: 300)
    let tokenizer = try tokenizer(vocabulary)
    #expect(vocabulary.count == 300 && tokenizer.vocabularySize == 300)
    #expect(tokenizer.specialTokens.count == LengthMaxVocabulary.controls.count + LengthMaxVocabulary.specials.count)
    #expect(tokenizer.id(of: "<eos>") == 3 && tokenizer.id(of: "<|endoftext|>") == 299)
    #expect(tokenizer.bytes(of: 4 + 0x61) == [0x61])
    let ids = tokenizer.encode(Self.book)
    #expect(tokenizer.decode(ids) == Self.book)
    #expect(learnt(tokenizer).contains(" whale"))
    #expect(vocabulary.learned.allSatisfy { $0.count <= LengthMaxVocabulary.longestToken })
    // No token crosses the end of a word here, so that words alone and the whole text are the same tokens.
    #expect(abs(vocabulary.bytesPerToken - Double(Self.book.utf8.count) / Double(ids.count)) < 1e-9)
  }

  @Test func `Tokens that the longest match would not miss are dropped`() throws {
    let counts = Self.counts(Self.book)
    let vocabulary = try LengthMaxVocabulary(counts, size: LengthMaxVocabulary.fixedCount + 10)
    var merging = PairMerging(counts)
    merging.grow(to: 256 + 10, longest: LengthMaxVocabulary.longestToken)
    // Merges of pairs spend most of ten tokens on pieces of words.
    let merged = Set(merging.symbols.dropFirst(256))
    #expect(Set(vocabulary.learned) != merged)
    func tokenCount(_ tokens: Set<[UInt8]>) -> Int {
      counts.words.indices.reduce(0) { sum, index in
        var (rest, count) = (counts[index], 0)
        while !rest.isEmpty {
          let length = (1...rest.count).last { $0 == 1 || tokens.contains(Array(rest.prefix($0))) } ?? 1
          rest = rest.dropFirst(length)
          count += 1
        }
        return sum + count * counts.words[index].count
      }
    }
    #expect(tokenCount(Set(vocabulary.learned)) < tokenCount(merged))
  }

  @Test func `Files, rows and conversations make the same vocabulary on any number of threads`() throws {
    try Fixture.withTemporaryFolder { folder in
      let rows = folder.appendingPathComponent("rows.jsonl")
      let book = folder.appendingPathComponent("book.txt")
      try Data(Self.book.utf8).write(to: book)
      let lines = (0..<200).map {
        #"{"ask": "What of whale \#($0 % 7)?", "answer": "The whales sailed \#($0 % 5) seas.", "source": "\#($0 % 2)"}"#
      }
      try Data(lines.joined(separator: "\n").utf8).write(to: rows)
      let selection = DataSelection(
        files: [rows.path, book.path], columns: ["answer"], turns: ["ask", "answer"], conversations: ["1"])
      let threads = Workers.count
      defer { Workers.count = threads }
      var texts: Set<String> = []
      for count in [1, 3] {
        Workers.count = count
        texts.insert(try LengthMaxVocabulary(of: selection, size: 320).json.text)
      }
      #expect(texts.count == 1)
      let plain = try LengthMaxVocabulary(
        of: DataSelection(files: [rows.path], columns: ["answer"]), size: LengthMaxVocabulary.fixedCount + 8)
      #expect(!plain.learned.contains(Array(" of".utf8)))
    }
  }

  @Test func `Sizes that cannot be had are refused`() throws {
    let counts = Self.counts(Self.book)
    for size in [-1, 0, 277, 1 << 21] {
      #expect(throws: MinkeError.self) { try LengthMaxVocabulary(counts, size: size) }
    }
    do {
      _ = try LengthMaxVocabulary(counts, size: 100_000)
      Issue.record("no error")
    } catch {
      #expect(error.kind == .invalidArgument && error.found == "100000")
    }
    // A text of nothing gives no token.
    #expect(throws: MinkeError.self) { try LengthMaxVocabulary(Self.counts(""), size: 278) }
  }

  @Test func `Special tokens that are spelt in the texts are not learnt again`() throws {
    let text = String(repeating: "<pad> <|im_end|> <pad> ", count: 50) + Self.book
    let vocabulary = try LengthMaxVocabulary(Self.counts(text), size: 300)
    #expect(try tokenizer(vocabulary).vocabularySize == 300)
  }
}
