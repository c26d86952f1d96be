import Minke

/// What the lines of a file or of standard input hold, read in batches so that input of any size fits.
///
/// A line ends at LF or CRLF. A batch is what has arrived, so that an answer never waits for the next question.
struct RecordReader<Record>: ~Copyable {
  private var file: InputFile
  private var transcoder: Transcoder
  private let parse: (ArraySlice<UInt8>, Int) throws -> Record?
  private var pending: [UInt8] = []
  /// Where the lines not given out yet begin in `pending`.
  private var start = 0
  private var line = 0
  private var atEnd = false

  /// The most records of a batch.
  private static var batchSize: Int { 8192 }

  /// Records that `make` makes of a line without its end.
  ///
  /// Bytes that are not UTF-8 become U+FFFD, and the first line with such is said.
  init(_ file: consuming InputFile, _ encoding: InputEncoding, _ make: @escaping (String) -> Record) {
    let name = file.name
    self.file = file
    transcoder = Transcoder(from: encoding)
    var isSaid = false
    parse = { line, number in
      if let text = String(validating: line, as: UTF8.self) { return make(text) }
      if !isSaid {
        isSaid = true
        say("minke: \(name), line \(number): not UTF-8; wrong bytes are read as U+FFFD")
      }
      return make(String(decoding: line, as: UTF8.self))
    }
  }

  /// Records that `read` makes of the JSON value of each line that is not blank.
  ///
  /// - Parameter skippingInvalid: whether a line that is wrong is said and passed over, instead of an error.
  init(
    _ file: consuming InputFile, _ encoding: InputEncoding, skippingInvalid: Bool,
    json read: @escaping (inout JSONReader) throws -> Record
  ) {
    let name = file.name
    self.file = file
    transcoder = Transcoder(from: encoding)
    parse = { line, number in
      guard !line.allSatisfy({ [0x20, 0x09, 0x0d].contains($0) }) else { return nil }
      do {
        return try line.withUnsafeBytes { try JSONReader.read($0, subject: name, line: number, read) }
      } catch let error as MinkeError where skippingInvalid {
        say("minke: \(error); the line is passed over")
        return nil
      }
    }
  }

  /// Bytes read so far, and bytes of the file where that is known.
  var progress: (completed: Int, total: Int?) { (file.bytesRead, file.byteCount) }

  /// The next records, one at least; nil at the end.
  ///
  /// - Throws: `MinkeError` when reading fails or a line of JSON is wrong, which the error then names.
  mutating func next() throws -> [Record]? {
    var records: [Record] = []
    // Where the search for a line end goes on: a long line is not searched again from its start for every piece read.
    var searched = start
    while true {
      while records.count < Self.batchSize, let end = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        try take(pending[start..<end], into: &records)
        start = end + 1
        searched = start
      }
      if records.count < Self.batchSize, atEnd, start < pending.count {
        try take(pending[start...], into: &records)
        start = pending.count
      }
      if !records.isEmpty { return records }
      if atEnd { return nil }
      pending.removeFirst(start)
      start = 0
      searched = pending.count
      let bytes = try file.read(1 << 20)
      atEnd = bytes.isEmpty
      pending += transcoder.utf8(bytes, isLast: atEnd)
    }
  }

  private mutating func take(_ bytes: ArraySlice<UInt8>, into records: inout [Record]) throws {
    line += 1
    let bytes = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
    if let record = try parse(bytes, line) { records.append(record) }
  }
}

/// A text of the input, and what stood beside it.
struct InputText {
  let text: String
  /// The members of its JSON object but for `text`, as JSON just as they stood: `"id":7,"title":"Moby Dick",`.
  let fields: String

  /// Members that a command writes itself; those of the input make way.
  static let reservedNames: Set<String> = ["text", "index", "embedding", "bits"]

  init(_ line: String) {
    text = line
    fields = ""
  }

  init(reading reader: inout JSONReader) throws {
    var text: String?
    var fields = ""
    guard try reader.peek() == .object else {
      throw reader.error("a JSON object with a string \"text\"", found: try reader.peek().rawValue)
    }
    try reader.readObject { reader, name in
      if name == "text", try reader.peek() == .string {
        text = try reader.readString()
      } else if Self.reservedNames.contains(name) {
        try reader.skipValue()
      } else {
        JSONValue.write(name, to: &fields)
        fields += ":\(try reader.readText()),"
      }
    }
    guard let text else {
      let found = fields.isEmpty ? "no such member" : "{\(shortened(String(fields.dropLast()), to: 78))}"
      throw reader.error("a JSON object with a string \"text\"", found: found)
    }
    self.text = text
    self.fields = fields
  }
}
