#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes that one step of a tokenizer writes for the next: they grow, and their memory is kept for the next text.
///
/// Fenced here: 32 bytes behind the last one may be read, as the tables that look words up do; they are arbitrary. What
/// ``bytes`` gives is valid until the room is written again.
final class ByteRoom {
  private var start: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private(set) var count = 0

  private static let margin = 32
  /// More than this is not kept for the next text.
  private static let kept = 1 << 20

  init() {
    capacity = 1024
    start = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity + Self.margin)
    start.initialize(repeating: 0, count: capacity + Self.margin)
  }

  deinit { start.deallocate() }

  var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: start, count: count) }

  func removeAll() {
    count = 0
    if capacity > Self.kept { resize(1024) }
  }

  /// Lets `body` write at most `limit` bytes behind what is there; it returns how many it wrote.
  @inline(__always)
  func append(atMost limit: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Int) {
    if capacity - count < limit { resize(max(count + limit, 2 * capacity)) }
    count += body(start + count)
  }

  @inline(__always)
  func append(_ text: UnsafeBufferPointer<UInt8>) {
    guard let source = text.baseAddress, text.count > 0 else { return }
    append(atMost: text.count) { place in
      memcpy(place, source, text.count)
      return text.count
    }
  }

  func append(_ text: [UInt8]) { text.withUnsafeBufferPointer { append($0) } }

  @inline(__always)
  func append(scalar: UInt32) {
    append(atMost: 4) { UTF8.write(scalar, to: $0) }
  }

  /// Appends `text` with U+FFFD for each maximal part that is not UTF-8.
  func append(repairing text: UnsafeBufferPointer<UInt8>) {
    let raw = UnsafeRawBufferPointer(text)
    var position = 0
    // What is right is copied in one piece, up to the next byte that is not.
    var start = 0
    while position < text.count {
      if position + 8 <= text.count,
        raw.loadUnaligned(fromByteOffset: position, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
      {
        position += 8
        continue
      }
      let wrong = position
      if text.decodeValidScalar(at: &position) == nil {
        append(UnsafeBufferPointer(rebasing: text[start..<wrong]))
        append(scalar: 0xfffd)
        start = position
      }
    }
    append(UnsafeBufferPointer(rebasing: text[start...]))
  }

  private func resize(_ capacity: Int) {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity + Self.margin)
    memcpy(memory, start, count)
    memset(memory + count, 0, capacity + Self.margin - count)
    start.deallocate()
    start = memory
    self.capacity = capacity
  }
}
