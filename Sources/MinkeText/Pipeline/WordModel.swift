/// What makes tokens of a word.
protocol WordModel: AnyObject, Sendable {
  /// Appends the ids of `word` to `ids`.
  ///
  /// - Parameter word: UTF-8, or any bytes after the pre-tokenizer ByteLevel; 32 bytes behind it can be read.
  func append(_ word: UnsafeBufferPointer<UInt8>, _ room: WordRoom, into ids: inout [TokenID])
}

/// Memory of one thread for what a model works out for a word.
// SAFETY of @unchecked: in use by one thread at a time.
final class WordRoom: @unchecked Sendable {
  private(set) var memory: UnsafeMutableRawPointer
  private var capacity: Int
  private static let kept = 1 << 22

  init() {
    capacity = 1 << 14
    memory = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { memory.deallocate() }

  /// Room for `count` values; what was there before is lost.
  @inline(__always)
  func room<Value: BitwiseCopyable>(_ count: Int, of: Value.Type) -> UnsafeMutablePointer<Value> {
    let size = count * MemoryLayout<Value>.stride
    if size > capacity || capacity > Self.kept { resize(size) }
    return memory.assumingMemoryBound(to: Value.self)
  }

  private func resize(_ size: Int) {
    memory.deallocate()
    capacity = max(size, 1 << 14)
    memory = .allocate(byteCount: capacity, alignment: 16)
  }
}

/// The ids of short words seen before, each at the one place that its bytes give; of two words with a place the later
/// one stays.
// SAFETY of @unchecked: in use by one thread at a time.
final class WordCache: @unchecked Sendable {
  /// One cache line.
  private struct Entry: BitwiseCopyable {
    var (first, second, third, fourth): (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    var length: UInt16 = 0
    var count: UInt16 = 0
    var ids: (TokenID, TokenID, TokenID, TokenID, TokenID, TokenID, TokenID) = (0, 0, 0, 0, 0, 0, 0)
  }

  private static let entries = 1 << 13
  private static let longestWord = 32
  private static let mostIDs = 7
  private let memory: UnsafeMutablePointer<Entry>

  init() {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: Self.entries * MemoryLayout<Entry>.stride, alignment: 64)
    self.memory = memory.bindMemory(to: Entry.self, capacity: Self.entries)
    self.memory.initialize(repeating: Entry(), count: Self.entries)
  }

  deinit { memory.deallocate() }

  /// Appends the ids of `word` to `ids`: those known, else those that `model` gives.
  @inline(__always)
  func append<Model: WordModel>(
    _ word: UnsafeBufferPointer<UInt8>, _ model: Model, _ room: WordRoom, into ids: inout [TokenID]
  ) {
    guard let bytes = word.baseAddress, word.count > 0 else { return }
    guard word.count <= Self.longestWord else { return model.append(word, room, into: &ids) }
    let count = word.count
    let first = Self.load(bytes, count)
    let second = count > 8 ? Self.load(bytes + 8, count - 8) : 0
    let third = count > 16 ? Self.load(bytes + 16, count - 16) : 0
    let fourth = count > 24 ? Self.load(bytes + 24, count - 24) : 0
    var hash = (first ^ UInt64(truncatingIfNeeded: count)) &* 0x9e37_79b9_7f4a_7c15
    if count > 8 {
      hash = (hash ^ hash >> 32 ^ second) &* 0x9e37_79b9_7f4a_7c15
      if count > 16 {
        hash = (hash ^ hash >> 32 ^ third) &* 0x9e37_79b9_7f4a_7c15
        hash = (hash ^ hash >> 32 ^ fourth) &* 0x9e37_79b9_7f4a_7c15
      }
    }
    let entry = memory + Int(truncatingIfNeeded: hash >> 51)
    if entry.pointee.first == first, entry.pointee.length == UInt16(truncatingIfNeeded: count),
      entry.pointee.second == second, entry.pointee.third == third, entry.pointee.fourth == fourth
    {
      let known = Int(entry.pointee.count)
      if known == 1 { return ids.append(entry.pointee.ids.0) }
      withUnsafeBytes(of: &entry.pointee.ids) { known_ids in
        for index in 0..<known {
          ids.append(known_ids.load(fromByteOffset: 4 * index, as: TokenID.self))
        }
      }
      return
    }
    let start = ids.count
    model.append(word, room, into: &ids)
    let made = ids.count - start
    guard made <= Self.mostIDs else { return }
    (entry.pointee.first, entry.pointee.second) = (first, second)
    (entry.pointee.third, entry.pointee.fourth) = (third, fourth)
    entry.pointee.length = UInt16(truncatingIfNeeded: count)
    entry.pointee.count = UInt16(truncatingIfNeeded: made)
    withUnsafeMutableBytes(of: &entry.pointee.ids) { place in
      for index in 0..<made {
        place.storeBytes(of: ids[start + index], toByteOffset: 4 * index, as: TokenID.self)
      }
    }
  }

  /// The first 8 bytes of `count`, or what there is.
  @inline(__always)
  private static func load(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
    let word = UInt64(littleEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self))
    return count >= 8 ? word : word & (UInt64.max >> UInt64(64 - 8 * count))
  }
}
