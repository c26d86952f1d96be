#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension StructuredText {
  /// The text of an e-mail message as it is sent (RFC 5322 with MIME).
  static func email(_ source: [UInt8]) -> StructuredText {
    let (text, decoded) = source.withUnsafeBufferPointer { source in
      var reader = MailReader(source)
      reader.read()
      return (reader.text, reader.decoded)
    }
    return StructuredText(text, maps: [decoded.map], places: PlaceIndex(source))
  }
}

/// Takes the text out of an e-mail message: some of its header, then its parts that are text.
///
/// Of several forms of one text the plain one is taken. Other parts are named only.
struct MailReader {
  private let source: UnsafeBufferPointer<UInt8>
  /// The text of the message before that of its pages of HTML is taken out.
  private(set) var decoded = DecodedText()
  private(set) var text = StructuredTextBuilder()
  /// Parts of ``decoded``, in order.
  private var parts: [(range: Range<Int>, isHTML: Bool)] = []
  private var attachments: [(name: String, place: Range<Int>)] = []
  private var subject: String?

  /// How deep parts may lie in one another.
  private static let deepest = 16

  init(_ source: UnsafeBufferPointer<UInt8>) { self.source = source }

  /// Reads the message to its end.
  mutating func read() {
    let message = MailPart(source, in: 0..<source.count)
    writeHeader(of: message)
    readBody(of: message, depth: 0)
    if !attachments.isEmpty {
      let start = decoded.bytes.count
      for (index, attachment) in attachments.enumerated() {
        decoded.append(Array((index == 0 ? "Attachments: " : ", ").utf8), from: attachment.place)
        decoded.append(Array(attachment.name.utf8), from: attachment.place)
      }
      parts.append((start..<decoded.bytes.count, false))
    }
    assemble()
  }

  private mutating func writeHeader(of message: MailPart) {
    let start = decoded.bytes.count
    for name in ["Subject", "From", "To", "Date"] {
      guard let field = message.field(name.lowercased()) else { continue }
      let value = MailHeader.text(of: source, in: field.value)
      if value.isEmpty { continue }
      if name == "Subject", subject == nil { subject = value }
      decoded.append(Array("\(name): \(value)\n".utf8), from: field.whole)
    }
    parts.append((start..<decoded.bytes.count, false))
  }

  private mutating func readBody(of part: MailPart, depth: Int) {
    let type = part.contentType
    if part.isAttachment {
      attachments.append((part.fileName ?? type, part.header))
    } else if type.hasPrefix("multipart/"), depth < Self.deepest, let boundary = part.boundary {
      let children = divide(part.body, at: boundary).map { MailPart(source, in: $0) }
      if type == "multipart/alternative" {
        let chosen = children.first { $0.contentType == "text/plain" && !source.trimmed($0.body).isEmpty }
        if let part = chosen ?? children.last(where: \.mayHoldText) { readBody(of: part, depth: depth + 1) }
      } else {
        for child in children { readBody(of: child, depth: depth + 1) }
      }
    } else if type == "message/rfc822", depth < Self.deepest {
      let message = MailPart(source, in: part.body)
      writeHeader(of: message)
      readBody(of: message, depth: depth + 1)
    } else if type.hasPrefix("text/") || type.hasPrefix("multipart/") {
      let start = decoded.bytes.count
      decoded.append(part.body, of: source, transfer: part.transferEncoding, charset: part.charset)
      parts.append((start..<decoded.bytes.count, type == "text/html"))
    } else if let name = part.fileName {
      attachments.append((name, part.header))
    }
  }

  /// The parts of `range` between the lines that are `boundary` with two hyphens in front.
  private func divide(_ range: Range<Int>, at boundary: [UInt8]) -> [Range<Int>] {
    let mark = [UInt8(ascii: "-"), UInt8(ascii: "-")] + boundary
    var parts: [Range<Int>] = []
    var start: Int?
    var line = range.lowerBound
    while line < range.upperBound {
      let end = source.lineEnd(from: line, range.upperBound)
      if end - line >= mark.count, source[line..<line + mark.count].elementsEqual(mark) {
        let rest = source[source.trimmed(line + mark.count..<end)]
        let isClosing = rest.elementsEqual([UInt8(ascii: "-"), UInt8(ascii: "-")])
        // A longer boundary is that of a part.
        if rest.isEmpty || isClosing {
          if let start { parts.append(start..<max(start, line)) }
          if isClosing { return parts }
          start = end
        }
      }
      line = end
    }
    if let start { parts.append(start..<range.upperBound) }
    return parts
  }

