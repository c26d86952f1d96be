/// Which bytes of a source each byte of a text taken out of it comes from.
struct PositionMap: Sendable {
  /// Bytes of the text up to the next run. Where the source has as many, they are the same one by one; else all of them
  /// stand for all of these.
  private struct Run: Sendable {
    let text: UInt32
    let source: UInt32
    var sourceEnd: UInt32
  }

  private var runs: [Run] = []
  /// Bytes of the text so far.
  private(set) var count = 0

  /// Takes in the next `count` bytes of the text, which come from `source`.
  mutating func append(_ count: Int, from source: Range<Int>) {
    guard count > 0 else { return }
    defer { self.count += count }
    if source.count == count, let last = runs.last, Int(last.sourceEnd) == source.lowerBound,
      Int(last.sourceEnd) - Int(last.source) == self.count - Int(last.text)
    {
      runs[runs.count - 1].sourceEnd = UInt32(truncatingIfNeeded: source.upperBound)
      return
    }
    runs.append(
      Run(
        text: UInt32(truncatingIfNeeded: self.count), source: UInt32(truncatingIfNeeded: source.lowerBound),
        sourceEnd: UInt32(truncatingIfNeeded: source.upperBound)))
  }

  /// Forgets the end of the text, from `count` on.
  mutating func remove(from count: Int) {
    var end = self.count
    while let last = runs.last, Int(last.text) >= count { end = Int(runs.removeLast().text) }
    if let last = runs.last, Int(last.sourceEnd) - Int(last.source) == end - Int(last.text) {
      runs[runs.count - 1].sourceEnd = last.source + UInt32(truncatingIfNeeded: count - Int(last.text))
    }
    self.count = min(self.count, count)
  }

  /// The bytes of the source that a part of the text comes from, from the first to the last of them.
  func source(of range: Range<Int>) -> Range<Int> {
    guard !range.isEmpty, let first = run(at: range.lowerBound), let last = run(at: range.upperBound - 1) else {
      return 0..<0
    }
    var (start, end) = (Int.max, 0)
    for index in first...last {
      let run = runs[index]
      let textEnd = index + 1 < runs.count ? Int(runs[index + 1].text) : count
      let (text, source, sourceEnd) = (Int(run.text), Int(run.source), Int(run.sourceEnd))
      let isExact = textEnd - text == sourceEnd - source
      start = min(start, isExact ? source + max(0, range.lowerBound - text) : source)
      end = max(end, isExact ? source + min(range.upperBound, textEnd) - text : sourceEnd)
    }
    return start..<max(start, end)
  }

  /// The run that holds a byte of the text.
  private func run(at position: Int) -> Int? {
    var (low, high) = (0, runs.count)
    while low < high {
      let middle = (low + high) / 2
      if Int(runs[middle].text) <= position { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? low - 1 : nil
  }
}

/// Tells the line, and the byte of the file, of any place in a text that was a file.
struct PlaceIndex: Sendable {
  /// The text of the file, as UTF-8.
  let text: [UInt8]
  private let encoding: TextEncoding
  /// Lines and bytes before every ``step`` bytes of the text.
  private var marks: [(line: Int, byte: Int)] = []

  private static let step = 1 << 9

  /// - Parameter encoding: how the file is written, in whose bytes places are counted.
  init(_ text: [UInt8], encoding: TextEncoding = .utf8) {
    self.text = text
    self.encoding = encoding
    var (line, byte) = (1, 0)
    for start in stride(from: 0, through: text.count, by: Self.step) {
      marks.append((line, byte))
      let (lines, bytes) = count(start..<min(text.count, start + Self.step))
      line += lines
      byte += bytes
    }
  }

  func place(of position: Int) -> (line: Int, byte: Int) {
    let position = min(max(0, position), text.count)
    let mark = position / Self.step
    let (lines, bytes) = count(mark * Self.step..<position)
    return (marks[mark].line + lines, marks[mark].byte + bytes)
  }

  private func count(_ range: Range<Int>) -> (lines: Int, bytes: Int) {
    text.withUnsafeBufferPointer { text in
      let part = UnsafeBufferPointer(rebasing: text[range])
      let lines = part.reduce(0) { $0 &+ ($1 == UInt8(ascii: "\n") ? 1 : 0) }
      if encoding == .utf8 { return (lines, range.count) }
      return (lines, part.reduce(0) { $0 &+ encoding.width(ofScalarFrom: $1) })
    }
  }
}
