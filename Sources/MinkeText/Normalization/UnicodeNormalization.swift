import MinkeCore

/// The four normalization forms of Unicode (UAX #15), in the version that the reference normalizes with.
///
/// Text that is normalized already, which most is, is looked at once and not copied; of other text only the parts that
/// change are worked on.
enum UnicodeNormalization: UInt8, Sendable {
  case nfd = 1
  case nfkd = 2
  case nfc = 4
  case nfkc = 8

  private var composes: Bool { self == .nfc || self == .nfkc }
  private var isCompatible: Bool { self == .nfkd || self == .nfkc }

  /// `text` in this form: itself where nothing changes, else what is written to `room`, which is empty.
  func apply(_ text: UnsafeBufferPointer<UInt8>, in room: ByteRoom) -> UnsafeBufferPointer<UInt8> {
    let data = Self.data
    let properties = data.properties
    let mask = UInt32(rawValue) << 8
    let raw = UnsafeRawBufferPointer(text)
    var scalars: [UInt32] = []
    var position = 0
    /// Where the last scalar begins, which one behind it may change.
    var last = 0
    var copied = 0
    while position < text.count {
      if text[position] < 0x80 {
        if position + 8 <= text.count,
          raw.loadUnaligned(fromByteOffset: position, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
          last = position + 7
          position += 8
        } else {
          last = position
          position += 1
        }
        continue
      }
      let start = position
      let scalar = text.decodeScalar(at: &position)
      if properties[scalar] & mask == 0 {
        last = start
        continue
      }
      // From the scalar before up to the next that neither changes nor combines with what stands before it.
      room.append(UnsafeBufferPointer(rebasing: text[copied..<last]))
      scalars.removeAll(keepingCapacity: true)
      var place = last
      while place < start { data.decompose(text.decodeScalar(at: &place), isCompatible, into: &scalars) }
      data.decompose(scalar, isCompatible, into: &scalars)
      while position < text.count {
        var next = position
        let scalar = text.decodeScalar(at: &next)
        if properties[scalar] & mask == 0 { break }
        data.decompose(scalar, isCompatible, into: &scalars)
        position = next
      }
      Self.order(&scalars)
      if composes { data.compose(&scalars) }
      for scalar in scalars { room.append(scalar: scalar & 0x1f_ffff) }
      (copied, last) = (position, position)
    }
    if copied == 0, room.count == 0 { return text }
    room.append(UnsafeBufferPointer(rebasing: text[copied...]))
    return room.bytes
  }

  /// Sorts each run of nonstarters by combining class, those of one class as they stand.
  private static func order(_ scalars: inout [UInt32]) {
    var index = 0
    while index < scalars.count {
      guard scalars[index] >> 24 != 0 else {
        index += 1
        continue
      }
      var end = index + 1
      var isSorted = true
      while end < scalars.count, scalars[end] >> 24 != 0 {
        isSorted = isSorted && scalars[end - 1] >> 24 <= scalars[end] >> 24
        end += 1
      }
      // Swift's sort is stable.
      if !isSorted { scalars[index..<end].sort { $0 >> 24 < $1 >> 24 } }
      index = end
    }
  }

  private static let data = NormalizationTables()
}

/// Decompositions and compositions, as the normalization forms need them.
///
/// Scalars being worked on carry their combining class in the upper 8 bits.
private final class NormalizationTables: Sendable {
  /// The combining class, and from bit 8 on the forms that a scalar may change in.
  let properties: ScalarTable<UInt32>
  /// The place of a decomposition in `parts`, times 32, and its length; 0 for a scalar that has none.
  private let canonical: ScalarTable<UInt32>
  private let compatible: ScalarTable<UInt32>
  private let parts: [UInt32]
  /// What two scalars compose to.
  private let compositions: [UInt64: UInt32]

  private enum Hangul {
    static let syllables: ClosedRange<UInt32> = 0xac00...0xd7a3
    static let (leading, vowel, trailing): (UInt32, UInt32, UInt32) = (0x1100, 0x1161, 0x11a7)
    static let (vowels, trailings): (UInt32, UInt32) = (21, 28)
  }

