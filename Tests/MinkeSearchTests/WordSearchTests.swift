import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeSearch

@Suite struct WordSearchTests {
  private static let analyzer = WordAnalyzer()

  private static func segment(_ texts: [String], ids: [Int64]) throws -> WordSegment {
    try WordSegment(
      WordSegmentBuilder.build(ids: ids, analyzer: analyzer) { index, read in
        var text = texts[index]
        text.withUTF8 { read($0) }
      })
  }

  private static func queries(_ count: Int, vocabulary: Int, _ random: inout SeededRandom) -> [WordQuery] {
    (0..<count).map { number in
      var text = random.text(1..<9, of: vocabulary)
      if number % 5 == 1 { text += " \"\(random.word(of: 4)) \(random.word(of: 6))\"" }
      if number % 5 == 2 { text += " -\(random.word(of: vocabulary))" }
      if number % 5 == 3 { text += " -\"\(random.word(of: 5)) \(random.word(of: 5))\"" }
      if number % 7 == 4 { text += " " + text }
      return WordQuery(parsing: text)
    }
  }

  @Test(arguments: [0, 1, 2, 3])
  func `what is skipped is never among the best`(seed: Int) throws {
    var random = SeededRandom(UInt64(seed) + 7)
    let count = [200, 4_200, 9_000, 8_300][seed]
    let vocabulary = [40, 3_000, 200, 9_000][seed]
    let lengths = [0..<30, 5..<20, 1..<4, 4..<9][seed]
    let texts = (0..<count).map { _ in random.text(lengths, of: vocabulary) }
    let ids = texts.indices.map { Int64($0) * 3 - 100 }
    var plain = PlainWords(analyzer: Self.analyzer, bm25: .standard)
    plain.add(texts, ids: ids)
    let search = WordSearch([(try Self.segment(texts, ids: ids), OrdinalSet())], analyzer: Self.analyzer)
    try search.check()
    let queries = Self.queries(seed == 0 ? 40 : 10, vocabulary: vocabulary, &random)
    let ranked = queries.map { plain.ranked($0) }
    for k in [1, 10, 1000, 50_000] {
      let found = try search.search(queries, k: k)
      for (query, matches) in found.enumerated() {
        #expect(agree(matches, ranked[query], k: k), "\(queries[query].text), \(k)")
      }
    }
  }

