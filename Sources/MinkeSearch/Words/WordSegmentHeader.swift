import MinkeCore

/// What block 0 of a segment says.
final class WordSegmentHeader: Sendable {
  static let magic = Array("MINKEWRD".utf8)
  static let version: UInt32 = 1

  /// Passages whose ids follow each other.
  struct Run: Sendable {
    let firstID: Int64
    let firstOrdinal: Int
  }

  let count: Int
  let totalLength: Int
  /// The length of the longest passage.
  let longest: Int
  let lengthBytes: Int
  let termCount: Int
  let dictionaryBlocks: Int
  let lengthBlocks: Int
  let postingBlocks: Int
  let positionBlocks: Int
  let runs: [Run]
  /// The first word of each block of the dictionary: its bytes, and where they begin.
  private let firstTerms: [UInt8]
  private let firstTermStarts: [Int]

  var firstDictionaryBlock: Int { 1 }
  var firstLengthBlock: Int { firstDictionaryBlock + dictionaryBlocks }
  var firstPostingBlock: Int { firstLengthBlock + lengthBlocks }
  var firstPositionBlock: Int { firstPostingBlock + postingBlocks }

  init(_ bytes: UnsafeBufferPointer<UInt8>, blockCount: Int) throws(MinkeError) {
    var reader = WordReader(bytes)
    guard try reader.take(Self.magic.count).elementsEqual(Self.magic) else {
      throw WordReader.malformed("the header of a word segment")
    }
    let version = try reader.number(UInt32.self)
    guard version == Self.version else {
      throw MinkeError(.unsupportedFile, "word segment", expected: "version \(Self.version)", found: "\(version)")
    }
    let count = Int(try reader.number(UInt32.self))
    let totalLength = try reader.number(UInt64.self)
    longest = Int(try reader.number(UInt32.self))
    lengthBytes = Int(try reader.number(UInt32.self))
    termCount = Int(try reader.number(UInt32.self))
    dictionaryBlocks = Int(try reader.number(UInt32.self))
    lengthBlocks = Int(try reader.number(UInt32.self))
    postingBlocks = Int(try reader.number(UInt32.self))
    positionBlocks = Int(try reader.number(UInt32.self))
    guard count < 1 << 31, totalLength <= UInt64(count) * UInt64(longest), longest <= totalLength,
      [1, 2, 4].contains(lengthBytes), longest >> (8 * lengthBytes) == 0,
      lengthBlocks == (count + PassageLengths.blockLengths - 1) / PassageLengths.blockLengths
    else { throw WordReader.malformed("lengths that fit together", found: "others") }
    guard 1 + dictionaryBlocks + lengthBlocks + postingBlocks + positionBlocks == blockCount else {
      throw WordReader.malformed(
        "\(1 + dictionaryBlocks + lengthBlocks + postingBlocks + positionBlocks) blocks", found: "\(blockCount)")
    }
    self.count = count
    self.totalLength = Int(totalLength)
    runs = try Self.runs(&reader, count: count)

    var terms: [UInt8] = []
    var starts = [0]
    for block in 0..<dictionaryBlocks {
      let term = try reader.take(reader.count(atMost: WordScanner.longest))
      let isFollowing = terms[starts[max(0, block - 1)]...].withUnsafeBufferPointer { before in
        block == 0 ? !term.isEmpty : precedes(before, term)
      }
      guard isFollowing else { throw WordReader.malformed("words in ascending order") }
      terms += term
      starts.append(terms.count)
    }
    guard reader.place == bytes.count, (dictionaryBlocks == 0) == (termCount == 0), dictionaryBlocks <= termCount else {
      throw WordReader.malformed("the end of the header", found: "\(bytes.count - reader.place) bytes more")
    }
    (firstTerms, firstTermStarts) = (terms, starts)
  }

