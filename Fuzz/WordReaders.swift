import Minke

/// The blocks of a word segment as one file: how many bytes each has, four bytes a number and a 0 at the end, then all of
/// them.
enum WordReaders {
  private static let analyzer = WordAnalyzer()

  static func seeds() throws -> [[UInt8]] {
    try [3, 150, 300].map { count in
      let texts = (0..<count).map {
        "whale \($0 % 7) boat\($0 % 150) \($0) the sea, the sea and caf\u{e9} maxItemCount"
      }
      let blocks = try WordSegmentBuilder.build(ids: (0..<Int64(count)).map { $0 * 2 }, analyzer: analyzer) {
        var text = texts[$0]
        text.withUTF8($1)
      }.map { $0.copied() }
      let sizes = (blocks.map(\.count) + [0]).flatMap { size in
        withUnsafeBytes(of: UInt32(size).littleEndian) { Array($0) }
      }
      return sizes + blocks.flatMap { $0 }
    }
  }

  static let querySeeds = [
    "the \"white whale\" -boat path:src/*.c title:\"a b\" -type:pdf http://x 12:30 std::vector",
    "caf\u{e9} 日本語 maxItemCount 3.14",
  ].map { Array($0.utf8) }

  static let ordinalSeeds: [[UInt8]] = [[0, 1, 2, 3, 0x80, 1], [1] + [UInt8](repeating: 0x5a, count: 16)]

  @Sendable static func read(_ bytes: UnsafeRawBufferPointer) throws {
    let segment = try segment(bytes)
    var dead = OrdinalSet()
    dead.insert(1)
    let search = WordSearch([(segment, dead)], analyzer: analyzer)
    let queries = ["whale boat3 5", "\"the sea\" -boat7", "cafe max item count the and"].map { WordQuery(parsing: $0) }
    for matches in try search.search(queries, k: 4) { precondition(matches.allSatisfy { $0.score > 0 }) }
    _ = try WordSegment(WordSegmentBuilder.merge([(segment, dead)])).count
    try search.check()
  }

  private static func segment(_ bytes: UnsafeRawBufferPointer) throws -> WordSegment {
    var place = 0
    var sizes: [Int] = []
    while place + 4 <= bytes.count {
      let size = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
      place += 4
      if size == 0 { break }
      sizes.append(size)
    }
    let blocks = sizes.map { size in
      let end = min(bytes.count, place + size)
      let block = AlignedBuffer<UInt8>(uninitialized: end - place)
      UnsafeMutableRawBufferPointer(block.mutablePointer).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[place..<end]))
      place = end
      return block
    }
    return try WordSegment(blocks)
  }
}
