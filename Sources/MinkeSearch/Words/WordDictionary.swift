import MinkeCore

/// Where the postings and positions of a word are, and how many passages have it.
struct DictionaryEntry: Sendable, Hashable {
  struct Place: Sendable, Hashable {
    var block = 0
    var offset = 0
    var length = 0

    /// Moves to what follows in the same block, or to the start of the next one.
    mutating func advance(length: Int, toNextBlock: Bool) {
      if toNextBlock {
        (block, offset) = (block + 1, 0)
      } else {
        offset += self.length
      }
      self.length = length
    }
  }

  /// Passages that have the word.
  var count = 0
  var postings = Place()
  var positions = Place()
}

/// A block of the dictionary: words in ascending order, each given by what it does not share with the one before. Every
/// ``stride``th stands whole, and a table tells where.
struct DictionaryBlock {
  static let stride = 32
  /// Bytes that a block has at most, but for its last word.
  static let target = 16 << 10

  private let bytes: UnsafeBufferPointer<UInt8>
  let count: Int
  private let restarts: Int

  /// The block in `bytes`, which must outlive it.
  init(_ bytes: UnsafeBufferPointer<UInt8>) throws(MinkeError) {
    var reader = WordReader(bytes)
    count = Int(try reader.number(UInt32.self))
    restarts = (count + Self.stride - 1) / Self.stride
    guard count > 0, restarts <= (bytes.count - 4) / 4 else {
      throw WordReader.malformed("a block of words", found: "one of \(bytes.count) bytes with \(count) words")
    }
    self.bytes = bytes
  }

  private func reader(atRestart index: Int) throws(MinkeError) -> WordReader {
    var table = WordReader(bytes, from: 4 + 4 * index)
    let place = Int(try table.number(UInt32.self))
    guard place >= 4 + 4 * restarts, place < bytes.count else {
      throw WordReader.malformed("the place of a word", found: "\(place)")
    }
    return WordReader(bytes, from: place)
  }

  /// Reads the words one after the other.
  struct Cursor {
    private let block: DictionaryBlock
    private var reader: WordReader
    /// How many words were read, counted from the start of the block.
    private var index: Int
    private(set) var term: [UInt8] = []
    private(set) var entry = DictionaryEntry()

    fileprivate init(_ block: DictionaryBlock, fromRestart restart: Int = 0) throws(MinkeError) {
      self.block = block
      index = restart * DictionaryBlock.stride
      reader = try block.reader(atRestart: restart)
    }

    var isAtEnd: Bool { index == block.count }

    /// Reads the next word; false at the end.
    mutating func next() throws(MinkeError) -> Bool {
      if isAtEnd { return false }
      let isRestart = index.isMultiple(of: DictionaryBlock.stride)
      let shared = Int(try reader.number(UInt8.self))
      let length = Int(try reader.number(UInt8.self))
      guard shared <= (isRestart ? 0 : term.count), shared + length <= WordScanner.longest, length > 0 else {
        throw WordReader.malformed("a word", found: "\(shared) and \(length) bytes of one")
      }
      let suffix = try reader.take(length)
      if !isRestart, shared < term.count, suffix[0] <= term[shared] {
        throw WordReader.malformed("words in ascending order")
      }
      term.removeSubrange(shared...)
      term.append(contentsOf: suffix)
      entry.count = try reader.count(atMost: 1 << 31)
      try Self.read(&entry.postings, isRestart, &reader)
      try Self.read(&entry.positions, isRestart, &reader)
      guard entry.count > 0 else { throw WordReader.malformed("passages with a word", found: "none") }
      index += 1
      return true
    }

    private static func read(
      _ place: inout DictionaryEntry.Place, _ isRestart: Bool, _ reader: inout WordReader
    ) throws(MinkeError) {
      if isRestart {
        place.block = try reader.count(atMost: 1 << 31)
        place.offset = try reader.count(atMost: 1 << 40)
        place.length = try reader.count(atMost: 1 << 40)
      } else {
        let length = try reader.count(atMost: 1 << 41)
        place.advance(length: length >> 1, toNextBlock: length & 1 == 1)
      }
    }
  }