  private static func runs(_ reader: inout WordReader, count: Int) throws(MinkeError) -> [Run] {
    var runs: [Run] = []
    var ordinal = 0
    var next: Int64 = 0
    for index in 0..<(try reader.count(atMost: count)) {
      let gap = try reader.varint()
      let length = try reader.count(atMost: count - ordinal)
      // The first run has its id itself; the gap before another is at least 1, as the two would be one.
      guard index == 0 || (gap > 0 && gap <= UInt64(bitPattern: Int64.max &- next)) else {
        throw WordReader.malformed("ids in ascending order")
      }
      let start = Int64(bitPattern: UInt64(bitPattern: index == 0 ? 0 : next) &+ gap)
      let (last, overflow) = start.addingReportingOverflow(Int64(length) - 1)
      guard length > 0, !overflow, last < .max || ordinal + length == count else {
        throw WordReader.malformed("ids in ascending order")
      }
      runs.append(Run(firstID: start, firstOrdinal: ordinal))
      ordinal += length
      next = last &+ 1
    }
    guard ordinal == count else { throw WordReader.malformed("\(count) ids", found: "\(ordinal)") }
    return runs
  }

  /// The bytes of a header.
  static func bytes(
    ids: [Int64], totalLength: Int, longest: Int, lengthBytes: Int, termCount: Int, firstTerms: [[UInt8]],
    lengthBlocks: Int, postingBlocks: Int, positionBlocks: Int
  ) -> [UInt8] {
    var bytes = magic
    bytes.append(number: version)
    bytes.append(number: UInt32(ids.count))
    bytes.append(number: UInt64(totalLength))
    for number in [
      longest, lengthBytes, termCount, firstTerms.count, lengthBlocks, postingBlocks, positionBlocks,
    ] { bytes.append(number: UInt32(number)) }
    var runs: [(start: Int, end: Int)] = []
    for (ordinal, id) in ids.enumerated() {
      if let last = runs.last, ids[last.end - 1] &+ 1 == id {
        runs[runs.count - 1].end = ordinal + 1
      } else {
        runs.append((ordinal, ordinal + 1))
      }
    }
    bytes.append(varint: UInt64(runs.count))
    for run in runs {
      let gap =
        run.start == 0
        ? UInt64(bitPattern: ids[0]) : UInt64(bitPattern: ids[run.start] &- ids[run.start - 1]) - 1
      bytes.append(varint: gap)
      bytes.append(varint: UInt64(run.end - run.start))
    }
    for term in firstTerms {
      bytes.append(varint: UInt64(term.count))
      bytes += term
    }
    return bytes
  }

  // MARK: Ids

  func ids(ofRun index: Int) -> some Sequence<Int64> {
    let run = runs[index]
    let end = index + 1 < runs.count ? runs[index + 1].firstOrdinal : count
    return (0..<end - run.firstOrdinal).lazy.map { run.firstID + Int64($0) }
  }

  func id(of ordinal: Int) -> Int64 {
    if runs.count == 1 { return runs[0].firstID + Int64(ordinal) }
    let run = runs[lastRun { $0.firstOrdinal <= ordinal }]
    return run.firstID + Int64(ordinal - run.firstOrdinal)
  }

  func ordinal(of id: Int64) -> Int? {
    guard let first = runs.first, first.firstID <= id else { return nil }
    let index = lastRun { $0.firstID <= id }
    let run = runs[index]
    let end = index + 1 < runs.count ? runs[index + 1].firstOrdinal : count
    let (offset, overflow) = id.subtractingReportingOverflow(run.firstID)
    return !overflow && offset < Int64(end - run.firstOrdinal) ? run.firstOrdinal + Int(offset) : nil
  }

  /// The last run that meets `condition`, as the first one does and all before it.
  private func lastRun(_ condition: (Run) -> Bool) -> Int {
    var (low, high) = (0, runs.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if condition(runs[middle]) { low = middle } else { high = middle }
    }
    return low
  }

  // MARK: Dictionary

  /// The block of the dictionary that holds `word` if any does.
  func dictionaryBlock(of word: [UInt8]) -> Int? {
    word.withUnsafeBufferPointer { word in
      firstTerms.withUnsafeBufferPointer { terms in
        var (low, high) = (0, dictionaryBlocks)
        while low < high {
          let middle = (low + high) / 2
          let term = UnsafeBufferPointer(rebasing: terms[firstTermStarts[middle]..<firstTermStarts[middle + 1]])
          if precedes(word, term) { high = middle } else { low = middle + 1 }
        }
        return low > 0 ? low - 1 : nil
      }
    }
  }

  /// The first word of a block of the dictionary.
  func firstTerm(ofBlock block: Int) -> [UInt8] {
    Array(firstTerms[firstTermStarts[block]..<firstTermStarts[block + 1]])
  }
}
