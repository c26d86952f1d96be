import MinkeCore
import Synchronization

/// Makes segments: of texts, or of other segments.
package enum WordSegmentBuilder {
  /// Passages that a thread reads at a time.
  private static let grain = 1024
  /// Words that a thread packs at a time.
  private static let termGrain = 2048

  /// The blocks of the segment of some texts, made on all cores.
  ///
  /// - Parameters:
  ///   - ids: of the passages, ascending.
  ///   - analyzer: what the words of a text are.
  ///   - text: calls its second argument once with the UTF-8 of the text at a place among the ids; from several threads.
  /// - Throws: `MinkeError` when ids do not ascend or there are 2^31 or more; `CancellationError`.
  package static func build(
    ids: [Int64], analyzer: WordAnalyzer, text: @Sendable (Int, (UnsafeBufferPointer<UInt8>) -> Void) throws -> Void
  ) throws -> [AlignedBuffer<UInt8>] {
    for (id, next) in zip(ids, ids.dropFirst()) where next <= id {
      throw MinkeError(.invalidArgument, "ids", expected: "ids in ascending order", found: "\(next) after \(id)")
    }
    guard ids.count < 1 << 31 else {
      throw MinkeError(.invalidArgument, "ids", expected: "fewer than 2^31 passages", found: "\(ids.count)")
    }
    let workers = Workers.count
    let readers = (0..<workers).map { _ in PassageReader(analyzer) }
    let lengths = AlignedBuffer<UInt32>(zeroed: ids.count)
    let pieces = Mutex<[Int: WordPiece]>([:])
    try Workers.forEachPiece(of: ids.count, grain: grain, workers: workers) { range, worker in
      let piece = try readers[worker].read(range, worker: worker, lengths: lengths.baseAddress, text)
      pieces.withLock { $0[range.lowerBound] = piece }
    }
    let ordered = pieces.withLock { pieces in pieces.keys.sorted().compactMap { pieces[$0] } }
    let terms = CollectedTerms(ordered, tables: readers.map(\.terms))

    var writer = WordSegmentWriter(ids: ids, lengths: lengths.copied())
    let meanLength = Double(lengths.pointer.reduce(0) { $0 + Int($1) }) / Double(max(1, ids.count))
    // Some words at a time, so that what is packed does not lie in memory twice.
    let turn = termGrain * 16
    for start in stride(from: 0, to: terms.count, by: turn) {
      let chunks = try Workers.map(count: (min(turn, terms.count - start) + termGrain - 1) / termGrain) { chunk in
        let first = start + chunk * termGrain
        var encoder = PostingEncoder(meanLength: meanLength)
        let sizes = (first..<min(first + termGrain, terms.count, start + turn)).map { rank in
          terms.encode(rank, with: &encoder, lengths: UnsafePointer(lengths.baseAddress))
        }
        return PackedTerms(encoder, sizes)
      }
      var rank = start
      for chunk in chunks {
        chunk.forEach { count, postings, positions in
          writer.append(terms.bytes(rank), count: count, postings: postings, positions: positions)
          rank += 1
        }
      }
    }
    return writer.blocks()
  }
}

/// The packed postings of some words that follow each other.
struct PackedTerms: Sendable {
  struct Size: Sendable {
    /// Passages that have the word.
    var count: Int
    var postings: Int
    var positions: Int
  }

  private let postings: [UInt8]
  private let positions: [UInt8]
  private let sizes: [Size]

  init(_ encoder: PostingEncoder, _ sizes: [Size]) {
    (postings, positions, self.sizes) = (encoder.postings, encoder.positions, sizes)
  }

  func forEach(_ body: (_ count: Int, _ postings: ArraySlice<UInt8>, _ positions: ArraySlice<UInt8>) -> Void) {
    var (posting, position) = (0, 0)
    for size in sizes {
      body(
        size.count, postings[posting..<posting + size.postings], positions[position..<position + size.positions])
      posting += size.postings
      position += size.positions
    }
  }
}

/// The words of some passages, sorted: for each word of the piece its occurrences in order.
struct WordPiece: Sendable {
  /// Which table numbers the words.
  let table: Int
  /// The number of each word of the piece.
  let terms: [UInt32]
  /// Where its occurrences begin, and at last where all end.
  let starts: [UInt32]
  /// `ordinal << 32 | position`.
  let occurrences: AlignedBuffer<UInt64>
}

