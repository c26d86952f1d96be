/// The stems of English words by M. F. Porter, "An algorithm for suffix stripping", 1980, whose published vocabulary does
/// not change any more.
///
/// Words are lower-case ASCII; what is no vowel, a digit too, counts as a consonant. Words of one or two letters are their
/// own stems.
struct PorterStemmer {
  /// The most that a word grows by on its way to the stem.
  static let room = 1

  private let word: UnsafeMutablePointer<UInt8>
  private var count: Int
  /// Where the regions begin after the first and the second sequence of vowels and consonants.
  private var first: Int
  private var second: Int

  /// Stems the word of `count` letters at `word`, where there is room for one more, and gives the letters left.
  static func stem(_ word: UnsafeMutablePointer<UInt8>, count: Int) -> Int {
    guard count > 2 else { return count }
    var stemmer = PorterStemmer(word, count: count)
    stemmer.step1()
    stemmer.step2()
    stemmer.step3()
    stemmer.step4()
    stemmer.step5()
    return stemmer.count
  }

  private init(_ word: UnsafeMutablePointer<UInt8>, count: Int) {
    (self.word, self.count) = (word, count)
    (first, second) = (count, count)
    first = end(ofRegionFrom: 0)
    second = end(ofRegionFrom: first)
  }

  /// Where the consonant after the next vowels ends.
  private func end(ofRegionFrom start: Int) -> Int {
    var place = start
    while place < count, !isVowel(place) { place += 1 }
    while place < count, isVowel(place) { place += 1 }
    return min(count, place + 1)
  }

  /// Y is a vowel after a consonant.
  private func isVowel(_ place: Int) -> Bool {
    switch word[place] {
    case UInt8(ascii: "a"), UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "o"), UInt8(ascii: "u"): return true
    case UInt8(ascii: "y"): break
    default: return false
    }
    var start = place
    while start > 0, word[start - 1] == UInt8(ascii: "y") { start -= 1 }
    let followsVowel = start > 0 && isVowel(start - 1)
    // Of several y the first is a vowel where no vowel stands before, and they alternate.
    return ((place - start) % 2 == 0) == (start > 0 && !followsVowel)
  }

  private func hasVowel(before end: Int) -> Bool {
    for place in 0..<end where isVowel(place) { return true }
    return false
  }

  /// Whether the letters before `end` are a consonant, a vowel and a consonant that is not w, x or y.
  private func isShort(before end: Int) -> Bool {
    guard end >= 3, !isVowel(end - 1), isVowel(end - 2), !isVowel(end - 3) else { return false }
    let last = word[end - 1]
    return last != UInt8(ascii: "w") && last != UInt8(ascii: "x") && last != UInt8(ascii: "y")
  }

  private func ends(with suffix: StaticString) -> Bool {
    let length = suffix.utf8CodeUnitCount
    guard length <= count else { return false }
    for place in 0..<length where word[count - length + place] != suffix.utf8Start[place] { return false }
    return true
  }

  /// Puts `ending` in the place of the last `length` letters.
  private mutating func replace(_ length: Int, with ending: StaticString) {
    count -= length
    for place in 0..<ending.utf8CodeUnitCount { word[count + place] = ending.utf8Start[place] }
    count += ending.utf8CodeUnitCount
  }

  /// Replaces the longest suffix that fits, if it lies in the region from `region` on.
  private mutating func replace(_ rules: [(StaticString, StaticString)], in region: Int) {
    for (suffix, ending) in rules where ends(with: suffix) {
      if count - suffix.utf8CodeUnitCount >= region { replace(suffix.utf8CodeUnitCount, with: ending) }
      return
    }
  }

  // MARK: Steps

  private mutating func step1() {
    if ends(with: "sses") || ends(with: "ies") {
      count -= 2
    } else if ends(with: "s"), !ends(with: "ss") {
      count -= 1
    }
    if ends(with: "eed") {
      if count - 3 >= first { count -= 1 }
    } else if ends(with: "ed") && hasVowel(before: count - 2) {
      count -= 2
      restore()
    } else if ends(with: "ing") && hasVowel(before: count - 3) {
      count -= 3
      restore()
    }
    if ends(with: "y"), hasVowel(before: count - 1) { word[count - 1] = UInt8(ascii: "i") }
  }

  /// After a loss of -ed or -ing: the e that belongs there, and one of two equal consonants away.
  private mutating func restore() {
    if ends(with: "at") || ends(with: "bl") || ends(with: "iz") {
      replace(0, with: "e")
    } else if count >= 2, word[count - 1] == word[count - 2], Self.doubles.contains(word[count - 1]) {
      count -= 1
    } else if count == first, isShort(before: count) {
      replace(0, with: "e")
    }
  }

  private static let doubles = Array("bdfgmnprt".utf8)

  private mutating func step2() { replace(Self.rules2, in: first) }
  private mutating func step3() { replace(Self.rules3, in: first) }

  private mutating func step4() {
    for suffix in Self.suffixes4 where ends(with: suffix) {
      let rest = count - suffix.utf8CodeUnitCount
      if rest >= second { count = rest }
      return
    }
    if ends(with: "sion") || ends(with: "tion"), count - 3 >= second { count -= 3 }
  }

  private mutating func step5() {
    if ends(with: "e"), count - 1 >= second || (count - 1 >= first && !isShort(before: count - 1)) { count -= 1 }
    if ends(with: "ll"), count - 1 >= second { count -= 1 }
  }

  // Longer suffixes stand before those that they end with.
  private static let rules2: [(StaticString, StaticString)] = [
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("abli", "able"),
    ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"),
    ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"),
    ("iviti", "ive"), ("biliti", "ble"),
  ]
  private static let rules3: [(StaticString, StaticString)] = [
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", ""),
  ]
  private static let suffixes4: [StaticString] = [
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ou", "ism", "ate", "iti", "ous",
    "ive", "ize",
  ]
}