  func cursor() throws(MinkeError) -> Cursor { try Cursor(self) }

  func entry(of word: [UInt8]) throws(MinkeError) -> DictionaryEntry? {
    var (low, high) = (0, restarts)
    while high - low > 1 {
      let middle = (low + high) / 2
      var cursor = try Cursor(self, fromRestart: middle)
      _ = try cursor.next()
      if word.lexicographicallyPrecedes(cursor.term) { high = middle } else { low = middle }
    }
    var cursor = try Cursor(self, fromRestart: low)
    for _ in 0..<Self.stride {
      guard try cursor.next() else { return nil }
      if cursor.term == word { return cursor.entry }
      if word.lexicographicallyPrecedes(cursor.term) { return nil }
    }
    return nil
  }
}

/// Reads all words of a segment in ascending order.
struct DictionaryCursor {
  private let segment: WordSegment
  private var block: SharedBuffer<UInt8>?
  private var words: DictionaryBlock.Cursor?
  private var next_ = 0
  private(set) var term: [UInt8] = []
  private(set) var entry = DictionaryEntry()

  init(_ segment: WordSegment) { self.segment = segment }

  /// Reads the next word; false at the end.
  mutating func next() throws -> Bool {
    if words?.isAtEnd ?? true {
      guard next_ < segment.header.dictionaryBlocks else { return false }
      let block = try segment.blocks.block(segment.header.firstDictionaryBlock + next_)
      self.block = block
      words = try DictionaryBlock(block.pointer).cursor()
      next_ += 1
    }
    let before = term
    guard try words?.next() ?? false else { return false }
    (term, entry) = (words?.term ?? [], words?.entry ?? DictionaryEntry())
    guard before.isEmpty || before.lexicographicallyPrecedes(term) else {
      throw WordReader.malformed("words in ascending order")
    }
    return true
  }
}

/// Writes the words of a dictionary in ascending order into blocks.
struct DictionaryWriter {
  private(set) var blocks: [[UInt8]] = []
  private(set) var firstTerms: [[UInt8]] = []
  private(set) var count = 0
  private var entries: [UInt8] = []
  private var restarts: [UInt32] = []
  private var countInBlock = 0
  private var last: [UInt8] = []
  private var lastEntry = DictionaryEntry()

  mutating func append(_ term: [UInt8], _ entry: DictionaryEntry) {
    if entries.count + 4 * restarts.count >= DictionaryBlock.target { endBlock() }
    if countInBlock == 0 { firstTerms.append(term) }
    let isRestart = countInBlock.isMultiple(of: DictionaryBlock.stride)
    var shared = 0
    if isRestart {
      restarts.append(UInt32(entries.count))
    } else {
      while shared < min(last.count, term.count), last[shared] == term[shared] { shared += 1 }
    }
    entries.append(UInt8(shared))
    entries.append(UInt8(term.count - shared))
    entries.append(contentsOf: term[shared...])
    entries.append(varint: UInt64(entry.count))
    append(entry.postings, lastEntry.postings, isRestart)
    append(entry.positions, lastEntry.positions, isRestart)
    (last, lastEntry) = (term, entry)
    countInBlock += 1
    count += 1
  }

  private mutating func append(_ place: DictionaryEntry.Place, _ before: DictionaryEntry.Place, _ isRestart: Bool) {
    if isRestart {
      for number in [place.block, place.offset, place.length] { entries.append(varint: UInt64(number)) }
    } else {
      entries.append(varint: UInt64(place.length << 1 | (place.block > before.block ? 1 : 0)))
    }
  }

  private mutating func endBlock() {
    guard countInBlock > 0 else { return }
    var block: [UInt8] = []
    block.append(number: UInt32(countInBlock))
    let start = UInt32(4 + 4 * restarts.count)
    for restart in restarts { block.append(number: start + restart) }
    blocks.append(block + entries)
    (entries, restarts, countInBlock) = ([], [], 0)
  }

  mutating func finish() { endBlock() }
}
