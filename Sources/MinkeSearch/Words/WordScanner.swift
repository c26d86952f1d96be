/// Takes the words of a text one after the other.
protocol WordSink {
  /// A folded word, not stemmed, of 1 to ``WordScanner/longest`` bytes. They lie in memory of ``WordScanner/room`` bytes,
  /// which may be written to during the call.
  ///
  /// - Parameters:
  ///   - position: its place in the text, counted in words; words at one place stand for the same letters.
  ///   - isExtra: whether other words at this place and after it spell the same in parts.
  mutating func take(_ word: UnsafeMutablePointer<UInt8>, count: Int, position: UInt32, isExtra: Bool)
}

/// Cuts texts into folded words by the rules that ``WordAnalyzer`` states.
struct WordScanner: ~Copyable {
  /// The most bytes of a word that count.
  static let longest = 64
  /// Bytes of memory of a word: 8 more for reading whole, and for what stemming may add.
  static let room = 80
  /// Letters that run on for longer are cut.
  private static let longestRun = 256

  private let dropsPossessives: Bool
  private let word: UnsafeMutablePointer<UInt8>
  /// The letters and digits of a run that has parts, folded, and where its parts begin.
  private var run: [UInt8] = []
  private var parts: [Int] = []
  private var leastLetters = 1
  /// The last letter of a script without spaces and the one before.
  private var unit: [UInt8] = []
  private var unitBefore: [UInt8] = []

  /// - Parameter dropsPossessives: whether the 's of a word is left out.
  init(dropsPossessives: Bool) {
    self.dropsPossessives = dropsPossessives
    word = .allocate(capacity: Self.room)
    word.initialize(repeating: 0, count: Self.room)
  }

  deinit { word.deallocate() }

  /// The kinds of bytes.
  private enum Byte {
    static let separator: UInt8 = 0
    static let lower: UInt8 = 1
    static let digit: UInt8 = 2
    static let upper: UInt8 = 3
    static let underscore: UInt8 = 4
    static let point: UInt8 = 5
    static let multibyte: UInt8 = 6
  }

