import MinkeCore

/// The charsmap of a SentencePiece model: what characters and short sequences of them are replaced by.
///
/// Its sequences stand in a double array (Darts): a unit of 32 bits has a label, an offset to the children and a mark
/// for those that end a sequence. The reference looks each grapheme of less than 6 bytes up first and replaces it whole
/// where any sequence begins it, the shortest counting; of all others it looks up each scalar.
final class PrecompiledCharacters: Sendable {
  private let units: SharedBuffer<UInt32>
  /// The replacements, each ended by NUL.
  private let replacements: SharedBuffer<UInt8>
  /// Bytes of ASCII that are no sequence alone, so that text of them stays as it is.
  private let plain: SharedBuffer<Bool>

  /// Longer replacements are an error: every character of a text may be replaced.
  private static let longestReplacement = 1024

  /// - Parameter text: the charsmap in base64.
  /// - Throws: `MinkeError` where it is malformed.
  init(base64 text: String, subject: String) throws(MinkeError) {
    func malformed(_ expected: String, _ found: String) -> MinkeError {
      MinkeError(.malformedFile, "\(subject): precompiled_charsmap", expected: expected, found: found)
    }
    guard let bytes = Self.decoded(base64: text) else { throw malformed("base64", "something else") }
    guard bytes.count >= 4 else { throw malformed("a double array", "\(bytes.count) bytes") }
    func word(_ index: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << UInt32(8 * $1) }
    }
    let size = Int(word(0))
    guard size >= 4, size % 4 == 0, size <= bytes.count - 4 else {
      throw malformed("a double array of whole units within the charsmap", "one of \(size) bytes")
    }
    let units = SharedBuffer((0..<size / 4).map { word(4 + 4 * $0) })
    let replacements = bytes[(4 + size)...]
    guard String(validating: replacements, as: UTF8.self) != nil else {
      throw malformed("replacements in UTF-8", "bytes that are not")
    }
    guard replacements.split(separator: 0).allSatisfy({ $0.count <= Self.longestReplacement }) else {
      throw malformed("replacements of at most \(Self.longestReplacement) bytes", "a longer one")
    }
    self.units = units
    self.replacements = SharedBuffer(Array(replacements))
    let ends = self.replacements
    plain = SharedBuffer(
      (0..<128).map { byte in
        [UInt8(byte)].withUnsafeBufferPointer { Self.replacement(of: $0, units.pointer, ends.pointer) == nil }
      })
  }

  /// `text` with its characters replaced: itself where none is, else what is written to `room`, which is empty.
  func apply(_ text: UnsafeBufferPointer<UInt8>, in room: ByteRoom) -> UnsafeBufferPointer<UInt8> {
    withExtendedLifetime(self) {
      let (plain, units, replacements) = (plain.pointer, units.pointer, replacements.pointer)
      var copied = 0
      var position = 0
      func replace(_ range: Range<Int>, _ replacement: Range<Int>) {
        room.append(UnsafeBufferPointer(rebasing: text[copied..<range.lowerBound]))
        room.append(UnsafeBufferPointer(rebasing: replacements[replacement]))
        copied = range.upperBound
      }
      while position < text.count {
        let byte = text[position]
        // Only a line feed behind a carriage return is one with the character of ASCII before it.
        if byte < 0x80, plain[Int(byte)], byte != 0x0d, position + 1 == text.count || text[position + 1] < 0x80 {
          position += 1
          continue
        }
        let end = Graphemes.end(in: text, from: position)
        if end - position < 6 {
          let grapheme = position..<end
          if let replacement = Self.replacement(
            of: UnsafeBufferPointer(rebasing: text[grapheme]), units, replacements)
          {
            replace(grapheme, replacement)
            position = end
            continue
          }
        }
        while position < end {
          let start = position
          _ = text.decodeScalar(at: &position)
          let scalar = start..<position
          if let replacement = Self.replacement(
            of: UnsafeBufferPointer(rebasing: text[scalar]), units, replacements)
          {
            replace(scalar, replacement)
          }
        }
      }
      if copied == 0, room.count == 0 { return text }
      room.append(UnsafeBufferPointer(rebasing: text[copied...]))
      return room.bytes
    }
  }

  /// Where the replacement of the shortest sequence that `text` begins with stands; nil where there is none.
  private static func replacement(
    of text: UnsafeBufferPointer<UInt8>, _ units: UnsafeBufferPointer<UInt32>,
    _ replacements: UnsafeBufferPointer<UInt8>
  ) -> Range<Int>? {
    func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int(unit >> 6 & 8) }
    var place = offset(units[0])
    for byte in text {
      // The reference ends a sequence at NUL.
      if byte == 0 { return nil }
      place ^= Int(byte)
      guard place < units.count else { return nil }
      let unit = units[place]
      guard unit & 0x8000_00ff == UInt32(byte) else { return nil }
      place ^= offset(unit)
      guard place < units.count else { return nil }
      if unit >> 8 & 1 == 1 {
        let start = Int(units[place] & 0x7fff_ffff)
        // A place inside of a scalar would be an error in the reference.
        guard start < replacements.count, replacements[start] & 0xc0 != 0x80 else { return nil }
        return start..<(replacements[start...].firstIndex(of: 0) ?? replacements.count)
      }
    }
    return nil
  }

  private static func decoded(base64 text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count / 4 * 3)
    var (bits, count): (UInt32, Int) = (0, 0)
    var padding = 0
    for letter in text.utf8 {
      let value: UInt8
      switch letter {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = letter - UInt8(ascii: "A")
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = letter - UInt8(ascii: "a") + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = letter - UInt8(ascii: "0") + 52
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      case UInt8(ascii: "="):
        padding += 1
        continue
      default: return nil
      }
      guard padding == 0 else { return nil }
      bits = bits << 6 | UInt32(value)
      count += 1
      if count % 4 == 0 {
        bytes += [
          UInt8(truncatingIfNeeded: bits >> 16), UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits),
        ]
      }
    }
    guard padding == (4 - count % 4) % 4, count % 4 != 1 else { return nil }
    if count % 4 == 2 { bytes.append(UInt8(truncatingIfNeeded: bits >> 4)) }
    if count % 4 == 3 {
      bytes += [UInt8(truncatingIfNeeded: bits >> 10), UInt8(truncatingIfNeeded: bits >> 2)]
    }
    return bytes
  }
}
