import MinkeCore
import MinkeKernels

/// Packs the postings and positions of words, one word after the other.
struct PostingEncoder {
  private(set) var postings: [UInt8] = []
  private(set) var positions: [UInt8] = []
  /// The mean length of the passages, for choosing among bounds.
  private let meanLength: Float

  init(meanLength: Double) { self.meanLength = Float(max(1, meanLength)) }

  /// Appends the postings of a word.
  ///
  /// - Parameters:
  ///   - ordinals: the passages that have it, ascending.
  ///   - frequencies: how often each has it.
  ///   - steps: for each passage the first position, then the steps to the next ones.
  ///   - lengths: of all passages, by ordinal.
  /// - Returns: the bytes of postings and of positions.
  mutating func append(
    ordinals: [UInt32], frequencies: [UInt32], steps: [UInt32], lengths: UnsafePointer<UInt32>
  ) -> (postings: Int, positions: Int) {
    let (postingStart, positionStart) = (postings.count, positions.count)
    let groups = (ordinals.count + PostingList.group - 1) / PostingList.group
    let isShort = ordinals.count < PostingList.group
    if !isShort {
      for group in 0..<groups {
        postings.append(number: ordinals[min(ordinals.count, (group + 1) * PostingList.group) - 1])
      }
      postings += repeatElement(0, count: groups * PostingList.noteBytes)
      positions += repeatElement(0, count: 5 * groups)
    }
    var before = PostingList.start
    var firstStep = 0
    for group in 0..<groups {
      let range = group * PostingList.group..<min(ordinals.count, (group + 1) * PostingList.group)
      var gaps: [UInt32] = []
      var counts: [UInt32] = []
      gaps.reserveCapacity(range.count)
      counts.reserveCapacity(range.count)
      var (gapBits, countBits): (UInt32, UInt32) = (0, 0)
      var total = 0
      for index in range {
        let gap = ordinals[index] &- before &- 1
        before = ordinals[index]
        gaps.append(gap)
        counts.append(frequencies[index] - 1)
        gapBits |= gap
        countBits |= frequencies[index] - 1
        total += Int(frequencies[index])
      }
      let (gapWidth, countWidth) = (Self.width(gapBits), Self.width(countBits))
      if isShort {
        postings += [UInt8(gapWidth), UInt8(countWidth)]
      } else {
        let note = postingStart + 4 * groups + group * PostingList.noteBytes
        postings[note] = UInt8(gapWidth)
        postings[note + 1] = UInt8(countWidth)
        for (index, code) in bounds(ordinals[range], frequencies[range], lengths).enumerated() {
          postings[note + 2 + index] = code
        }
      }
      if range.count == PostingList.group {
        Self.appendGroup(gaps, gapWidth, to: &postings)
        Self.appendGroup(counts, countWidth, to: &postings)
      } else {
        Self.append(gaps[...], gapWidth, to: &postings)
        Self.append(counts[...], countWidth, to: &postings)
      }

      let some = steps[firstStep..<firstStep + total]
      firstStep += total
      let width = max(Self.width(some.reduce(0, |)), total == range.count ? 0 : 1)
      if isShort {
        positions.append(UInt8(width))
      } else {
        let start = UInt32(positions.count - positionStart - 5 * groups)
        for byte in 0..<4 {
          positions[positionStart + 4 * group + byte] = UInt8(truncatingIfNeeded: start >> UInt32(8 * byte))
        }
        positions[positionStart + 4 * groups + group] = UInt8(width)
      }
      Self.append(some, width, to: &positions)
    }
    return (postings.count - postingStart, positions.count - positionStart)
  }

  private static func width(_ bits: UInt32) -> Int { 32 - bits.leadingZeroBitCount }

  /// Appends a whole group in the order of the kernels.
  private static func appendGroup(_ numbers: [UInt32], _ width: Int, to bytes: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16 * 32) { packed in
      guard let base = packed.baseAddress else { return }
      numbers.withUnsafeBufferPointer { minke_words_pack($0.baseAddress, UInt32(width), base) }
      bytes += UnsafeBufferPointer(rebasing: packed[..<(16 * width)])
    }
  }

  /// Appends numbers close together.
  private static func append(_ numbers: ArraySlice<UInt32>, _ width: Int, to bytes: inout [UInt8]) {
    guard width > 0 else { return }
    var (word, bits): (UInt64, Int) = (0, 0)
    for number in numbers {
      word |= UInt64(number) << UInt64(bits)
      bits += width
      while bits >= 8 {
        bytes.append(UInt8(truncatingIfNeeded: word))
        word >>= 8
        bits -= 8
      }
    }
    if bits > 0 { bytes.append(UInt8(truncatingIfNeeded: word)) }
  }

  /// The codes of three pairs of a frequency and a length: each posting of the group has no higher frequency and no
  /// smaller length than one of them.
  private func bounds(
    _ ordinals: ArraySlice<UInt32>, _ frequencies: ArraySlice<UInt32>, _ lengths: UnsafePointer<UInt32>
  ) -> [UInt8] {
    // For each frequency below 16, and for all above together, the least length.
    var least = [UInt32](repeating: .max, count: 17)
    var highest: UInt32 = 0
    for (ordinal, frequency) in zip(ordinals, frequencies) {
      let place = Int(min(frequency, 16))
      least[place] = min(least[place], lengths[Int(ordinal)])
      highest = max(highest, frequency)
    }
    // From the highest frequency down, those whose least length is below that of all higher ones.
    var pairs: [(frequency: UInt32, length: UInt32)] = []
    for place in stride(from: 16, through: 1, by: -1) where least[place] < pairs.last?.length ?? .max {
      pairs.append((place == 16 ? highest : UInt32(place), least[place]))
    }
    while pairs.count > 3 {
      // Two neighbors become one pair that is above both, where that bounds least.
      let cost = (1..<pairs.count).map { index -> Float in
        let frequency = Float(pairs[index - 1].frequency)
        return frequency / (frequency + 1.2 * (0.25 + 0.75 * Float(pairs[index].length) / meanLength))
      }
      let index = (cost.indices.min { cost[$0] < cost[$1] } ?? 0) + 1
      pairs[index - 1].length = pairs[index].length
      pairs.remove(at: index)
    }
    while pairs.count < 3 { pairs.append(pairs.last ?? (1, 0)) }
    return pairs.flatMap { [BoundCode.frequency($0.frequency), BoundCode.length($0.length)] }
  }
}
