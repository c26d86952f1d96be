/// A part of a text that is not divided.
struct PassageUnit: Sendable {
  var range: Range<Int>
  /// Tokens.
  var size: Int
  /// Its tokens among those of all units; nil when they are not known, or are others where the text is cut otherwise.
  var ids: Range<Int>?
  /// Whether white space that divides words for every tokenizer stands before it.
  var followsSpace: Bool
  /// The names around it.
  var context: ContextTree.Place = 0
}

/// The units of some blocks, one block after the other.
package struct PassageUnits: Sendable {
  var units: [PassageUnit] = []
  /// The end of each block among the units, and what says where passages begin.
  var blocks: [(end: Int, marks: TextBlocks.Marks)] = []
  /// The tokens of the units.
  var ids: [TokenID] = []
}

/// Divides blocks into units, sentences where they fit into a passage, and counts their tokens.
struct UnitCutter {
  private let text: UnsafeBufferPointer<UInt8>
  private let tokenizer: (any Tokenizer)?
  private let length: Int
  private let overlap: Int
  private let isWhole: Bool
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
    var cutter = UnitCutter(text, for: splitter, keepsIDs: keepsIDs)
    for block in blocks { cutter.cut(block) }
    return cutter.result
  }

  private init(_ text: UnsafeBufferPointer<UInt8>, for splitter: PassageSplitter, keepsIDs: Bool) {
    self.text = text
    tokenizer = splitter.tokenizer
    length = splitter.length
    overlap = splitter.overlap
    isWhole = splitter.isWhole
    self.keepsIDs = keepsIDs
  }

  private mutating func cut(_ block: TextBlocks.Block) {
    let first = result.units.count
    // Nothing is divided where a document is one passage, and so no sentence need be found.
    for sentence in block.isCode || isWhole ? [block.range] : text.sentences(in: block.range) where !append(sentence) {
      for line in text.lines(in: sentence) where !append(line) { cutBetweenWords(line) }
    }
    if block.context != 0 || block.innerContext != 0 {
      for index in first..<result.units.count {
        result.units[index].context = index == first ? block.context : block.innerContext
      }
    }
    result.blocks.append((result.units.count, block.marks))
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