  @Test func `segments, removals, filters and merges change nothing but what can be found`() throws {
    var random = SeededRandom(21)
    let texts = (0..<5_000).map { _ in random.text(1..<14, of: 900) }
    let ids = texts.indices.map { Int64($0) * 2 }
    let cuts = [0, 1, 40, 800, 4_097, 5_000]
    var segments = try zip(cuts, cuts.dropFirst()).map { start, end in
      (segment: try Self.segment(Array(texts[start..<end]), ids: Array(ids[start..<end])), dead: OrdinalSet())
    }
    let whole = WordSearch([(try Self.segment(texts, ids: ids), OrdinalSet())], analyzer: Self.analyzer)
    let queries = Self.queries(10, vocabulary: 900, &random)
    let split = WordSearch(segments, analyzer: Self.analyzer)
    for k in [1, 10, 1000] { #expect(try split.search(queries, k: k) == whole.search(queries, k: k)) }

    var plain = PlainWords(analyzer: Self.analyzer, bm25: .standard)
    var remaining: [(text: String, id: Int64)] = []
    for (index, cut) in cuts.dropLast().enumerated() {
      for ordinal in 0..<cuts[index + 1] - cut {
        if index != 0, Int.random(in: 0..<3, using: &random) == 0 {
          segments[index].dead.insert(ordinal)
        } else {
          remaining.append((texts[cut + ordinal], ids[cut + ordinal]))
        }
      }
    }
    let left = remaining
    plain.add(left.map(\.text), ids: left.map(\.id))
    let partly = WordSearch(segments, analyzer: Self.analyzer)
    try partly.check()
    #expect(partly.count == left.count)
    let merged = try WordSegment(WordSegmentBuilder.merge(segments))
    let fresh = try WordSegmentBuilder.build(ids: left.map(\.id), analyzer: Self.analyzer) { index, read in
      var text = left[index].text
      text.withUTF8 { read($0) }
    }
    #expect(try WordSegmentBuilder.merge(segments).map { $0.copied() } == fresh.map { $0.copied() })
    #expect(try WordSegmentBuilder.merge(segments.reversed()).map { $0.copied() } == fresh.map { $0.copied() })
    let one = WordSearch([(merged, OrdinalSet())], analyzer: Self.analyzer)
    try one.check()
    for k in [1, 10, 1000] {
      let found = try partly.search(queries, k: k)
      #expect(try one.search(queries, k: k) == found)
      for (query, matches) in zip(queries, found) { #expect(agree(matches, plain.ranked(query), k: k)) }
      for filter in [IDFilter { $0 % 3 == 0 }, IDFilter([4, 1_002, 11_998, 5]), IDFilter(excluding: 0..<7_000)] {
        let found = try partly.search(queries, k: k, among: filter)
        #expect(try one.search(queries, k: k, among: filter) == found)
        for (query, matches) in zip(queries, found) {
          #expect(agree(matches, plain.ranked(query) { filter.contains($0) }, k: k))
        }
      }
    }
    for query in queries {
      let filter = try partly.constraint(of: query)
      #expect((filter == nil) == (query.phrases.isEmpty && query.excluded.isEmpty))
      for (id, passage) in plain.passages {
        #expect((filter?.contains(id) ?? true) == plain.meets(query, passage))
      }
    }
    var terms: [[UInt8]] = []
    try merged.forEachTerm { word, passages in
      terms.append(word)
      let expected = plain.passages.values.count { $0.counts[word] != nil }
      #expect(passages == expected)
      let found = try partly.documentFrequency(of: word)
      #expect(found == expected)
    }
    #expect(terms.count > 500 && zip(terms, terms.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
  }

  @Test func `results are the same with any number of threads`() throws {
    var random = SeededRandom(22)
    let texts = (0..<2_100).map { _ in random.text(1..<20, of: 500) }
    let queries = Self.queries(30, vocabulary: 500, &random)
    let ids = texts.indices.map { Int64($0) }
    let threads = Workers.count
    defer { Workers.count = threads }
    var blocks: [[[UInt8]]] = []
    var found: [[[Match]]] = []
    for count in [1, 2, 5] {
      Workers.count = count
      let made = try WordSegmentBuilder.build(ids: ids, analyzer: Self.analyzer) { index, read in
        var text = texts[index]
        text.withUTF8 { read($0) }
      }
      blocks.append(made.map { $0.copied() })
      found.append(
        try WordSearch([(WordSegment(made), OrdinalSet())], analyzer: Self.analyzer).search(queries, k: 20))
    }
    #expect(blocks[1] == blocks[0] && blocks[2] == blocks[0])
    #expect(found[1] == found[0] && found[2] == found[0])
  }

  @Test func `equal passages come in the order of their ids, and the first of them are found`() throws {
    let texts = (0..<9_000).map { $0 % 3 == 0 ? "red fish" : "blue fish" }
    let ids = texts.indices.map { Int64($0) }
    let search = WordSearch([(try Self.segment(texts, ids: ids), OrdinalSet())], analyzer: Self.analyzer)
    let found = try search.search([WordQuery(parsing: "red"), WordQuery(parsing: "fish red red")], k: 7)
    for matches in found { #expect(matches.map(\.id) == [0, 3, 6, 9, 12, 15, 18]) }
    #expect(try search.search([WordQuery(parsing: "fish")], k: 3)[0].map(\.id) == [0, 1, 2])
  }

  @Test func `settings and long passages count as the formula says`() throws {
    var random = SeededRandom(23)
    var texts = (0..<400).map { _ in random.text(1..<50, of: 100) }
    texts.append(random.text(3_000..<3_001, of: 100))
    texts.append(random.text(66_000..<66_001, of: 3))
    let ids = texts.indices.map { Int64($0) }
    for (k1, b) in [(0, 0), (0, 1), (2, 0), (0.5, 1), (1000, 0.3)] {
      let bm25 = try BM25(k1: k1, b: b)
      var plain = PlainWords(analyzer: Self.analyzer, bm25: bm25)
      plain.add(texts, ids: ids)
      let search = WordSearch(
        [(try Self.segment(texts, ids: ids), OrdinalSet())], analyzer: Self.analyzer, bm25: bm25)
      try search.check()
      for query in Self.queries(10, vocabulary: 100, &random) {
        #expect(agree(try search.search([query], k: 15)[0], plain.ranked(query), k: 15), "\(k1), \(b), \(query.text)")
      }
    }
    for (k1, b) in [(-1, 0.5), (.nan, 0.5), (1, 1.5), (1, -0.1)] {
      #expect(throws: MinkeError.self) { try BM25(k1: k1, b: b) }
    }
  }

  @Test(arguments: [1, 8, 9, 127, 128, 129, 300])
  func `a phrase is found whose first word is never but the first`(count: Int) throws {
    let texts = (0..<count).map { "first of number\($0)" }
    let search = WordSearch(
      [(try Self.segment(texts, ids: texts.indices.map { Int64($0) }), OrdinalSet())], analyzer: Self.analyzer)
    try search.check()
    #expect(try search.search([WordQuery(parsing: "\"first of\"")], k: 500)[0].count == count)
    #expect(try search.search([WordQuery(parsing: "\"of first\"")], k: 500)[0].isEmpty)
  }

  @Test func `nothing is found where there is nothing to find`() throws {
    let none = WordSearch([], analyzer: Self.analyzer)
    #expect(try none.search([WordQuery(parsing: "a")], k: 3) == [[]])
    let empty = try Self.segment([], ids: [])
    #expect(empty.count == 0)
    let blank = try Self.segment(["", "  ", "!?"], ids: [1, 2, 3])
    let search = WordSearch([(empty, OrdinalSet()), (blank, OrdinalSet())], analyzer: Self.analyzer)
    try search.check()
    #expect(search.count == 3)
    #expect(try search.search([WordQuery(parsing: "a"), WordQuery(parsing: "")], k: 3) == [[], []])
    #expect(throws: MinkeError.self) { try search.search([], k: 0) }
  }
}

extension WordSearchTests {
  @Test func `scores are those of bm25s`() throws {
    let golden = try Fixture.json("word-ranks.json")
    let texts = try #require(golden["texts"]?.array).compactMap(\.string)
    let analyzer = WordAnalyzer(stems: false)
    let results = try #require(golden["results"]?.array)
    #expect(texts.count == 400 && results.count == 18)
    for result in results {
      let bm25 = try BM25(k1: #require(result["k1"]?.double), b: #require(result["b"]?.double))
      let index = WordIndex(analyzer: analyzer, bm25: bm25)
      try index.add(texts)
      let scores = try #require(result["scores"]?.array).compactMap(\.double)
      let query = try #require(result["query"]?.string)
      let found = try index.search([query], k: texts.count)[0]
      #expect(found.count == scores.count { $0 > 0 })
      for match in found { #expect(abs(Double(match.score) - scores[Int(match.id)]) < 3e-6, "\(query), \(match)") }
    }
  }
}
