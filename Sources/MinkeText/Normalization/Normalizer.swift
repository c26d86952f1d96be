import MinkeCore

/// One step that rewrites text before it is cut.
enum Normalizer: Sendable {
  case bert(WordRules)
  case unicode(UnicodeNormalization)
  case lowercase
  case stripAccents
  case strip(left: Bool, right: Bool)
  case replace(TextPattern, with: [UInt8])
  case prepend([UInt8])
  case precompiled(PrecompiledCharacters)
  /// What SentencePiece removes from the text of translations, and what it makes a space of.
  case nmt

  /// What becomes of `text`: itself or a part of it, else what is written to `room`, which is empty.
  func apply(_ text: UnsafeBufferPointer<UInt8>, in room: ByteRoom) -> UnsafeBufferPointer<UInt8> {
    if text.isEmpty { return text }
    switch self {
    case .bert(let rules):
      room.append(rules.normalize(text))
      return room.bytes
    case .unicode(let form): return form.apply(text, in: room)
    case .lowercase: return Self.lowercase(text, in: room)
    case .stripAccents:
      let classes = CharacterClass.table
      return Self.map(text, in: room) { classes[$0].contains(.accent) ? nil : $0 }
    case .strip(let left, let right): return Self.strip(text, left, right)
    case .replace(let pattern, let content): return Self.replace(pattern, with: content, text, in: room)
    case .prepend(let prefix):
      room.append(prefix)
      room.append(text)
      return room.bytes
    case .precompiled(let characters): return characters.apply(text, in: room)
    case .nmt: return Self.map(text, in: room, Self.nmtImage)
    }
  }

  /// How many scalars at the beginning of `written`, what this step makes of `text`, stand for the beginning of the text to
  /// encode, as the reference counts: there, what stands in for several characters comes behind them.
  ///
  /// - Parameter count: how many scalars of `text` do, at least one.
  func beginning(
    _ count: Int, of text: UnsafeBufferPointer<UInt8>, in written: UnsafeBufferPointer<UInt8>
  ) -> Int {
    guard !text.isEmpty else { return count }
    var position = 0
    let first = text.decodeScalar(at: &position)
    let classes = CharacterClass.table
    switch self {
    // What a map of characters removes is counted with what stands behind it.
    case .lowercase, .precompiled: return count
    case .prepend(let prefix): return count + prefix.reduce(0) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) }
    case .replace(let pattern, let content):
      guard let match = pattern.match(in: text, from: 0, classes), match.lowerBound == 0 else { return count }
      return !content.isEmpty && match.upperBound == position ? 1 : 0
    case .strip(let left, _):
      if !left || !classes[first].contains(.space) { return count }
    case .unicode:
      if count == 1, first < 0x80 { return 1 }
    case .bert, .stripAccents, .nmt: break
    }
    for _ in 1..<max(1, count) where position < text.count { _ = text.decodeScalar(at: &position) }
    let room = ByteRoom()
    return withExtendedLifetime(room) {
      let image = apply(UnsafeBufferPointer(rebasing: text[..<position]), in: room)
      var equal = 0
      var place = 0
      while place < min(image.count, written.count) {
        var other = place
        guard image.decodeScalar(at: &place) == written.decodeScalar(at: &other) else { break }
        equal += 1
      }
      // A first character that is composed with the next is still the first.
      return image.isEmpty ? 0 : max(1, equal)
    }
  }

  /// The scalars of `text` with their images, nil for none.
  private static func map(
    _ text: UnsafeBufferPointer<UInt8>, in room: ByteRoom, _ image: (UInt32) -> UInt32?
  ) -> UnsafeBufferPointer<UInt8> {
    var copied = 0
    var position = 0
    while position < text.count {
      let start = position
      let scalar = text.decodeScalar(at: &position)
      let image = image(scalar)
      if image == scalar { continue }
      room.append(UnsafeBufferPointer(rebasing: text[copied..<start]))
      if let image { room.append(scalar: image) }
      copied = position
    }
    if copied == 0 { return text }
    room.append(UnsafeBufferPointer(rebasing: text[copied...]))
    return room.bytes
  }

  private static func nmtImage(_ scalar: UInt32) -> UInt32? {
    switch scalar {
    case 0x01...0x08, 0x0b, 0x0e...0x1f, 0x7f, 0x8f, 0x9f: nil
    case 0x09, 0x0a, 0x0c, 0x0d, 0x1680, 0x200b...0x200f, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd: 0x20
    default: scalar
    }
  }

  private static func lowercase(
    _ text: UnsafeBufferPointer<UInt8>, in room: ByteRoom
  ) -> UnsafeBufferPointer<UInt8> {
    let images = lowercaseImages
    var position = 0
    // ASCII is written byte by byte, and nothing else is by far the most frequent.
    room.append(atMost: text.count) { place in
      while position < text.count, text[position] < 0x80 {
        let byte = text[position]
        place[position] = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
        position += 1
      }
      return position
    }
    while position < text.count {
      let scalar = text.decodeScalar(at: &position)
      room.append(scalar: images[scalar] == 0 ? scalar : images[scalar])
      // The one scalar whose lower case is two: a letter and a combining dot above.
      if scalar == 0x130 { room.append(scalar: 0x307) }
    }
    return room.bytes
  }

  private static let lowercaseImages = ScalarTable<UInt32>(0) { images in
    BertUnicodeData.lowercase.forEachUnicodeItem { range, step, image in
      for scalar in stride(from: range.lowerBound, through: range.upperBound, by: step) {
        images[Int(scalar)] = image[0] + scalar - range.lowerBound
      }
    }
    images[0x130] = 0x69
  }

  private static func strip(
    _ text: UnsafeBufferPointer<UInt8>, _ left: Bool, _ right: Bool
  ) -> UnsafeBufferPointer<UInt8> {
    let classes = CharacterClass.table
    var start = 0
    while left, start < text.count {
      var next = start
      guard classes[text.decodeScalar(at: &next)].contains(.space) else { break }
      start = next
    }
    var end = text.count
    while right, end > start {
      var last = end - 1
      while last > start, text[last] & 0xc0 == 0x80 { last -= 1 }
      var next = last
      guard classes[text.decodeScalar(at: &next)].contains(.space) else { break }
      end = last
    }
    return UnsafeBufferPointer(rebasing: text[start..<end])
  }

  private static func replace(
    _ pattern: TextPattern, with content: [UInt8], _ text: UnsafeBufferPointer<UInt8>, in room: ByteRoom
  ) -> UnsafeBufferPointer<UInt8> {
    let classes = CharacterClass.table
    var copied = 0
    while let match = pattern.match(in: text, from: copied, classes) {
      room.append(UnsafeBufferPointer(rebasing: text[copied..<match.lowerBound]))
      room.append(content)
      copied = match.upperBound
    }
    if copied == 0 { return text }
    room.append(UnsafeBufferPointer(rebasing: text[copied...]))
    return room.bytes
  }
}