/// Reads passages, one worker's share: knows the words that it saw before and what they are in the index.
// SAFETY of @unchecked: one worker uses it, one piece after the other.
final class PassageReader: @unchecked Sendable {
  private var scanner: WordScanner
  /// Moved out while passages are read, so that no access to it is checked word by word.
  private var words: KnownWords

  init(_ analyzer: WordAnalyzer) {
    scanner = WordScanner(dropsPossessives: analyzer.stems)
    words = KnownWords(stems: analyzer.stems)
  }

  /// The words of the index.
  var terms: WordTable { words.terms }

  /// Reads the passages of `range`, writes their lengths and sorts their words.
  func read(
    _ range: Range<Int>, worker: Int, lengths: UnsafeMutablePointer<UInt32>,
    _ text: (Int, (UnsafeBufferPointer<UInt8>) -> Void) throws -> Void
  ) throws -> WordPiece {
    var found = Occurrences(words: words, piece: range.lowerBound)
    words = KnownWords(stems: words.stems)
    defer { words = found.words }
    for passage in range {
      let before = found.list.count
      try text(passage) { scanner.scan($0, into: &found) }
      lengths[passage] = UInt32(clamping: found.list.count - before)
    }
    // Counted and dealt out: each word's occurrences stay in the order of the text.
    var starts = [UInt32](repeating: 0, count: found.terms.count + 1)
    for word in found.list { starts[Int(word >> 32) + 1] += 1 }
    for local in found.terms.indices { starts[local + 1] += starts[local] }
    var next = starts
    let occurrences = AlignedBuffer<UInt64>(uninitialized: found.list.count)
    var index = 0
    for passage in range {
      let end = index + Int(lengths[passage])
      while index < end {
        let word = found.list[index]
        let local = Int(word >> 32)
        occurrences.baseAddress[Int(next[local])] = UInt64(passage) << 32 | word & 0xffff_ffff
        next[local] += 1
        index += 1
      }
    }
    return WordPiece(table: worker, terms: found.terms, starts: starts, occurrences: occurrences)
  }

  /// Spellings and the words of the index that they are.
  private struct KnownWords {
    let stems: Bool
    var terms = WordTable()
    private var spellings = WordTable()
    /// The word of the index of each spelling.
    private var termOfSpelling: [UInt32] = []
    /// For each spelling the piece that had it last, and its word's number there; for each word the same.
    private var placesOfSpelling: [Place] = []
    private var placesOfTerm: [Place] = []

    private struct Place {
      /// One more than the piece; 0 for none.
      var piece: UInt32 = 0
      var local: UInt32 = 0
    }

    init(stems: Bool) { self.stems = stems }

    /// The number that a folded word has among `terms`, the words of a piece; it is stemmed when it is seen for the
    /// first time.
    @inline(__always)
    mutating func local(
      _ word: UnsafeMutablePointer<UInt8>, count: Int, piece: UInt32, terms: inout [UInt32]
    ) -> UInt32 {
      UnsafeMutableRawPointer(word + count).storeBytes(of: 0, as: UInt64.self)
      let (spelling, isNew) = spellings.number(of: word, count: count, hash: WordTable.hash(word, count: count))
      if isNew { addSpelling(word, count: count) }
      let place = placesOfSpelling[spelling]
      return place.piece == piece ? place.local : note(spelling, piece: piece, terms: &terms)
    }

    /// Notes that a spelling is new to the piece.
    @inline(never)
    private mutating func note(_ spelling: Int, piece: UInt32, terms: inout [UInt32]) -> UInt32 {
      let term = termOfSpelling[spelling]
      if placesOfTerm[Int(term)].piece != piece {
        placesOfTerm[Int(term)] = Place(piece: piece, local: UInt32(terms.count))
        terms.append(term)
      }
      placesOfSpelling[spelling] = placesOfTerm[Int(term)]
      return placesOfSpelling[spelling].local
    }

