extension UnsafeBufferPointer<UInt8> {
  /// `range` without the white space of ASCII at its ends.
  func trimmed(_ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, self[start].isSpace { start += 1 }
    while end > start, self[end - 1].isSpace { end -= 1 }
    return start..<end
  }

  /// The lines of `range` that are not empty, without white space at their ends.
  func lines(in range: Range<Int>) -> [Range<Int>] { parts(in: range) { $0 == UInt8(ascii: "\n") } }

  /// The parts of `range` between white space.
  func words(in range: Range<Int>) -> [Range<Int>] { parts(in: range, separatedBy: \.isSpace) }

  private func parts(in range: Range<Int>, separatedBy isSeparator: (UInt8) -> Bool) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var start = range.lowerBound
    for position in range where isSeparator(self[position]) {
      let part = trimmed(start..<position)
      if !part.isEmpty { parts.append(part) }
      start = position + 1
    }
    let last = trimmed(start..<range.upperBound)
    if !last.isEmpty { parts.append(last) }
    return parts
  }

  /// The sentences of the paragraph `range`, without white space at their ends.
  ///
  /// A sentence ends behind `.`, `!`, `?` or an ellipsis, and the quotes and brackets that close with it, when white
  /// space follows and then no small letter; not behind an abbreviation or an initial. It also ends behind the full
  /// stops of Chinese and Japanese, and before a line that begins as an item of a list.
  func sentences(in range: Range<Int>) -> [Range<Int>] {
    var sentences: [Range<Int>] = []
    var start = range.lowerBound
    func end(at position: Int) {
      let sentence = trimmed(start..<position)
      if !sentence.isEmpty { sentences.append(sentence) }
      start = position
    }
    var position = range.lowerBound
    while position < range.upperBound {
      switch self[position] {
      case UInt8(ascii: "\n"):
        if startsListItem(position + 1, range.upperBound) { end(at: position) }
        position += 1
      case UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?"), 0xe2, 0xe3, 0xef:
        guard let stop = stop(at: position, range.upperBound) else {
          position += 1
          continue
        }
        let close = skipClosers(from: position + stop.length, range.upperBound)
        if stop.needsSpace {
          let next = skipSpaces(from: close, range.upperBound)
          let lower = next < range.upperBound && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self[next])
          if next > close, next < range.upperBound, !lower, !isAbbreviated(position, sentenceStart: start) {
            end(at: close)
          }
        } else {
          end(at: close)
        }
        position = close
      default: position += 1
      }
    }
    end(at: range.upperBound)
    return sentences
  }

  /// The length of a mark that ends a sentence, and whether white space must follow it.
  private func stop(at position: Int, _ end: Int) -> (length: Int, needsSpace: Bool)? {
    if self[position] < 0x80 { return (1, true) }
    guard position + 3 <= end else { return nil }
    switch (self[position], self[position + 1], self[position + 2]) {
    case (0xe2, 0x80, 0xa6): return (3, true)  // …
    case (0xe3, 0x80, 0x82), (0xef, 0xbc, 0x81), (0xef, 0xbc, 0x9f): return (3, false)  // 。！？
    default: return nil
    }
  }

  /// Skips further stops, and quotes and brackets that close.
  private func skipClosers(from start: Int, _ end: Int) -> Int {
    var position = start
    while position < end {
      switch self[position] {
      case UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?"), UInt8(ascii: "\""), UInt8(ascii: "'"),
        UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "_"), UInt8(ascii: "*"):
        position += 1
      case 0xe2 where position + 3 <= end && self[position + 1] == 0x80 && [0x99, 0x9d].contains(self[position + 2]):
        position += 3  // ’ ”
      case 0xe3 where position + 3 <= end && self[position + 1] == 0x80 && [0x8d, 0x8f].contains(self[position + 2]):
        position += 3  // 」』
      case 0xc2 where position + 2 <= end && self[position + 1] == 0xbb: position += 2  // »
      default: return position
      }
    }
    return position
  }

  private func skipSpaces(from start: Int, _ end: Int) -> Int {
    var position = start
    while position < end, self[position].isSpace { position += 1 }
    return position
  }

  /// Whether the full stop at `position` belongs to an abbreviation, an initial, or the number of a list item.
  private func isAbbreviated(_ position: Int, sentenceStart: Int) -> Bool {
    guard self[position] == UInt8(ascii: ".") else { return false }
    var start = position
    while start > sentenceStart, position - start <= 8, self[start - 1].isLetterOrDigit || self[start - 1] == 0x2e {
      start -= 1
    }
    let word = self[start..<position]
    guard let first = word.first, word.count <= 8 else { return false }
    if word.count == 1, first.isCapital, first != UInt8(ascii: "I") { return true }
    if word.allSatisfy({ $0.isLetterOrDigit && !$0.isLetter }) {
      return trimmed(sentenceStart..<position) == start..<position
    }
    return abbreviations.contains(String(decoding: word, as: UTF8.self))
  }

  private func startsListItem(_ start: Int, _ end: Int) -> Bool {
    var position = start
    while position < end, self[position] == 0x20 || self[position] == 0x09 { position += 1 }
    let mark = position
    while position < end, self[position].isLetterOrDigit, !self[position].isLetter, position - mark < 4 {
      position += 1
    }
    guard position + 1 < end else { return false }
    let space = self[position + 1] == 0x20
    switch self[position] {
    case UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "+"): return position == mark && space
    case UInt8(ascii: "."), UInt8(ascii: ")"): return position > mark && space
    case UInt8(ascii: "|"): return position == mark
    default: return false
    }
  }
}

/// English abbreviations behind which a sentence seldom ends, without their last full stop.
private let abbreviations: Set<String> = [
  "Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Jr", "Sr", "Messrs", "Mme", "Mlle", "Rev", "Hon", "Gen", "Col", "Maj", "Capt",
  "Lt", "Lieut", "Sgt", "Gov", "Sen", "Rep", "Pres", "Mt", "vs", "cf", "viz", "e.g", "i.e", "al", "No", "Nos", "Vol",
  "vol", "Fig", "Figs", "fig", "figs", "Eq", "eq", "Sec", "sec", "Ch", "ch", "pp", "p", "ed", "eds", "approx", "ca",
  "Inc",
]

extension UInt8 {
  var isSpace: Bool { self == 0x20 || (self >= 0x09 && self <= 0x0d) }
  fileprivate var isCapital: Bool { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") }
  /// Whether it is part of a name in most programming languages; bytes of other scripts are.
  var isWordByte: Bool { isLetterOrDigit || self == UInt8(ascii: "_") || self >= 0x80 }
  fileprivate var isLetter: Bool { (self | 0x20) >= UInt8(ascii: "a") && (self | 0x20) <= UInt8(ascii: "z") }
  fileprivate var isLetterOrDigit: Bool { isLetter || (self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9")) }
}
