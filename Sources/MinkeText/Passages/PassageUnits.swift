/// A part of a text that is not divided.
struct PassageUnit: Sendable {
  var range: Range<Int>
  /// Tokens.
  var size: Int
  /// Its tokens among those of all units; nil when they are not known, or are others where the text is cut otherwise.
  var ids: Range<Int>?
  /// Whether white space that divides words for every tokenizer stands before it.
  var followsSpace: Bool
}

/// The units of some blocks, one block after the other.
package struct PassageUnits: Sendable {
  var units: [PassageUnit] = []
  /// The end of each block among the units, and whether it is a heading.
  var blocks: [(end: Int, isHeading: Bool)] = []
  /// The tokens of the units.
  var ids: [TokenID] = []
}

/// Divides blocks into units, sentences where they fit into a passage, and counts their tokens.
struct UnitCutter {
  private let text: UnsafeBufferPointer<UInt8>
  private let tokenizer: (any Tokenizer)?
  private let length: Int
  private let overlap: Int
  private let keepsIDs: Bool
  private var result = PassageUnits()

  private static let bytesOfToken = 16

  /// The units of `blocks`, which are blocks of `text`.
  ///
  /// - Parameter keepsIDs: whether the tokens are kept; else they are only counted.
  static func units(
    of blocks: ArraySlice<TextBlocks.Block>, in text: UnsafeBufferPointer<UInt8>, for splitter: PassageSplitter,
    keepsIDs: Bool
  ) -> PassageUnits {
    var cutter = UnitCutter(
      text: text, tokenizer: splitter.tokenizer, length: splitter.length, overlap: splitter.overlap, keepsIDs: keepsIDs)
    for block in blocks { cutter.cut(block) }
    return cutter.result
  }

  private init(
    text: UnsafeBufferPointer<UInt8>, tokenizer: (any Tokenizer)?, length: Int, overlap: Int, keepsIDs: Bool
  ) {
    self.text = text
    self.tokenizer = tokenizer
    self.length = length
    self.overlap = overlap
    self.keepsIDs = keepsIDs
  }

  private mutating func cut(_ block: TextBlocks.Block) {
    for sentence in block.isCode ? [block.range] : text.sentences(in: block.range) where !append(sentence) {
      for line in text.lines(in: sentence) where !append(line) { cutBetweenWords(line) }
    }
    result.blocks.append((result.units.count, block.isHeading))
  }

  /// Appends a part of the text as a unit, unless it is longer than a passage.
  private mutating func append(_ range: Range<Int>) -> Bool {
    guard range.count / Self.bytesOfToken <= length else { return false }
    let unit = unit(range)
    if unit.size > length {
      if let ids = unit.ids { result.ids.removeSubrange(ids) }
      return false
    }
    result.units.append(unit)
    return true
  }

  /// Measures a part of the text; its tokens are the last ones of the result.
  private mutating func unit(_ range: Range<Int>) -> PassageUnit {
    let followsSpace = text.hasSpace(before: range.lowerBound)
    guard let tokenizer else {
      return PassageUnit(range: range, size: max(1, range.count / 4), ids: nil, followsSpace: followsSpace)
    }
    let first = result.ids.count
    tokenizer.encode(UnsafeBufferPointer(rebasing: text[range]), addingSpecialTokens: false, into: &result.ids)
    let count = result.ids.count - first
    if !keepsIDs { result.ids.removeAll(keepingCapacity: true) }
    return PassageUnit(
      range: range, size: max(1, count, range.count / Self.bytesOfToken),
      ids: keepsIDs ? first..<first + count : nil, followsSpace: followsSpace)
  }

  /// Cuts a line too long for a passage between words, or within a word too long, into parts of at most `overlap`
  /// tokens.
  private mutating func cutBetweenWords(_ line: Range<Int>) {
    let partSize = max(1, overlap)
    let longest = max(4, partSize * (tokenizer == nil ? 4 : 2))
    var part: PassageUnit?
    func add(_ next: PassageUnit) -> PassageUnit? {
      guard let open = part, open.size + next.size <= partSize else { return nil }
      var ids: Range<Int>?
      if let openIDs = open.ids, let nextIDs = next.ids, next.followsSpace {
        ids = openIDs.lowerBound..<nextIDs.upperBound
      }
      return PassageUnit(
        range: open.range.lowerBound..<next.range.upperBound, size: open.size + next.size, ids: ids,
        followsSpace: open.followsSpace)
    }
    func take(_ next: PassageUnit) {
      if let joined = add(next) {
        part = joined
      } else {
        if let part { result.units.append(part) }
        part = next
      }
    }
    for word in text.words(in: line) {
      var rest = word
      while rest.count > longest {
        var end = rest.lowerBound + longest
        while end > rest.lowerBound + 1, text[end] & 0xc0 == 0x80 { end -= 1 }
        take(unit(rest.lowerBound..<end))
        rest = end..<rest.upperBound
      }
      take(unit(rest))
    }
    if let part { result.units.append(part) }
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Whether the white space before `position` holds a space, a tab or a line break. Other white space of ASCII counts
  /// as nothing for some tokenizers.
  func hasSpace(before position: Int) -> Bool {
    var position = position
    while position > 0, self[position - 1].isSpace {
      position -= 1
      if self[position] != 0x0b, self[position] != 0x0c { return true }
    }
    return false
  }
}
