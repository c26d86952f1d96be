/// Takes the text out of HTML: what a person would read, block by block.
///
/// It goes once from front to back and takes anything: what is no markup is text, what is not closed ends with the page.
/// A form that has no end is tried once and not again, so that the time is linear whatever the bytes are.
struct HTMLReader {
  private let source: UnsafeBufferPointer<UInt8>
  private let end: Int
  private var scanner: HTMLScanner
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
  /// Whether the ends of comments and sections are looked for; not any more once there was none.
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
    scanner = HTMLScanner(source, in: range)
    let start = UnsafeBufferPointer(rebasing: source[range.prefix(8)])
    position = range.lowerBound + (start.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0)
    isXML = start.contains(UInt8(ascii: "?"))
  }

  /// Reads the page to its end.
  mutating func read() {
    while position < end {
      switch source[position] {
      case UInt8(ascii: "<") where position < scanner.lastClose && markup(): break
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
      position = scanner.close(from: position) + 1
      return true
    case UInt8(ascii: "/") where source.at(position + 2).isNameStart:
      let name = scanner.elementName(at: position + 2)
      position = scanner.close(from: position) + 1
      endTag(name)
      return true
    case UInt8(ascii: "/"):
      position = scanner.close(from: position) + 1
      return true
    case let byte where byte.isNameStart:
      let tag = scanner.tag(at: position)
      position = tag.end
      startTag(tag)
      return true
    default: return false
    }
  }

  private mutating func declaration() -> Bool {
    if scanner.starts("<!--", at: position), matchesComments {
      // `<!-->` is whole.
      var place = position + 2
      while place <= scanner.lastClose - 2 {
        let found = scanner.close(from: place + 2)
        if source[found - 1] == UInt8(ascii: "-"), source[found - 2] == UInt8(ascii: "-") {
          position = found + 1
          return true
        }
        if found >= scanner.lastClose { break }
        place = found - 1
      }
      matchesComments = false
    }
    if scanner.starts("<![CDATA[", at: position), matchesSections {
      var found = position + 8
      while found < scanner.lastClose {
        found = scanner.close(from: found + 1)
        if source[found - 1] == UInt8(ascii: "]"), source[found - 2] == UInt8(ascii: "]") {
          position += 9
          plainText(to: found - 2)
          position = found + 1
          return true
        }
      }
      matchesSections = false
    }
    position = scanner.close(from: position) + 1
    return true
  }

  private mutating func startTag(_ tag: HTMLScanner.Tag) {
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
      case UInt8(ascii: "<") where scanner.isEndTag("title", at: position):
        position = scanner.close(from: position) + 1
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

  private mutating func alternative(_ tag: HTMLScanner.Tag) {
    guard let range = scanner.attribute("alt", of: tag) else { return }
    let after = position
    position = range.lowerBound
    want(.space, at: position)
    plainText(to: range.upperBound, withReferences: true)
    position = after
    want(.space, at: range.upperBound)
  }

  // MARK: What is left out

  /// Passes over the content of an element in which there is no markup, such as a script.
  private mutating func skipRaw(_ name: String) {
    while let found = scanner.open(from: position) {
      position = found
      if scanner.isEndTag(name, at: position) {
        position = scanner.close(from: position) + 1
        return
      }
      position += 1
    }
    position = end
  }

  /// Passes over an element with all that is in it.
  private mutating func skip(_ tag: HTMLScanner.Tag) {
    guard !unclosed.contains(tag.name) else { return }
    let start = position
    var depth = 1
    while let found = scanner.open(from: position) {
      position = found
      if scanner.isEndTag(tag.name, at: position) {
        depth -= 1
        position = scanner.close(from: position) + 1
        if depth == 0 { return }
      } else if scanner.starts("<!--", at: position) {
        _ = declaration()
      } else if source.at(position + 1).isNameStart {
        let inner = scanner.tag(at: position)
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

}
