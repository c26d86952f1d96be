#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Finds tags in HTML, and where they end.
struct HTMLScanner {
  let source: UnsafeBufferPointer<UInt8>
  let end: Int
  /// The last `>`; behind it there is no markup.
  let lastClose: Int
  /// Whether quotes in tags are matched; not any more once one was not closed.
  private var matchesQuotes = true

  /// - Parameter range: where the page stands in `source`.
  init(_ source: UnsafeBufferPointer<UInt8>, in range: Range<Int>) {
    self.source = source
    end = range.upperBound
    lastClose = range.last { source[$0] == UInt8(ascii: ">") } ?? -1
  }

  /// The first `>` from `start` on, which must not be behind the last one.
  func close(from start: Int) -> Int {
    guard start <= lastClose, let base = source.baseAddress,
      let found = memchr(base + start, Int32(UInt8(ascii: ">")), lastClose - start + 1)
    else { return end - 1 }
    return UnsafeRawPointer(base).distance(to: found)
  }

  /// The first `<` from `start` on that may begin markup.
  func open(from start: Int) -> Int? {
    guard start < lastClose, let base = source.baseAddress,
      let found = memchr(base + start, Int32(UInt8(ascii: "<")), lastClose - start)
    else { return nil }
    return UnsafeRawPointer(base).distance(to: found)
  }

  struct Tag {
    let name: String
    /// What stands between the name and the closing bracket.
    let attributes: Range<Int>
    let end: Int
    let isClosed: Bool
  }

  mutating func tag(at start: Int) -> Tag {
    let name = elementName(at: start + 1)
    let attributes = start + 1 + name.utf8.count
    var close = close(from: start)
    if matchesQuotes {
      if let found = quotedClose(from: attributes) { close = found } else { matchesQuotes = false }
    }
    return Tag(
      name: name, attributes: min(attributes, close)..<close, end: close + 1,
      isClosed: source.at(close - 1) == UInt8(ascii: "/"))
  }

  /// The `>` that is in no quotes; nil when a quote is not closed.
  private func quotedClose(from start: Int) -> Int? {
    var position = start
    var afterEquals = false
    while position < end {
      let byte = source[position]
      switch byte {
      case UInt8(ascii: ">"): return position
      case UInt8(ascii: "\"") where afterEquals, UInt8(ascii: "'") where afterEquals:
        guard let base = source.baseAddress, let found = memchr(base + position + 1, Int32(byte), end - position - 1)
        else { return nil }
        position = UnsafeRawPointer(base).distance(to: found)
        afterEquals = false
      case UInt8(ascii: "="): afterEquals = true
      case _ where byte.isSpace: break
      default: afterEquals = false
      }
      position += 1
    }
    return nil
  }

  /// The name of an element, in small letters.
  func elementName(at start: Int) -> String {
    var position = start
    while position < end, position - start < 32, source[position].isElementName { position += 1 }
    return String(decoding: source[start..<position].map { $0.lowercasedASCII }, as: UTF8.self)
  }

  func starts(_ word: StaticString, at start: Int) -> Bool {
    guard start + word.utf8CodeUnitCount <= end else { return false }
    return (0..<word.utf8CodeUnitCount).allSatisfy { source[start + $0] == word.utf8Start[$0] }
  }

  func isEndTag(_ name: String, at start: Int) -> Bool {
    guard source.at(start + 1) == UInt8(ascii: "/"), start + 2 + name.utf8.count <= end else { return false }
    let found = source[start + 2..<start + 2 + name.utf8.count]
    return found.lazy.map(\.lowercasedASCII).elementsEqual(name.utf8)
      && !source.at(start + 2 + name.utf8.count).isElementName
  }

  /// The value of an attribute, without quotes.
  func attribute(_ wanted: String, of tag: Tag) -> Range<Int>? {
    var position = tag.attributes.lowerBound
    let end = tag.attributes.upperBound
    while position < end {
      while position < end, source[position].isSpace || source[position] == UInt8(ascii: "/") { position += 1 }
      let name = position
      while position < end, !source[position].isSpace, source[position] != UInt8(ascii: "=") { position += 1 }
      let isWanted = source[name..<position].lazy.map(\.lowercasedASCII).elementsEqual(wanted.utf8)
      while position < end, source[position].isSpace { position += 1 }
      guard position < end, source[position] == UInt8(ascii: "=") else {
        if name == position { position += 1 }
        continue
      }
      position += 1
      while position < end, source[position].isSpace { position += 1 }
      guard position < end else { return nil }
      let quote = source[position]
      var value = position
      if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
        position += 1
        value = position
        while position < end, source[position] != quote { position += 1 }
      } else {
        while position < end, !source[position].isSpace { position += 1 }
      }
      if isWanted { return value..<position }
      position += 1
    }
    return nil
  }
}

extension UInt8 {
  var lowercasedASCII: UInt8 { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self }
  var isNameStart: Bool {
    (self | 0x20) >= UInt8(ascii: "a") && (self | 0x20) <= UInt8(ascii: "z")
  }
  var isElementName: Bool {
    isNameStart || (self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9")) || self == UInt8(ascii: "-")
      || self == UInt8(ascii: ":")
  }
}
