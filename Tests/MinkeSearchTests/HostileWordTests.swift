import MinkeCore
import Testing

@testable import MinkeSearch

/// Blocks of a segment that something has damaged: what is read of them is an error or an answer, never a crash.
@Suite struct HostileWordTests {
  private static let analyzer = WordAnalyzer()

  /// The blocks of a segment with lists of every form: short ones, whole groups and rests, contiguous ids and gaps.
  private static func blocks(_ count: Int = 300) throws -> [[UInt8]] {
    var random = SeededRandom(77)
    let texts = (0..<count).map { _ in random.text(1..<12, of: 30) + " same" }
    let ids = texts.indices.map { Int64($0 + ($0 > 100 ? 5 : 0)) }
    return try WordSegmentBuilder.build(ids: ids, analyzer: analyzer) { index, read in
      var text = texts[index]
      text.withUTF8 { read($0) }
    }.map { $0.copied() }
  }

  /// Reads all of `blocks` in every way there is; whether that was an error.
  private static func isRefused(_ blocks: [[UInt8]], blockCount: Int? = nil) throws -> Bool {
    do {
      let memory = MemoryWordBlocks(blocks.map { $0.aligned() })
      let segment = try WordSegment(blocks: memory, blockCount: blockCount ?? blocks.count)
      var dead = OrdinalSet()
      dead.insert(3)
      for removed in [OrdinalSet(), dead] {
        let search = WordSearch([(segment, removed)], analyzer: analyzer)
        let queries = ["w1 w2 w25", "same", "\"w1 w2\" same -w3", "w9 w10 w11 w12 w13"].map { WordQuery(parsing: $0) }
        for matches in try search.search(queries, k: 5) {
          if !matches.allSatisfy({ $0.score.isFinite && $0.score > 0 }) { Issue.record("a score that is none") }
        }
        _ = try search.constraint(of: queries[2])?.contains(9)
      }
      try segment.forEachTerm { _, _ in }
      _ = try WordSegmentBuilder.merge([(segment, dead)])
      try segment.check()
      return false
    } catch is MinkeError {
      return true
    }
  }

  @Test func `the blocks that were made are read`() throws {
    let blocks = try Self.blocks()
    #expect(blocks.count == 5)
    #expect(try !Self.isRefused(blocks))
  }

  @Test(arguments: 0..<5)
  func `a changed byte is an error or an answer`(block: Int) throws {
    let blocks = try Self.blocks()
    let bytes = blocks[block]
    var random = SeededRandom(UInt64(block) + 1)
    var refused = 0
    let places = (0..<min(40, bytes.count)).map { $0 * bytes.count / min(40, bytes.count) }
    for place in places {
      var damaged = blocks
      damaged[block][place] ^= Bool.random(using: &random) ? 1 << UInt8.random(in: 0..<8, using: &random) : 0xff
      if try Self.isRefused(damaged) { refused += 1 }
    }
    // Some damage is another good segment: one bit of a letter or of an id, say.
    #expect(refused > places.count / 3, "\(refused) of \(places.count)")
  }

  @Test func `blocks that are cut short, empty, missing or of another segment are errors`() throws {
    let blocks = try Self.blocks()
    for block in blocks.indices {
      for count in Set([0, 1, 7, blocks[block].count / 2, blocks[block].count - 1]) {
        var damaged = blocks
        damaged[block].removeLast(damaged[block].count - count)
        #expect(try Self.isRefused(damaged), "block \(block), \(count) bytes")
      }
      var swapped = blocks
      swapped.swapAt(block, (block + 1) % blocks.count)
      #expect(try Self.isRefused(swapped))
    }
    #expect(try Self.isRefused(Array(blocks.dropLast())))
    #expect(try Self.isRefused(blocks, blockCount: 4))
    #expect(try Self.isRefused(blocks + [[1]]))
    #expect(try Self.isRefused([]))
    var mixed = blocks
    mixed[3] = try Self.blocks(250)[3]
    #expect(try Self.isRefused(mixed))
  }

  @Test func `dead passages that are not there are an error`() throws {
    let segment = try WordSegment(Self.blocks().map { $0.aligned() })
    var dead = OrdinalSet()
    dead.insert(300)
    let search = WordSearch([(segment, dead)], analyzer: Self.analyzer)
    #expect(throws: MinkeError.self) { try search.search([WordQuery(parsing: "w1")], k: 1) }
    #expect(throws: MinkeError.self) { try search.check() }
  }
}

@Suite struct OrdinalSetTests {
  @Test func `a set holds what was put in, and its bytes hold the set`() throws {
    var random = SeededRandom(8)
    for size in [0, 1, 2, 50, 1_000, 30_000] {
      for range in [64, 1_000, 100_000] {
        var set = OrdinalSet()
        var plain = Set<Int>()
        for _ in 0..<size {
          let ordinal = Int.random(in: 0..<range, using: &random)
          #expect(set.insert(ordinal) == plain.insert(ordinal).inserted)
        }
        #expect(set.count == plain.count && set.isEmpty == plain.isEmpty && set.last == plain.max())
        var all: [Int] = []
        set.forEach { all.append($0) }
        #expect(all == plain.sorted())
        #expect([-1, 0, 5, range, range * 9].allSatisfy { set.contains($0) == plain.contains($0) })
        let bytes = set.bytes
        #expect(bytes.count <= 1 + min(4 * plain.count, (range + 63) / 64 * 8))
        #expect(OrdinalSet(bytes: bytes) == set)
        #expect(OrdinalSet(bytes: bytes, below: set.last ?? 0) == (set.isEmpty ? set : nil))
        var other = OrdinalSet()
        other.insert(range * 2)
        other.formUnion(set)
        #expect(other.count == set.count + 1 && other.contains(range * 2))
      }
    }
  }

  @Test func `other bytes are no set`() {
    for bytes: [UInt8] in [
      [], [2], [0, 0x80], [1, 0], [1, 0, 0, 0, 0, 0, 0, 0], [0] + [UInt8](repeating: 0xff, count: 12),
    ] {
      #expect(OrdinalSet(bytes: bytes) == nil)
    }
    #expect(OrdinalSet(bytes: [0, 0xff, 0xff, 0xff, 0xff, 0x0f]) == nil)
  }
}
