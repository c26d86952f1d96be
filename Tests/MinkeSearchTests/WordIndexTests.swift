import MinkeCore
import Testing

@testable import MinkeSearch

@Suite struct WordIndexTests {
  @Test func `a passage is found by its words, phrases and what is not in it`() throws {
    let index = WordIndex()
    let ids = try index.add([
      "The white whale swam before him as the monomaniac incarnation of malicious agencies.",
      "A boat is white; its whale is not.", "Nothing of the kind.", "maxItemCount is 3.14 for Café users",
    ])
    #expect(ids == [0, 1, 2, 3] && index.count == 4)
    func found(_ query: String) throws -> [Int64] { try index.search([query], k: 10)[0].map(\.id) }
    #expect(try found("whales") == [1, 0])
    #expect(try found("\"white whale\"") == [0])
    #expect(try found("whale -boats") == [0])
    #expect(try found("whale -\"white whale\"") == [1])
    #expect(try found("\"whale white\"") == [])
    #expect(try found("CAFE") == [3])
    #expect(try found("max_item_count") == [3])
    #expect(try found("item") == [3])
    #expect(try found("3.14") == [3])
    #expect(try found("-whale") == [])
    #expect(try found("title:x") == [])
    #expect(try index.remove(ids: [0, 77]) == 1)
    #expect(try found("whale") == [1])
    #expect(!index.contains(0) && index.contains(1))
    #expect(try index.add(["whale"]) == [4])
    #expect(try index.add(["whale again"], ids: [0]) == [0])
    #expect(throws: MinkeError.self) { try index.add(["x"], ids: [1]) }
    #expect(throws: MinkeError.self) { try index.add(["x", "y"], ids: [8, 8]) }
    #expect(throws: MinkeError.self) { try index.add(["x"], ids: []) }
    #expect(try found("whale") == [4, 0, 1])
  }

  @Test(arguments: 0..<4)
  func `an index holds what a dictionary would`(seed: Int) throws {
    var random = SeededRandom(UInt64(seed) + 300)
    let bm25 = try BM25(k1: 1 + Double(seed) / 4, b: 0.6)
    let index = WordIndex(bm25: bm25)
    var plain = PlainWords(analyzer: index.analyzer, bm25: bm25)
    var largest: Int64 = -1
    for step in 0..<60 {
      switch Int.random(in: 0..<6, using: &random) {
      case 0..<3:
        let texts = (0..<Int.random(in: 0...40, using: &random)).map { _ in random.text(0..<20, of: 60) }
        var ids = texts.indices.map { largest + 1 + Int64($0) }
        if Bool.random(using: &random) {
          ids = (0..<Int64(texts.count + plain.passages.count + 9)).filter { plain.passages[$0] == nil }
            .shuffled(using: &random).prefix(texts.count).map { $0 }
          #expect(try index.add(texts, ids: ids) == ids)
        } else {
          #expect(try index.add(texts) == ids)
        }
        plain.add(texts, ids: ids)
        largest = max(largest, ids.max() ?? -1)
      case 3:
        let gone = plain.passages.keys.sorted().shuffled(using: &random)
          .prefix(Int.random(in: 0...50, using: &random))
        #expect(try index.remove(ids: Array(gone) + [-9]) == gone.count)
        for id in gone { plain.passages[id] = nil }
      default:
        let query = WordQuery(parsing: random.text(1..<6, of: 60))
        #expect(agree(try index.search([query], k: 12)[0], plain.ranked(query), k: 12), "step \(step)")
      }
      #expect(index.count == plain.passages.count)
    }
    try index.snapshot().check()
    #expect(index.snapshot().core.segments.count < 24)
  }

  @Test func `searches go on while passages are added and removed`() async throws {
    let index = WordIndex()
    try await index.add(["fish one", "fish two"])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for step in 0..<40 {
          let ids = try await index.add(["fish \(step)", "fish and fish"])
          if step % 2 == 0 { try index.remove(ids: ids) }
        }
      }
      for _ in 0..<3 {
        group.addTask {
          for _ in 0..<60 {
            let found = try await index.search(["fish"], k: 1_000)[0]
            // Two are added and removed together.
            #expect(found.count % 2 == 0 && found.count >= 2)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(index.count == 42)
  }
}
