import Minke

/// Damages a file in the ways that upset readers: bits, lengths, numbers, order, and words of the format.
struct Mutator {
  let seeds: [[UInt8]]
  /// Words of the format, to be put where they do not belong.
  let words: [[UInt8]]

  private static let integers: [UInt64] = [
    0, 1, 2, 3, 4, 7, 8, 15, 16, 63, 64, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 0x7fff_ffff, 0x8000_0000,
    0xffff_ffff, 0x1_0000_0000, 100_000_000, 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, .max, .max - 7,
  ]
  private static let numbers = [
    "0", "1", "-1", "2", "255", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551616",
    "-9223372036854775808", "1e999", "1.5", "00", "4611686018427387904",
  ].map { Array($0.utf8) }
  private static let longest = 1 << 14

  func input(_ random: inout SplitMix64) -> [UInt8] {
    var bytes = seeds[random.below(seeds.count)]
    for _ in 0...random.below(1 + random.below(4)) { mutate(&bytes, &random) }
    if bytes.count > Self.longest { bytes.removeLast(bytes.count - Self.longest) }
    return bytes
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
    let place = random.below(bytes.count)
    let range = place..<min(bytes.count, place + 1 + random.below(random.below(2) == 0 ? 8 : 64))
    guard !bytes.isEmpty else {
      bytes = words.isEmpty ? [0] : words[random.below(words.count)]
      return
    }
    switch random.below(13) {
    case 0, 1: bytes[place] ^= 1 << UInt8(random.below(8))
    case 2: bytes[place] = UInt8(truncatingIfNeeded: random.next())
    case 3, 4:
      var value = Self.integers[random.below(Self.integers.count)]
      if random.below(4) == 0 { value = UInt64(bytes.count) &+ UInt64(random.below(5)) &- 2 }
      for index in place..<min(bytes.count, place + 1 << random.below(4)) {
        bytes[index] = UInt8(truncatingIfNeeded: value)
        value >>= 8
      }
    case 5: bytes.removeSubrange(range)
    case 6: bytes.insert(contentsOf: bytes[range], at: random.below(bytes.count))
    case 7: bytes.removeLast(bytes.count - place)
    case 8:
      let other = seeds[random.below(seeds.count)]
      bytes.replaceSubrange(place..., with: other[random.below(other.count)...])
    case 9: replaceNumber(&bytes, from: place, &random)
    case 10:
      let from = random.below(bytes.count)
      let length = min(range.count, bytes.count - from)
      for index in 0..<length { bytes.swapAt(place + min(index, range.count - 1), from + index) }
    default:
      guard !words.isEmpty else { return }
      let word = words[random.below(words.count)]
      let end = random.below(2) == 0 ? place : min(bytes.count, place + word.count)
      bytes.replaceSubrange(place..<end, with: word)
    }
  }

  /// Replaces the first decimal number from `place` on.
  private func replaceNumber(_ bytes: inout [UInt8], from place: Int, _ random: inout SplitMix64) {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    guard let start = bytes[place...].firstIndex(where: { digits.contains($0) }) else { return }
    let end = bytes[start...].firstIndex { !digits.contains($0) } ?? bytes.count
    bytes.replaceSubrange(start..<end, with: Self.numbers[random.below(Self.numbers.count)])
  }
}
