import MinkeCore

extension StructuredText {
  /// Bytes of a file whose text is taken out of it, at most.
  package static let largestFile = 256 << 20
  /// Bytes of source code that is divided by its syntax, at most: a longer one is data.
  private static let longestCode = 16 << 20
  /// Bytes of the text taken out of a file, at most.
  private static let longestText = 1 << 30

  /// The text of a file; nil for a format that is read piece by piece as it stands.
  ///
  /// - Parameters:
  ///   - size: its bytes, as far as is known.
  ///   - encoding: how files without a mark are written; nil for UTF-8.
  /// - Throws: why there is none.
  package init?(file path: FilePath, size: Int, format: DocumentFormat, encoding: TextEncoding?) throws(SkipReason) {
    switch format {
    case .plain, .markdown, .restructuredText, .org: return nil
    case .code where size > Self.longestCode: return nil
    case .pdf: self = try Self.pdf(path)
    default:
      let bytes = try Self.wholeFile(path)
      if format == .email {
        self = Self.email(bytes)
        return
      }
      var known = TextEncoding(markOf: bytes) ?? encoding
      if known == nil, format == .html { known = HTMLReader.declaredEncoding(bytes) }
      var text: [UInt8] = []
      var decoder = TextDecoder(known ?? .utf8)
      try decoder.append(bytes, isLast: true, to: &text)
      try self.init(text, format: format, encoding: known ?? .utf8)
    }
  }

  /// The text of a document in memory; nil for a format that is split as it stands.
  ///
  /// - Parameter encoding: how the document is written, in whose bytes places are counted.
  /// - Throws: why there is none.
  package init?(_ source: [UInt8], format: DocumentFormat, encoding: TextEncoding = .utf8) throws(SkipReason) {
    switch format {
    case .plain, .markdown, .restructuredText, .org: return nil
    case .code(let language):
      guard let code = StructuredText(code: source, language, encoding: encoding) else { return nil }
      self = code
    case .html: self = Self.html(source, encoding)
    case .csv, .tsv: self = try Self.table(source, separator: format == .tsv ? UInt8(ascii: "\t") : nil, encoding)
    case .jsonLines: self = Self.jsonLines(source, encoding)
    case .notebook: self = try Self.notebook(source, encoding)
    case .email: self = Self.email(source)
    case .pdf: self = Self.pages(source)
    }
  }

  private static func wholeFile(_ path: FilePath) throws(SkipReason) -> [UInt8] {
    let file = try OpenFile(path)
    var isAtEnd = false
    let bytes = try file.read(largestFile + 1, at: 0, isAtEnd: &isAtEnd)
    if bytes.count > largestFile { throw .tooLarge(limit: largestFile) }
    return bytes
  }

  private static func html(_ source: [UInt8], _ encoding: TextEncoding) -> StructuredText {
    let text = source.withUnsafeBufferPointer { source in
      var reader = HTMLReader(source, in: 0..<source.count, appendingTo: StructuredTextBuilder())
      reader.read()
      return reader.text
    }
    return StructuredText(text, places: PlaceIndex(source, encoding: encoding))
  }

  private static func table(
    _ source: [UInt8], separator: UInt8?, _ encoding: TextEncoding
  ) throws(SkipReason) -> StructuredText {
    let text = try source.withUnsafeBufferPointer { source throws(SkipReason) in
      var rows = DelimitedRows(source, separator: separator, limit: longestText)
      try rows.read()
      return rows.text
    }
    return StructuredText(text, places: PlaceIndex(source, encoding: encoding))
  }

  private static func jsonLines(_ source: [UInt8], _ encoding: TextEncoding) -> StructuredText {
    let (text, omitted) = source.withUnsafeBufferPointer { source in
      var rows = JSONRows(source)
      rows.read()
      return (rows.text, rows.omitted)
    }
    return StructuredText(text, places: PlaceIndex(source, encoding: encoding), omitted: omitted)
  }

  private static func notebook(_ source: [UInt8], _ encoding: TextEncoding) throws(SkipReason) -> StructuredText {
    let text: StructuredTextBuilder
    do {
      text = try source.withUnsafeBufferPointer { source in
        var reader = NotebookReader(source)
        try reader.read()
        return reader.text
      }
    } catch {
      throw .notExtracted("\(error)")
    }
    return StructuredText(text, places: PlaceIndex(source, encoding: encoding))
  }

  /// A text with a form feed behind each page.
  static func pages(_ source: [UInt8]) -> StructuredText {
    var blocks: [TextBlocks.Block] = []
    var pages: [Int] = []
    source.withUnsafeBufferPointer { text in
      var start = 0
      while start < text.count {
        let end = text[start...].firstIndex(of: 0x0c) ?? text.count
        pages.append(start)
        var page = TextBlocks(UnsafeBufferPointer(rebasing: text[start..<end]), format: .plain)
        var startsPassage = true
        while var block = page.next() {
          block.move(by: start)
          block.marks.startsPassage = startsPassage
          startsPassage = false
          blocks.append(block)
        }
        start = end + 1
      }
    }
    return StructuredText(PlaceIndex(source), blocks: blocks, pages: pages)
  }
}

extension HTMLReader {
  /// The encoding that a page names in its first bytes; nil when it names none that is known.
  static func declaredEncoding(_ bytes: [UInt8]) -> TextEncoding? {
    let start = bytes.prefix(1024).map(\.lowercasedASCII)
    let word = Array("charset".utf8)
    guard start.count > word.count else { return nil }
    for position in 0..<start.count - word.count where start[position..<position + word.count].elementsEqual(word) {
      let name = start[(position + word.count)...].drop { $0.isSpace || [0x3d, 0x22, 0x27].contains($0) }
        .prefix { $0.isAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
      // What can be read so far is not UTF-16, whatever it says.
      if TextEncoding(name: String(decoding: name, as: UTF8.self)) == .windows1252 { return .windows1252 }
    }
    return nil
  }
}
