import MinkeCore

/// Reads a file from front to back in pieces, as UTF-8.
///
/// A file that is no text is known before its first piece is given: from its first block where that holds a NUL
/// character, else after it was looked through once. Only what comes through a pipe is checked as it comes.
package struct TextFileReader: Sendable {
  private let file: OpenFile
  private var decoder: TextDecoder?
  private let wantedEncoding: TextEncoding?
  private var offset = 0
  /// Whether all was read.
  package private(set) var isAtEnd = false

  /// Whether the file begins as a PDF does; false before the first piece is read.
  package private(set) var isPDF = false

  /// How the file is written; UTF-8 before the first piece is read.
  package var encoding: TextEncoding { decoder?.encoding ?? .utf8 }

  /// What is read to find out whether a file may be text.
  private static let blockSize = 1 << 16

  /// Opens the file at `path`; what is no plain file is refused without waiting for it.
  ///
  /// - Parameter encoding: how files without a mark are written; nil for UTF-8.
  package init(_ path: FilePath, encoding: TextEncoding? = nil) throws(SkipReason) {
    file = try OpenFile(path)
    wantedEncoding = encoding
  }

  /// Reads standard input, whatever it is.
  package init(standardInputAs encoding: TextEncoding?) {
    file = OpenFile(standardInput: ())
    wantedEncoding = encoding
  }

  /// Appends the next piece to `text`: about `count` bytes of the file, or what is left of it. It ends between two
  /// characters.
  package mutating func read(_ count: Int, into text: inout [UInt8]) throws(SkipReason) {
    guard !isAtEnd else { return }
    var bytes: [UInt8] = []
    if offset == 0 {
      // A large binary file is not read further than this.
      bytes = try file.read(min(count, Self.blockSize), at: 0, isAtEnd: &isAtEnd)
      isPDF = bytes.starts(with: "%PDF-".utf8)
      let encoding = TextEncoding(markOf: bytes) ?? wantedEncoding ?? .utf8
      if encoding == .utf8 || encoding == .windows1252, bytes.contains(0) { throw .binary }
      decoder = TextDecoder(encoding)
    }
    if !isAtEnd, bytes.count < count {
      bytes += try file.read(count - bytes.count, at: offset + bytes.count, isAtEnd: &isAtEnd)
    }
    let isFirst = offset == 0
    offset += bytes.count
    try decoder?.append(bytes, isLast: isAtEnd, to: &text)
    if isFirst, !isAtEnd, file.canSeek { try checkRest() }
  }

  /// Looks through what has not been read.
  private func checkRest() throws(SkipReason) {
    var (decoder, offset, isAtEnd) = (decoder, offset, false)
    var text: [UInt8] = []
    while !isAtEnd {
      if Workers.isCancelled { return }
      let bytes = try file.read(1 << 20, at: offset, isAtEnd: &isAtEnd)
      offset += bytes.count
      text.removeAll(keepingCapacity: true)
      try decoder?.append(bytes, isLast: isAtEnd, to: &text)
    }
  }
}
