#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Takes the text out of HTML: what a person would read, block by block.
///
/// It goes once from front to back and takes anything: what is no markup is text, what is not closed ends with the page.
/// A form that has no end is tried once and not again, so that the time is linear whatever the bytes are.
struct HTMLReader {
  private let source: UnsafeBufferPointer<UInt8>
  private let end: Int
  private var position: Int
  private(set) var text: StructuredTextBuilder
  /// White space that stands before the next text, if it is not the first of its block.
  private var gap = Gap.none
  private var gapStart = 0
  /// The sign of a list's item whose text has not come.
  private var bullet: Int?
  private var heading: Int?
  private var preformatted = 0
  /// The headings that hold here, from the highest.
  private var headings: [(level: Int, place: ContextTree.Place)] = []
  /// The last `>`; behind it there is no markup.
  private let lastClose: Int
  /// Whether quotes in tags are matched; not any more once one was not closed.
  private var matchesQuotes = true
  private var matchesComments = true
  private var matchesSections = true
  /// Elements to be left out that were found without an end, and stay.
  private var unclosed: Set<String> = []
  private let isXML: Bool
  private let root: ContextTree.Place

  private enum Gap: Int { case none, space, tab, line }

  /// - Parameters:
  ///   - range: where the page stands in `source`.
  ///   - text: what the page is appended to.
  ///   - root: what the page is part of.
  init(
    _ source: UnsafeBufferPointer<UInt8>, in range: Range<Int>, appendingTo text: StructuredTextBuilder,
    below root: ContextTree.Place = 0
  ) {
    self.source = source
    self.text = text
    self.root = root
    end = range.upperBound
    lastClose = range.last { source[$0] == UInt8(ascii: ">") } ?? -1
    let start = UnsafeBufferPointer(rebasing: source[range.prefix(8)])
    position = range.lowerBound + (start.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0)
    isXML = start.contains(UInt8(ascii: "?"))
  }

  /// Reads the page to its end.
  mutating func read() {
    while position < end {
      switch source[position] {
      case UInt8(ascii: "<") where position < lastClose && markup(): break
      case UInt8(ascii: "&"): reference()
      case let byte where byte.isSpace: space()
      default: word()
      }
    }
    endBlock()
  }

  // MARK: Text

  private mutating func word() {
    let start = position
    position += 1
    while position < end, !source[position].isSpace, source[position] != UInt8(ascii: "<"),
      source[position] != UInt8(ascii: "&")
    {
      position += 1
    }
    fillGap()
    text.append(start..<position, of: source)
  }

  /// Reads text in which there are no tags.
  private mutating func plainText(to end: Int, withReferences: Bool = false) {
    while position < end {
      if source[position].isSpace {
        want(.space, at: position)
        position += 1
      } else if withReferences, source[position] == UInt8(ascii: "&") {
        reference()
      } else {
        let start = position
        position += 1
        while position < end, !source[position].isSpace, !withReferences || source[position] != UInt8(ascii: "&") {
          position += 1
        }
        fillGap()
        text.append(start..<position, of: source)
      }
    }
  }

  private mutating func space() {
    let start = position
    while position < end, source[position].isSpace { position += 1 }
    if preformatted > 0 {
      // A line break right behind the tag is not part of it.
      let first = text.isEmpty && source[start] == UInt8(ascii: "\n") ? start + 1 : start
      text.append(first..<position, of: source)
    } else {
      want(.space, at: start)
    }
  }

  private mutating func want(_ wanted: Gap, at start: Int) {
    if gap == .none { gapStart = start }
    if wanted.rawValue > gap.rawValue { gap = wanted }
  }

  /// Writes the white space that stands before the text to come.
  private mutating func fillGap() {
    defer { gap = .none }
    if !text.isEmpty, preformatted == 0 {
      let byte: UInt8? =
        switch gap {
        case .none: nil
        case .space: UInt8(ascii: " ")
        case .tab: UInt8(ascii: "\t")
        case .line: UInt8(ascii: "\n")
        }
      if let byte { text.append([byte], from: gapStart..<gapStart + 1) }
    }
    if let bullet {
      text.append("- ".utf8, from: bullet..<bullet)
      self.bullet = nil
    }
  }