  /// Divides what was decoded into blocks.
  private mutating func assemble() {
    var text = StructuredTextBuilder()
    let place = text.contexts.place(subject ?? "", below: 0)
    decoded.bytes.withUnsafeBufferPointer { bytes in
      for (index, part) in parts.enumerated() {
        if part.isHTML {
          var page = HTMLReader(bytes, in: part.range, appendingTo: text, below: place)
          page.read()
          text = page.text
        } else {
          text.append(part.range, of: bytes)
          // The header names the subject itself.
          text.endPart(context: index == 0 ? 0 : place)
        }
      }
    }
    self.text = text
  }
}

/// A message, or one part of it: where its header fields and its body are.
struct MailPart {
  private let source: UnsafeBufferPointer<UInt8>
  private var fields: [(name: [UInt8], start: Int, value: Range<Int>)] = []
  private(set) var header: Range<Int>
  private(set) var body: Range<Int>

  /// Fields that are looked at, at most.
  private static let mostFields = 1000

  init(_ source: UnsafeBufferPointer<UInt8>, in range: Range<Int>) {
    self.source = source
    var line = range.lowerBound
    while line < range.upperBound {
      let end = source.lineEnd(from: line, range.upperBound)
      let content = source.trimmed(line..<end)
      if content.isEmpty {
        line = end
        break
      }
      let isContinued = source[line] == UInt8(ascii: " ") || source[line] == UInt8(ascii: "\t")
      let colon = source[line..<min(end, line + 80)].firstIndex(of: UInt8(ascii: ":"))
      if isContinued, let last = fields.indices.last {
        fields[last].value = fields[last].value.lowerBound..<end
      } else if let colon, !source[line..<colon].contains(where: { $0 <= 0x20 }) {
        if fields.count < Self.mostFields {
          fields.append((source[line..<colon].map(\.lowercasedASCII), line, colon + 1..<end))
        }
      } else if !source[line..<end].starts(with: "From ".utf8), !isContinued {
        // A line that is no field: there is no empty line before the body.
        break
      }
      line = end
    }
    header = range.lowerBound..<line
    body = line..<range.upperBound
  }

  /// Where a field stands, and its value; its name in small letters.
  func field(_ name: String) -> (whole: Range<Int>, value: Range<Int>)? {
    fields.first { $0.name.elementsEqual(name.utf8) }.map { ($0.start..<$0.value.upperBound, $0.value) }
  }

  private func value(_ name: String) -> MailValue? {
    field(name).map { MailValue(MailHeader.unfolded(source, in: $0.value)) }
  }

  /// The kind of content, in small letters.
  var contentType: String {
    let type = value("content-type")?.first ?? ""
    return type.contains("/") ? type : "text/plain"
  }
  var boundary: [UInt8]? {
    value("content-type")?["boundary"].flatMap { $0.isEmpty ? nil : Array($0.utf8) }
  }
  var charset: String { value("content-type")?["charset"] ?? "" }
  var transferEncoding: String { value("content-transfer-encoding")?.first ?? "" }
  var isAttachment: Bool { value("content-disposition")?.first == "attachment" }
  var fileName: String? {
    let name = value("content-disposition")?["filename"] ?? value("content-type")?["name"]
    return name.flatMap { $0.isEmpty ? nil : MailHeader.text(of: Array($0.utf8)) }
  }
  var mayHoldText: Bool {
    ["text/", "multipart/", "message/"].contains { contentType.hasPrefix($0) } && !isAttachment
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Where the line at `start` ends, its line break included.
  func lineEnd(from start: Int, _ end: Int) -> Int {
    guard start < end, let base = baseAddress, let found = memchr(base + start, 0x0a, end - start) else { return end }
    return UnsafeRawPointer(base).distance(to: found) + 1
  }
}