  init() {
    var composing: [UInt32: [UInt32]] = [:]
    var excluded: [UInt32: [UInt32]] = [:]
    var compatibility: [UInt32: [UInt32]] = [:]
    func read(_ table: StaticString, into images: inout [UInt32: [UInt32]]) {
      table.forEachUnicodeItem { range, _, image in
        for scalar in range {
          images[scalar] = image.count == 1 ? [image[0] + scalar - range.lowerBound] : image
        }
      }
    }
    read(UnicodeNormalizationData.composing, into: &composing)
    read(UnicodeNormalizationData.excluded, into: &excluded)
    read(UnicodeNormalizationData.compatibility, into: &compatibility)
    var compositions: [UInt64: UInt32] = [:]
    for (scalar, image) in composing where image.count == 2 {
      compositions[UInt64(image[0]) << 32 | UInt64(image[1])] = scalar
    }
    self.compositions = compositions
    var classes: [UInt32: UInt32] = [:]
    UnicodeNormalizationData.combiningClasses.forEachUnicodeItem { range, _, image in
      for scalar in range { classes[scalar] = image[0] }
    }
    func canonicalParts(_ scalar: UInt32) -> [UInt32] {
      if let image = excluded[scalar] { return image }
      guard let image = composing[scalar] else { return [scalar] }
      return canonicalParts(image[0]) + image[1...]
    }
    var parts: [UInt32] = []
    func place(_ image: [UInt32]) -> UInt32 {
      let place = UInt32(parts.count) << 5 | UInt32(image.count)
      parts += image.map { $0 | (classes[$0] ?? 0) << 24 }
      return place
    }
    typealias Form = UnicodeNormalization
    canonical = ScalarTable<UInt32>(0) { places in
      for scalar in composing.keys { places[Int(scalar)] = place(canonicalParts(scalar)) }
      for (scalar, image) in excluded { places[Int(scalar)] = place(image) }
    }
    compatible = ScalarTable<UInt32>(0) { places in
      for scalar in composing.keys { places[Int(scalar)] = place(canonicalParts(scalar)) }
      for (scalar, image) in excluded { places[Int(scalar)] = place(image) }
      for (scalar, image) in compatibility { places[Int(scalar)] = place(image) }
    }
    self.parts = parts
    properties = ScalarTable<UInt32>(0) { properties in
      func mark(_ scalar: UInt32, _ forms: Form...) {
        for form in forms { properties[Int(scalar)] |= UInt32(form.rawValue) << 8 }
      }
      for scalar in composing.keys { mark(scalar, .nfd, .nfkd) }
      for scalar in Hangul.syllables { mark(scalar, .nfd, .nfkd) }
      for scalar in excluded.keys { mark(scalar, .nfd, .nfkd, .nfc, .nfkc) }
      for scalar in compatibility.keys { mark(scalar, .nfkd, .nfkc) }
      for (scalar, value) in classes {
        properties[Int(scalar)] |= value
        mark(scalar, .nfd, .nfkd, .nfc, .nfkc)
      }
      // What may compose with the scalar before it.
      for image in composing.values where image.count == 2 { mark(image[1], .nfc, .nfkc) }
      for scalar in Hangul.vowel..<Hangul.vowel + Hangul.vowels { mark(scalar, .nfc, .nfkc) }
      for scalar in Hangul.trailing + 1..<Hangul.trailing + Hangul.trailings { mark(scalar, .nfc, .nfkc) }
    }
  }

  /// Appends the decomposition of `scalar`, each part with its combining class.
  func decompose(_ scalar: UInt32, _ isCompatible: Bool, into scalars: inout [UInt32]) {
    if Hangul.syllables.contains(scalar) {
      let index = scalar - Hangul.syllables.lowerBound
      scalars.append(Hangul.leading + index / (Hangul.vowels * Hangul.trailings))
      scalars.append(Hangul.vowel + index % (Hangul.vowels * Hangul.trailings) / Hangul.trailings)
      let trailing = index % Hangul.trailings
      if trailing > 0 { scalars.append(Hangul.trailing + trailing) }
      return
    }
    let place = isCompatible ? compatible[scalar] : canonical[scalar]
    if place == 0 {
      scalars.append(scalar | (properties[scalar] & 0xff) << 24)
    } else {
      scalars += parts[Int(place >> 5)..<Int(place >> 5) + Int(place & 31)]
    }
  }

  /// Composes what is decomposed and in order.
  func compose(_ scalars: inout [UInt32]) {
    var starter: Int?
    // The class of the scalar before, -1 right behind the starter.
    var before = -1
    var count = 0
    for index in scalars.indices {
      let scalar = scalars[index]
      let combining = Int(scalar >> 24)
      if let starter, before < combining, let composed = composition(scalars[starter], scalar & 0x1f_ffff) {
        scalars[starter] = composed
        continue
      }
      if combining == 0 {
        starter = count
        before = -1
      } else {
        before = combining
      }
      scalars[count] = scalar
      count += 1
    }
    scalars.removeSubrange(count...)
  }

  private func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if first >= Hangul.leading, first < Hangul.leading + 19, second >= Hangul.vowel,
      second < Hangul.vowel + Hangul.vowels
    {
      return Hangul.syllables.lowerBound
        + ((first - Hangul.leading) * Hangul.vowels + second - Hangul.vowel) * Hangul.trailings
    }
    if Hangul.syllables.contains(first), (first - Hangul.syllables.lowerBound) % Hangul.trailings == 0,
      second > Hangul.trailing, second < Hangul.trailing + Hangul.trailings
    {
      return first + second - Hangul.trailing
    }
    return compositions[UInt64(first) << 32 | UInt64(second)]
  }
}
