#if PostgreSQL
  import MinkeCore
  import MinkeSearch
  import MinkeStore

  /// What a writer counts up. Whoever has it is the only one to write until the end of its transaction.
  struct Counters {
    var nextPassage: Int64
    var nextBlock: Int64

    /// Waits for the writers before.
    init(locking connection: PostgresConnection, _ place: String) throws {
      let row = try connection.query("SELECT next_passage, next_block FROM collection FOR UPDATE").first
      (nextPassage, nextBlock) = (try row?.integer(0) ?? 0, try row?.integer(1) ?? 0)
      guard PassageRange.canBegin(at: nextPassage), PassageRange.canBegin(at: nextBlock) else {
        throw MinkeError(.malformedFile, place, expected: "the counters of a collection", found: "others")
      }
    }

    /// Writes them down, and that something changed.
    func write(to connection: PostgresConnection) throws {
      try connection.query(
        "UPDATE collection SET generation = generation + 1, next_passage = $1, next_block = $2",
        [.integer(nextPassage), .integer(nextBlock)])
    }
  }

  extension PassageRange {
    /// All of some ids, which ascend.
    init(_ ids: [Int64]) { self.init(first: ids.first ?? 1, last: ids.last ?? 1, count: ids.count) }
  }

  extension PostgresConnection {
    /// Adds a part of the index of words.
    func addWords(_ range: PassageRange, _ blocks: [AlignedBuffer<UInt8>], _ counters: inout Counters) throws {
      let first = counters.nextBlock
      try copy(into: "blocks (id, bytes)", columns: 2) { row in
        for (index, block) in blocks.enumerated() {
          row {
            $0.add(first + Int64(index))
            $0.add(block.pointer)
          }
        }
      }
      counters.nextBlock += Int64(blocks.count)
      try query(
        "INSERT INTO words (first_passage, last_passage, count, block, blocks) VALUES ($1, $2, $3, $4, $5)",
        [
          .integer(range.first), .integer(range.last), .integer(Int64(range.count)), .integer(first),
          .integer(Int64(blocks.count)),
        ])
    }

    /// Takes a part of the index of words out.
    func removeWords(_ part: WordPart) throws {
      try query(
        "DELETE FROM blocks WHERE id >= $1 AND id < $2",
        [.integer(part.block), .integer(part.block + Int64(part.blocks))])
      try query("DELETE FROM words WHERE id = $1", [.integer(part.id)])
    }
  }

  extension PostgresCollection {
    /// Merges parts of the index of words, as in a file, so that few are left however the collection grew.
    func tidy() throws {
      while try tidyOnce() {}
    }

    private func tidyOnce() throws -> Bool {
      guard try withState({ _, state in Self.mergeable(state) }) != nil else { return false }
      try database.write { connection in
        var counters = try Counters(locking: connection, location)
        let state = try state(in: connection)
        // Another writer may have been here meanwhile.
        guard let range = Self.mergeable(state) else { return }
        try merge(Array(state.words[range]), connection, &counters)
        try counters.write(to: connection)
      }
      return true
    }

    /// Makes one part of neighbors.
    func merge(_ parts: [WordPart], _ connection: PostgresConnection, _ counters: inout Counters) throws {
      let living = parts.reduce(0) { $0 + $1.range.living }
      let blocks = try WordSegmentBuilder.merge(parts.map { ($0.segment, $0.dead) })
      for part in parts { try connection.removeWords(part) }
      if living > 0, let first = parts.first, let last = parts.last {
        try connection.addWords(
          PassageRange(first: first.range.first, last: last.range.last, count: living), blocks, &counters)
      }
    }

    private static func mergeable(_ state: PostgresState) -> Range<Int>? {
      Collection.mergeable(state.words.map(\.range), limit: Collection.largestWordPart)
    }
  }
#endif