    @inline(never)
    private mutating func addSpelling(_ word: UnsafeMutablePointer<UInt8>, count: Int) {
      var count = count
      if stems {
        count = WordAnalyzer.stem(word, count: count)
        UnsafeMutableRawPointer(word + count).storeBytes(of: 0, as: UInt64.self)
      }
      let (term, isNew) = terms.number(of: word, count: count, hash: WordTable.hash(word, count: count))
      if isNew { placesOfTerm.append(Place()) }
      termOfSpelling.append(UInt32(term))
      placesOfSpelling.append(Place())
    }
  }

  /// The occurrences of a piece under way.
  private struct Occurrences: WordSink {
    var words: KnownWords
    /// One more than the number of the piece.
    let piece: UInt32
    /// The words of the piece.
    var terms: [UInt32] = []
    /// For each occurrence the word's number in the piece, and the position.
    var list: [UInt64] = []

    init(words: KnownWords, piece: Int) { (self.words, self.piece) = (words, UInt32(piece) + 1) }

    @inline(__always)
    mutating func take(_ word: UnsafeMutablePointer<UInt8>, count: Int, position: UInt32, isExtra: Bool) {
      let local = words.local(word, count: count, piece: piece, terms: &terms)
      list.append(UInt64(local) << 32 | UInt64(position))
    }
  }
}

/// The words of all pieces in ascending order, and where their occurrences are.
struct CollectedTerms: Sendable {
  private let pieces: [WordPiece]
  private let table: WordTable
  /// The number of each word, in ascending order of their bytes.
  private let order: [Int]
  /// Where the parts of each word begin, by its place in the order, and at last where all end.
  private let starts: [Int]
  /// A piece and the number that the word has in it.
  private let parts: [(piece: UInt32, local: UInt32)]

  init(_ pieces: [WordPiece], tables: [WordTable]) {
    self.pieces = pieces
    var table = WordTable()
    let numbers = tables.map { words in
      (0..<words.count).map { word in
        words.withString(word) { string in
          string.baseAddress.map { start in
            table.number(of: start, count: string.count, hash: WordTable.hash(start, count: string.count)).number
          } ?? 0
        }
      }
    }
    order = table.sorted()
    var places = [Int](repeating: 0, count: order.count)
    for (place, number) in order.enumerated() { places[number] = place }
    var starts = [Int](repeating: 0, count: order.count + 1)
    for piece in pieces {
      for term in piece.terms { starts[places[numbers[piece.table][Int(term)]] + 1] += 1 }
    }
    for place in order.indices { starts[place + 1] += starts[place] }
    var next = starts
    var parts = [(piece: UInt32, local: UInt32)](repeating: (0, 0), count: starts.last ?? 0)
    for (index, piece) in pieces.enumerated() {
      for (local, term) in piece.terms.enumerated() {
        let place = places[numbers[piece.table][Int(term)]]
        parts[next[place]] = (UInt32(index), UInt32(local))
        next[place] += 1
      }
    }
    (self.table, self.starts, self.parts) = (table, starts, parts)
  }

  var count: Int { order.count }

  func bytes(_ rank: Int) -> [UInt8] { table.withString(order[rank]) { Array($0) } }

  /// Packs the postings of a word.
  func encode(
    _ rank: Int, with encoder: inout PostingEncoder, lengths: UnsafePointer<UInt32>
  ) -> PackedTerms.Size {
    var ordinals: [UInt32] = []
    var frequencies: [UInt32] = []
    var steps: [UInt32] = []
    for part in parts[starts[rank]..<starts[rank + 1]] {
      let piece = pieces[Int(part.piece)]
      let range = Int(piece.starts[Int(part.local)])..<Int(piece.starts[Int(part.local) + 1])
      var position: UInt32 = 0
      for index in range {
        let occurrence = piece.occurrences.baseAddress[index]
        let ordinal = UInt32(occurrence >> 32)
        if ordinals.last != ordinal {
          ordinals.append(ordinal)
          frequencies.append(0)
          position = 0
        }
        frequencies[frequencies.count - 1] += 1
        steps.append(UInt32(truncatingIfNeeded: occurrence) &- position)
        position = UInt32(truncatingIfNeeded: occurrence)
      }
    }
    let sizes = encoder.append(ordinals: ordinals, frequencies: frequencies, steps: steps, lengths: lengths)
    return PackedTerms.Size(count: ordinals.count, postings: sizes.postings, positions: sizes.positions)
  }
}