  /// A character reference, or an ampersand that is none.
  private mutating func reference() {
    guard let (scalar, length) = HTMLEntities.reference(in: source, at: position, end) else {
      fillGap()
      text.append(position..<position + 1, of: source)
      position += 1
      return
    }
    let start = position
    position += length
    if scalar == "\u{ad}" || scalar == "\u{200b}" { return }
    if scalar.properties.isWhitespace, preformatted == 0 { return want(.space, at: start) }
    fillGap()
    text.append(String(Character(scalar)).utf8, from: start..<position)
  }

  private mutating func endBlock() {
    defer { (gap, heading) = (.none, nil) }
    guard !text.isEmpty else { return }
    let (level, isCode) = (heading, preformatted > 0)
    var place = headings.last?.place ?? root
    if let level {
      while let last = headings.last, last.level >= level { headings.removeLast() }
      place = headings.last?.place ?? root
      let name = String(decoding: text.text[text.start...].prefix(512), as: UTF8.self)
      headings.append((level, text.contexts.place(name, below: place)))
    }
    text.endBlock { range in
      TextBlocks.Block(
        range: range, isCode: isCode, marks: TextBlocks.Marks(isHeading: level != nil), context: place,
        innerContext: place)
    }
  }

  // MARK: Markup

  /// Reads what stands at a `<`; false when it is text.
  private mutating func markup() -> Bool {
    let next = source.at(position + 1)
    switch next {
    case UInt8(ascii: "!"): return declaration()
    case UInt8(ascii: "?"):
      position = close(from: position) + 1
      return true
    case UInt8(ascii: "/") where source.at(position + 2).isNameStart:
      let name = elementName(at: position + 2)
      position = close(from: position) + 1
      endTag(name)
      return true
    case UInt8(ascii: "/"):
      position = close(from: position) + 1
      return true
    case let byte where byte.isNameStart:
      let tag = tag(at: position)
      position = tag.end
      startTag(tag)
      return true
    default: return false
    }
  }

  /// The first `>` from `start` on, which must not be behind the last one.
  private func close(from start: Int) -> Int {
    guard start <= lastClose, let base = source.baseAddress,
      let found = memchr(base + start, Int32(UInt8(ascii: ">")), lastClose - start + 1)
    else { return end - 1 }
    return UnsafeRawPointer(base).distance(to: found)
  }

  private mutating func declaration() -> Bool {
    if starts("<!--", at: position), matchesComments {
      // `<!-->` is whole.
      var place = position + 2
      while place <= lastClose - 2 {
        let found = close(from: place + 2)
        if source[found - 1] == UInt8(ascii: "-"), source[found - 2] == UInt8(ascii: "-") {
          position = found + 1
          return true
        }
        if found >= lastClose { break }
        place = found - 1
      }
      matchesComments = false
    }
    if starts("<![CDATA[", at: position), matchesSections {
      var found = position + 8
      while found < lastClose {
        found = close(from: found + 1)
        if source[found - 1] == UInt8(ascii: "]"), source[found - 2] == UInt8(ascii: "]") {
          position += 9
          plainText(to: found - 2)
          position = found + 1
          return true
        }
      }
      matchesSections = false
    }
    position = close(from: position) + 1
    return true
  }

  private struct Tag {
    let name: String
    /// What stands between the name and the closing bracket.
    let attributes: Range<Int>
    let end: Int
    let isClosed: Bool
  }

