import MinkeCore

/// Puts the words of a segment, in ascending order, into its blocks.
struct WordSegmentWriter {
  /// Bytes of postings or positions that a block has at most; only the postings of a single word may take more.
  static let target = 128 << 10

  private let ids: [Int64]
  private let lengths: [UInt32]
  private var dictionary = DictionaryWriter()
  private var postings = Area()
  private var positions = Area()

  /// A run of blocks under way.
  private struct Area {
    var blocks: [AlignedBuffer<UInt8>] = []
    var block: [UInt8] = []

    mutating func append(_ bytes: ArraySlice<UInt8>) -> DictionaryEntry.Place {
      if !block.isEmpty, block.count + bytes.count > WordSegmentWriter.target { endBlock() }
      let place = DictionaryEntry.Place(block: blocks.count, offset: block.count, length: bytes.count)
      block += bytes
      return place
    }

    mutating func endBlock() {
      guard !block.isEmpty else { return }
      block += repeatElement(0, count: PostingList.padding)
      blocks.append(block.aligned())
      block.removeAll(keepingCapacity: true)
    }
  }

  /// - Parameters:
  ///   - ids: of the passages, ascending.
  ///   - lengths: of each passage, in words.
  init(ids: [Int64], lengths: [UInt32]) { (self.ids, self.lengths) = (ids, lengths) }

  /// Appends the next word, `count` passages having it.
  mutating func append(_ term: [UInt8], count: Int, postings: ArraySlice<UInt8>, positions: ArraySlice<UInt8>) {
    let entry = DictionaryEntry(
      count: count, postings: self.postings.append(postings), positions: self.positions.append(positions))
    dictionary.append(term, entry)
  }

  /// All blocks, the header first.
  consuming func blocks() -> [AlignedBuffer<UInt8>] {
    dictionary.finish()
    postings.endBlock()
    positions.endBlock()
    let longest = lengths.max() ?? 0
    let lengthBlocks = lengthBlocks(longest)
    let header = WordSegmentHeader.bytes(
      ids: ids, totalLength: lengths.reduce(0) { $0 + Int($1) }, longest: Int(longest),
      lengthBytes: Self.bytes(ofLength: longest), termCount: dictionary.count, firstTerms: dictionary.firstTerms,
      lengthBlocks: lengthBlocks.count, postingBlocks: postings.blocks.count, positionBlocks: positions.blocks.count)
    return [header.aligned()] + dictionary.blocks.map { $0.aligned() } + lengthBlocks + postings.blocks
      + positions.blocks
  }

  private static func bytes(ofLength length: UInt32) -> Int { length < 1 << 8 ? 1 : length < 1 << 16 ? 2 : 4 }

  private func lengthBlocks(_ longest: UInt32) -> [AlignedBuffer<UInt8>] {
    let width = Self.bytes(ofLength: longest)
    return stride(from: 0, to: lengths.count, by: PassageLengths.blockLengths).map { start in
      var bytes: [UInt8] = []
      for length in lengths[start..<min(lengths.count, start + PassageLengths.blockLengths)] {
        switch width {
        case 1: bytes.append(UInt8(truncatingIfNeeded: length))
        case 2: bytes.append(number: UInt16(truncatingIfNeeded: length))
        default: bytes.append(number: length)
        }
      }
      return bytes.aligned()
    }
  }
}
