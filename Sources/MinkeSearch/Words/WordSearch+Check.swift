import MinkeCore

extension WordSegment {
  /// Reads everything and throws where something does not hold that the search relies on.
  ///
  /// - Throws: `MinkeError` of kind `malformedFile`; what reading blocks throws; `CancellationError`.
  package func check() throws {
    let lengths = try lengths()
    var total = 0
    for ordinal in 0..<count {
      let length = lengths[ordinal]
      guard length <= header.longest else {
        throw WordReader.malformed("at most \(header.longest) words in a passage", found: "\(length)")
      }
      total += length
    }
    guard total == totalLength else { throw WordReader.malformed("\(totalLength) words", found: "\(total)") }

    // What the postings say of each passage's length.
    var words = [Int](repeating: 0, count: count)
    var cursor = DictionaryCursor(self)
    var terms = 0
    while try cursor.next() {
      if terms.isMultiple(of: 1024) { try Workers.checkCancellation() }
      try check(cursor.entry, lengths, &words)
      terms += 1
    }
    guard terms == termCount else { throw WordReader.malformed("\(termCount) different words", found: "\(terms)") }
    for block in 0..<header.dictionaryBlocks {
      let bytes = try blocks.block(header.firstDictionaryBlock + block)
      try withExtendedLifetime(bytes) {
        var words = try DictionaryBlock(bytes.pointer).cursor()
        guard try words.next(), words.term == header.firstTerm(ofBlock: block) else {
          throw WordReader.malformed("the first word that the header names", found: "another")
        }
        // Found from every place in the block, so the table of places holds, too.
        repeat {
          guard try DictionaryBlock(bytes.pointer).entry(of: words.term) == words.entry else {
            throw WordReader.malformed("a word where the table has it", found: "another")
          }
        } while try words.next()
      }
    }
    for ordinal in 0..<count where words[ordinal] != lengths[ordinal] {
      throw WordReader.malformed(
        "\(lengths[ordinal]) words in passage \(id(of: ordinal))", found: "postings of \(words[ordinal])")
    }
  }

  private func check(_ entry: DictionaryEntry, _ lengths: PassageLengths, _ words: inout [Int]) throws {
    let list = try postings(entry)
    let (ordinals, frequencies) = try list.unpacked()
    let positions = try positions(entry)
    for start in stride(from: 0, to: list.count, by: PostingList.group) {
      let range = start..<min(list.count, start + PostingList.group)
      let total = frequencies[range].reduce(0) { $0 + Int($1) }
      let steps = try positions.steps(group: start / PostingList.group, count: range.count, total: total)
      var step = 0
      for index in range {
        let (ordinal, frequency) = (Int(ordinals[index]), Int(frequencies[index]))
        words[ordinal] += frequency
        var position = 0
        for _ in 0..<frequency {
          position += Int(steps[step])
          step += 1
        }
        guard frequency <= lengths[ordinal], position < lengths[ordinal] else {
          throw WordReader.malformed(
            "positions below \(lengths[ordinal]) in passage \(id(of: ordinal))", found: "\(position)")
        }
        guard list.isShort || list.bounds(frequencies[index], lengths[ordinal], group: start / PostingList.group)
        else { throw WordReader.malformed("a bound of the postings", found: "a posting above it") }
      }
    }
  }
}

extension PostingList {
  /// Whether one of the pairs of a group is no less in frequency and no more in length.
  fileprivate func bounds(_ frequency: UInt32, _ length: Int, group: Int) -> Bool {
    let note = notes + group * Self.noteBytes
    return stride(from: 2, to: Self.noteBytes, by: 2).contains { pair in
      BoundCode.frequency(of: note[pair]) >= Float(frequency) && BoundCode.length(of: note[pair + 1]) <= length
    }
  }
}

extension WordSearch {
  /// Reads all segments whole and throws where something does not hold that the search relies on.
  ///
  /// - Throws: `MinkeError` of kind `malformedFile`; what reading blocks throws; `CancellationError`.
  package func check() throws {
    var seen = Set<Int64>()
    for (segment, dead) in core.segments {
      try segment.check()
      if let last = dead.last, last >= segment.count {
        throw WordReader.malformed("dead passages among \(segment.count)", found: "\(last)")
      }
      for (ordinal, id) in segment.ids.enumerated() where !dead.contains(ordinal) {
        guard seen.insert(id).inserted else {
          throw WordReader.malformed("passage \(id) in one segment", found: "it in two")
        }
      }
    }
  }
}