  private mutating func tag(at start: Int) -> Tag {
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
  private func elementName(at start: Int) -> String {
    var position = start
    while position < end, position - start < 32, source[position].isElementName { position += 1 }
    return String(decoding: source[start..<position].map { $0.lowercasedASCII }, as: UTF8.self)
  }

  private func starts(_ word: StaticString, at start: Int) -> Bool {
    guard start + word.utf8CodeUnitCount <= end else { return false }
    return (0..<word.utf8CodeUnitCount).allSatisfy { source[start + $0] == word.utf8Start[$0] }
  }

  private mutating func startTag(_ tag: Tag) {
    let isEmpty = tag.isClosed && isXML
    switch HTMLElement(tag.name) {
    case .raw: if !isEmpty { skipRaw(tag.name) }
    case .hidden: if !isEmpty, !tag.isClosed { skip(tag) }
    case .title where !isEmpty: title()
    case .heading(let level):
      endBlock()
      heading = level
    case .preformatted:
      endBlock()
      preformatted += 1
    case .item:
      want(.line, at: tag.attributes.lowerBound)
      bullet = tag.attributes.lowerBound
    case .line: want(.line, at: tag.attributes.lowerBound)
    case .lineBreak:
      if preformatted > 0 {
        text.append([UInt8(ascii: "\n")], from: tag.attributes.lowerBound..<tag.end)
      } else {
        want(.line, at: tag.attributes.lowerBound)
      }
    case .cell: want(.tab, at: tag.attributes.lowerBound)
    case .image: alternative(tag)
    case .block: endBlock()
    case .inline, .title: break
    }
  }

  private mutating func endTag(_ name: String) {
    switch HTMLElement(name) {
    case .heading, .block: endBlock()
    case .preformatted:
      endBlock()
      preformatted = max(0, preformatted - 1)
    case .item:
      want(.line, at: position - 1)
      bullet = nil
    case .line: want(.line, at: position - 1)
    default: break
    }
  }

  /// The title of the page is a heading above all others.
  private mutating func title() {
    endBlock()
    heading = 0
    while position < end {
      switch source[position] {
      case UInt8(ascii: "<") where isEndTag("title", at: position):
        position = close(from: position) + 1
        return endBlock()
      case UInt8(ascii: "<") where source.at(position + 1) == UInt8(ascii: "/"):
        // A title that is not closed is no reason to lose the page.
        return endBlock()
      case UInt8(ascii: "&"): reference()
      case let byte where byte.isSpace: space()
      default: word()
      }
    }
  }

  private mutating func alternative(_ tag: Tag) {
    guard let range = attribute("alt", of: tag) else { return }
    let after = position
    position = range.lowerBound
    want(.space, at: position)
    plainText(to: range.upperBound, withReferences: true)
    position = after
    want(.space, at: range.upperBound)
  }

  /// The value of an attribute, without quotes.
  private func attribute(_ wanted: String, of tag: Tag) -> Range<Int>? {
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

  // MARK: What is left out

  /// Passes over the content of an element in which there is no markup, such as a script.
  private mutating func skipRaw(_ name: String) {
    while position < lastClose {
      guard let base = source.baseAddress,
        let found = memchr(base + position, Int32(UInt8(ascii: "<")), lastClose - position)
      else { break }
      position = UnsafeRawPointer(base).distance(to: found)
      if isEndTag(name, at: position) {
        position = close(from: position) + 1
        return
      }
      position += 1
    }
    position = end
  }

  /// Passes over an element with all that is in it.
  private mutating func skip(_ tag: Tag) {
    guard !unclosed.contains(tag.name) else { return }
    let start = position
    var depth = 1
    while position < lastClose {
      guard let base = source.baseAddress,
        let found = memchr(base + position, Int32(UInt8(ascii: "<")), lastClose - position)
      else { break }
      position = UnsafeRawPointer(base).distance(to: found)
      if isEndTag(tag.name, at: position) {
        depth -= 1
        position = close(from: position) + 1
        if depth == 0 { return }
      } else if starts("<!--", at: position) {
        _ = declaration()
      } else if source.at(position + 1).isNameStart {
        let inner = self.tag(at: position)
        position = inner.end
        if inner.name == tag.name, !inner.isClosed { depth += 1 }
        if HTMLElement(inner.name) == .raw { skipRaw(inner.name) }
      } else {
        position += 1
      }
    }
    unclosed.insert(tag.name)
    position = start
  }

  private func isEndTag(_ name: String, at start: Int) -> Bool {
    guard source.at(start + 1) == UInt8(ascii: "/"), start + 2 + name.utf8.count <= end else { return false }
    let found = source[start + 2..<start + 2 + name.utf8.count]
    return found.lazy.map(\.lowercasedASCII).elementsEqual(name.utf8)
      && !source.at(start + 2 + name.utf8.count).isElementName
  }
}

extension UInt8 {
  var lowercasedASCII: UInt8 { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self }
  fileprivate var isNameStart: Bool {
    (self | 0x20) >= UInt8(ascii: "a") && (self | 0x20) <= UInt8(ascii: "z")
  }
  fileprivate var isElementName: Bool {
    isNameStart || (self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9")) || self == UInt8(ascii: "-")
      || self == UInt8(ascii: ":")
  }
}
