import MinkeCore

/// An inverted index of some passages that never changes: their words in order, and for each word the passages that
/// have it, how often and where.
///
/// Passages are numbered by ordinals from 0 on, in the order of their ids. README.md of this module describes the blocks.
package struct WordSegment: Sendable {
  /// Passages.
  package var count: Int { header.count }
  /// Words of all passages together.
  package var totalLength: Int { header.totalLength }
  /// How many different words there are.
  package var termCount: Int { header.termCount }

  let header: WordSegmentHeader
  let blocks: any WordBlocks

  /// Reads the first of `blockCount` blocks, the header.
  ///
  /// - Throws: `MinkeError` of kind `malformedFile` when it is no header or belongs to another number of blocks, and what
  ///   `blocks` throws.
  package init(blocks: any WordBlocks, blockCount: Int) throws {
    let first = try blocks.block(0)
    header = try withExtendedLifetime(first) { try WordSegmentHeader(first.pointer, blockCount: blockCount) }
    self.blocks = blocks
  }

  /// The segment of blocks in memory.
  package init(_ blocks: [AlignedBuffer<UInt8>]) throws {
    try self.init(blocks: MemoryWordBlocks(blocks), blockCount: blocks.count)
  }

  // MARK: Ids

  /// The ids of all passages, ascending.
  package var ids: [Int64] { (0..<header.runs.count).flatMap { Array(header.ids(ofRun: $0)) } }

  /// The id of the passage of an ordinal below ``count``.
  package func id(of ordinal: Int) -> Int64 { header.id(of: ordinal) }

  /// The ordinal of the passage with this id; nil where there is none.
  package func ordinal(of id: Int64) -> Int? { header.ordinal(of: id) }

  // MARK: Words

  /// How many passages have `word`, as ``WordAnalyzer`` writes it.
  package func documentFrequency(of word: [UInt8]) throws -> Int { try entry(of: word)?.count ?? 0 }

  /// Calls `body` with every word in ascending order of its bytes, and with how many passages have it.
  package func forEachTerm(_ body: (_ word: [UInt8], _ passages: Int) throws -> Void) throws {
    var cursor = DictionaryCursor(self)
    while try cursor.next() { try body(cursor.term, cursor.entry.count) }
  }

  /// Where the postings of `word` are; nil where no passage has it.
  func entry(of word: [UInt8]) throws -> DictionaryEntry? {
    guard let number = header.dictionaryBlock(of: word) else { return nil }
    let block = try blocks.block(header.firstDictionaryBlock + number)
    return try withExtendedLifetime(block) { try DictionaryBlock(block.pointer).entry(of: word) }
  }

  /// The postings of a word.
  func postings(_ entry: DictionaryEntry) throws -> PostingList {
    guard entry.postings.block < header.postingBlocks else {
      throw WordReader.malformed("one of \(header.postingBlocks) blocks of postings", found: "\(entry.postings.block)")
    }
    let block = try blocks.block(header.firstPostingBlock + entry.postings.block)
    return try PostingList(entry, in: block, passages: count)
  }

  /// The positions of a word.
  func positions(_ entry: DictionaryEntry) throws -> PositionList {
    guard entry.positions.block < header.positionBlocks else {
      throw WordReader.malformed(
        "one of \(header.positionBlocks) blocks of positions", found: "\(entry.positions.block)")
    }
    let block = try blocks.block(header.firstPositionBlock + entry.positions.block)
    return try PositionList(entry, in: block)
  }

  /// The lengths of all passages.
  func lengths() throws -> PassageLengths {
    let chunks = try (0..<header.lengthBlocks).map { try blocks.block(header.firstLengthBlock + $0) }
    return try PassageLengths(chunks, header)
  }
}

/// The lengths of the passages of a segment in words, in blocks of ``blockLengths``.
struct PassageLengths: Sendable {
  /// A multiple of every window's size.
  static let blockLengths = 1 << 18

  /// Bytes of a length.
  let width: Int
  private let blocks: [SharedBuffer<UInt8>]

  init(_ blocks: [SharedBuffer<UInt8>], _ header: WordSegmentHeader) throws(MinkeError) {
    width = header.lengthBytes
    for (index, block) in blocks.enumerated() {
      let expected = min(Self.blockLengths, header.count - index * Self.blockLengths) * width
      guard block.count == expected else {
        throw WordReader.malformed("a block of \(expected) bytes of lengths", found: "\(block.count)")
      }
    }
    self.blocks = blocks
  }

  /// The lengths from `ordinal` on, up to the end of its block; valid as long as this value.
  @inline(__always)
  func pointer(from ordinal: Int) -> UnsafeRawPointer? {
    guard let start = blocks[ordinal / Self.blockLengths].baseAddress else { return nil }
    return UnsafeRawPointer(start) + ordinal % Self.blockLengths * width
  }

  subscript(ordinal: Int) -> Int {
    guard let pointer = pointer(from: ordinal) else { return 0 }
    switch width {
    case 1: return Int(pointer.load(as: UInt8.self))
    case 2: return Int(pointer.load(as: UInt16.self))
    default: return Int(pointer.load(as: UInt32.self))
    }
  }
}