  private static let kinds: [UInt8] = (0..<256).map { value in
    switch UInt8(value) {
    case UInt8(ascii: "a")...UInt8(ascii: "z"): Byte.lower
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Byte.digit
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): Byte.upper
    case UInt8(ascii: "_"): Byte.underscore
    case UInt8(ascii: "."), UInt8(ascii: ","): Byte.point
    case 0x80...: Byte.multibyte
    default: Byte.separator
    }
  }

  /// Hands the words of `text`, UTF-8, to `sink`. Bytes that are no UTF-8 separate words.
  mutating func scan<Sink: WordSink>(_ text: UnsafeBufferPointer<UInt8>, into sink: inout Sink) {
    Self.kinds.withUnsafeBufferPointer { kinds in
      guard let kinds = kinds.baseAddress else { return }
      scan(text, kinds, into: &sink)
    }
  }

  @inline(__always)
  private mutating func scan<Sink: WordSink>(
    _ text: UnsafeBufferPointer<UInt8>, _ kinds: UnsafePointer<UInt8>, into sink: inout Sink
  ) {
    guard let bytes = text.baseAddress else { return }
    let end = text.count
    var place = 0
    var position: UInt32 = 0
    while place < end {
      var kind = kinds[Int(bytes[place])]
      if kind == Byte.separator || kind == Byte.underscore || kind == Byte.point {
        place += 1
        continue
      }
      // Plain words of ASCII: no more than one capital, at the start, or nothing but capitals.
      var count = 0
      var lowers = 0
      var uppers = 0
      var isPlain = true
      var next = place
      while true {
        switch kind {
        case Byte.lower, Byte.digit:
          word[count] = bytes[next]
          lowers += 1
          if uppers > 1 { isPlain = false }
        case Byte.upper:
          word[count] = bytes[next] | 0x20
          uppers += 1
          if lowers > 0 { isPlain = false }
        case Byte.point:
          isPlain = isPlain && !joinsDigits(bytes, next, end, kinds)
          kind = Byte.separator
        case Byte.underscore, Byte.multibyte:
          // The end of a sentence in typographic quotes is a plain end, too, but not worth telling apart.
          isPlain = false
        default: break
        }
        if kind == Byte.separator || !isPlain { break }
        count += 1
        next += 1
        if next == end { break }
        if count == Self.longest {
          isPlain = false
          break
        }
        kind = kinds[Int(bytes[next])]
      }
      if isPlain {
        sink.take(word, count: count, position: position, isExtra: false)
        position += 1
        place = next
      } else {
        place = scanRun(text, place, kinds, &position, into: &sink)
      }
      if place < end, dropsPossessives { place = skipPossessive(bytes, place, end, kinds) }
    }
  }

  /// Whether the point or comma at `place` stands within a number: before a digit, or a comma before three of them.
  @inline(__always)
  private func joinsDigits(
    _ bytes: UnsafePointer<UInt8>, _ place: Int, _ end: Int, _ kinds: UnsafePointer<UInt8>
  ) -> Bool {
    func isDigit(_ place: Int) -> Bool { place >= 0 && place < end && kinds[Int(bytes[place])] == Byte.digit }
    guard isDigit(place - 1), isDigit(place + 1) else { return false }
    return bytes[place] == UInt8(ascii: ".") || (isDigit(place + 2) && isDigit(place + 3) && !isDigit(place + 4))
  }

  /// Where the text goes on after an apostrophe and an s that end a word at `place`, if they do.
  @inline(__always)
  private func skipPossessive(
    _ bytes: UnsafePointer<UInt8>, _ place: Int, _ end: Int, _ kinds: UnsafePointer<UInt8>
  ) -> Int {
    var after = place
    if bytes[place] == UInt8(ascii: "'") {
      after += 1
    } else if bytes[place] == 0xe2, place + 2 < end, bytes[place + 1] == 0x80, bytes[place + 2] == 0x99 {
      after += 3
    } else {
      return place
    }
    guard after < end, bytes[after] | 0x20 == UInt8(ascii: "s") else { return place }
    after += 1
    if after < end {
      let kind = kinds[Int(bytes[after])]
      if kind != Byte.separator, kind != Byte.point { return place }
    }
    return after
  }

  // MARK: Runs with parts, and all beyond ASCII

  /// Hands over the words of the run of letters that begins at `start`, and gives where it ends.
  private mutating func scanRun<Sink: WordSink>(
    _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ kinds: UnsafePointer<UInt8>, _ position: inout UInt32,
    into sink: inout Sink
  ) -> Int {
    guard let bytes = text.baseAddress else { return start }
    let end = text.count
    var place = start
    run.removeAll(keepingCapacity: true)
    parts.removeAll(keepingCapacity: true)
    unit.removeAll(keepingCapacity: true)
    unitBefore.removeAll(keepingCapacity: true)
    // The kinds of the last byte and of the one before, 0 at the start of a part and after letters beyond ASCII.
    var (last, before): (UInt8, UInt8) = (0, 0)
    scalars: while place < end, run.count < Self.longestRun {
      let kind = kinds[Int(bytes[place])]
      switch kind {
      case Byte.lower, Byte.digit, Byte.upper:
        if !unit.isEmpty { break scalars }
        if kind == Byte.upper, last == Byte.lower || last == Byte.digit {
          markPart(run.count, least: 2)
        } else if kind == Byte.lower, last == Byte.upper, before == Byte.upper {
          // The plural of an acronym is no part.
          markPart(run.count - 1, least: 3)
        }
        run.append(kind == Byte.upper ? bytes[place] | 0x20 : bytes[place])
        (before, last) = (last, kind)
        place += 1
      case Byte.underscore:
        var next = place + 1
        while next < end, kinds[Int(bytes[next])] == Byte.underscore { next += 1 }
        let joins =
          next < end && [Byte.lower, Byte.digit, Byte.upper, Byte.multibyte].contains(kinds[Int(bytes[next])])
        guard joins, !run.isEmpty else { break scalars }
        markPart(run.count, least: 1)
        (before, last) = (0, 0)
        place = next
      case Byte.point:
        guard !run.isEmpty, joinsDigits(bytes, place, end, kinds) else { break scalars }
        if bytes[place] == UInt8(ascii: ".") { run.append(bytes[place]) }
        markPart(run.count, least: 1)
        (before, last) = (0, 0)
        place += 1
      case Byte.multibyte:
        var next = place
        let scalar = Self.decode(bytes, &next, end)
        let entry = WordScalars.all[scalar]
        switch entry.kind {
        case .separator:
          if run.isEmpty, unit.isEmpty { place = next }
          break scalars
        case .ignored: break
        case .letter:
          if !unit.isEmpty { break scalars }
          Self.append(scalar, entry, to: &run)
        case .mark:
          if unit.isEmpty {
            Self.append(scalar, entry, to: &run)
          } else if unit.count < 24 {
            Self.append(scalar, entry, to: &unit)
          }
        case .spaceless:
          if !run.isEmpty { break scalars }
          takeUnit(&position, into: &sink)
          Self.append(scalar, entry, to: &unit)
        }
        (before, last) = (0, 0)
        place = next
      default: break scalars
      }
    }
    if !unit.isEmpty {
      takeUnit(&position, into: &sink)
    } else if !run.isEmpty {
      takeRun(&position, into: &sink)
    }
    return max(place, start + 1)
  }

  /// Notes that a part begins at `place`, if it and the one before it are not too short.
  ///
  /// - Parameter least: letters that the part must have; 1 where more than a change of case speaks for it.
  private mutating func markPart(_ place: Int, least: Int) {
    dropShortPart(endingAt: place)
    guard place - (parts.last ?? 0) >= min(least, 2) else { return }
    parts.append(place)
    leastLetters = least
  }

  private mutating func dropShortPart(endingAt end: Int) {
    if let last = parts.last, end - last < leastLetters { parts.removeLast() }
  }

  /// Hands over a run: the whole, if it has parts, and its parts.
  private mutating func takeRun<Sink: WordSink>(_ position: inout UInt32, into sink: inout Sink) {
    dropShortPart(endingAt: run.count)
    if !parts.isEmpty { take(0..<run.count, position, isExtra: true, into: &sink) }
    var start = 0
    for part in parts + [run.count] {
      // The point of a number belongs to the whole alone.
      let end = part > start && run[part - 1] == UInt8(ascii: ".") ? part - 1 : part
      if end > start {
        take(start..<end, position, isExtra: false, into: &sink)
        position += 1
      }
      start = part
    }
  }

  /// Hands over the last letter of a script without spaces, and the pair of it and the one before.
  private mutating func takeUnit<Sink: WordSink>(_ position: inout UInt32, into sink: inout Sink) {
    guard !unit.isEmpty else { return }
    run.append(contentsOf: unit)
    take(0..<run.count, position, isExtra: false, into: &sink)
    if !unitBefore.isEmpty {
      run.replaceSubrange(0..<0, with: unitBefore)
      take(0..<run.count, position - 1, isExtra: true, into: &sink)
    }
    run.removeAll(keepingCapacity: true)
    position += 1
    swap(&unit, &unitBefore)
    unit.removeAll(keepingCapacity: true)
  }

  private mutating func take<Sink: WordSink>(
    _ range: Range<Int>, _ position: UInt32, isExtra: Bool, into sink: inout Sink
  ) {
    var count = range.count
    if count > Self.longest {
      count = Self.longest
      // Not within a scalar.
      while count > 1, run[range.lowerBound + count] & 0xc0 == 0x80 { count -= 1 }
    }
    for place in 0..<count { word[place] = run[range.lowerBound + place] }
    sink.take(word, count: count, position: position, isExtra: isExtra)
  }

  /// Appends what a scalar becomes.
  private static func append(_ scalar: UInt32, _ entry: WordScalars.Entry, to bytes: inout [UInt8]) {
    func append(_ scalar: UInt32) {
      if let scalar = Unicode.Scalar(scalar) {
        bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      }
    }
    if entry.isSequence {
      for part in WordScalars.all.sequence(entry) { append(part) }
    } else {
      append(entry.value == 0 ? scalar : entry.value)
    }
  }

  /// The scalar of several bytes at `place`, which moves behind it; 0 for a byte that begins none.
  private static func decode(_ bytes: UnsafePointer<UInt8>, _ place: inout Int, _ end: Int) -> UInt32 {
    let lead = bytes[place]
    place += 1
    let (length, first, least): (Int, UInt32, UInt32)
    switch lead {
    case 0xc2...0xdf: (length, first, least) = (1, UInt32(lead & 0x1f), 0x80)
    case 0xe0...0xef: (length, first, least) = (2, UInt32(lead & 0x0f), 0x800)
    case 0xf0...0xf4: (length, first, least) = (3, UInt32(lead & 0x07), 0x10000)
    default: return 0
    }
    guard place + length <= end else { return 0 }
    var scalar = first
    for offset in 0..<length {
      let byte = bytes[place + offset]
      guard byte & 0xc0 == 0x80 else { return 0 }
      scalar = scalar << 6 | UInt32(byte & 0x3f)
    }
    guard scalar >= least, scalar < 0x11_0000, !(0xd800...0xdfff).contains(scalar) else { return 0 }
    place += length
    return scalar
  }
}
