import GRDB
import MinkeCore
import MinkeSearch

extension Collection {
  /// Merges parts so that few are left however the collection grew: each transaction adds one of each kind, and every
  /// search asks all of them.
  ///
  /// Neighbors of like size become one, as in a log-structured merge tree, so that each passage is merged a few times in
  /// its life; a part half of which is gone is written anew without it.
  func tidy() throws {
    while try tidyOnce() {}
  }

  /// Passages of a part of words, at most: what one transaction writes anew is bounded by it.
  package static let largestWordPart = 1 << 18
  /// Neighbors of like size that become one.
  private static let fanOut = 8

  private func tidyOnce() throws -> Bool {
    let (words, vectors) = try withState { _, state in
      (
        Self.mergeable(state.words.map(\.range), limit: Self.largestWordPart),
        Self.mergeable(state.vectors.map(\.range), limit: try state.settings.vectorFormat().capacity)
      )
    }
    guard words != nil || vectors != nil else { return false }
    try file.write { db in
      let state = try state(in: db)
      let capacity = try state.settings.vectorFormat().capacity
      // Another process may have been here meanwhile.
      if let range = Self.mergeable(state.words.map(\.range), limit: Self.largestWordPart) {
        try merge(Array(state.words[range]), db)
      }
      if let range = Self.mergeable(state.vectors.map(\.range), limit: capacity) {
        try merge(Array(state.vectors[range]), state.settings, db)
      }
      try db.raiseGeneration()
    }
    return true
  }

  /// Neighbors to be merged next; nil where all is well.
  package static func mergeable(_ parts: [PassageRange], limit: Int) -> Range<Int>? {
    func tier(_ count: Int) -> Int {
      var (tier, size) = (0, 64)
      while size < count { (tier, size) = (tier + 1, size * fanOut) }
      return tier
    }
    // A part that is half empty is written anew, with a neighbor where both fit together.
    for (index, part) in parts.enumerated() where part.gone.count * 2 > part.count {
      if index + 1 < parts.count, part.living + parts[index + 1].living <= limit { return index..<index + 2 }
      if index > 0, part.living + parts[index - 1].living <= limit { return index - 1..<index + 1 }
      return index..<index + 1
    }
    // From the newest on, a run of parts of no larger tier; enough of them become one.
    var end = parts.count
    while end > 0 {
      let level = tier(parts[end - 1].living)
      var start = end - 1
      var sum = parts[start].living
      while start > 0, tier(parts[start - 1].living) <= level, sum + parts[start - 1].living <= limit {
        start -= 1
        sum += parts[start].living
      }
      if end - start >= fanOut { return start..<end }
      end -= 1
      // Smaller tiers were looked at; go on with the next larger one.
      while end > 0, tier(parts[end - 1].living) <= level { end -= 1 }
    }
    return nil
  }

  /// Makes one part of neighbors.
  func merge(_ parts: [WordPart], _ db: Database) throws {
    guard let first = parts.first, let last = parts.last else { return }
    let living = parts.reduce(0) { $0 + $1.range.living }
    let blocks = try WordSegmentBuilder.merge(parts.map { ($0.segment, $0.dead) })
    for part in parts { try part.remove(from: db) }
    if living > 0 {
      try WordPart.add(first: first.range.first, last: last.range.last, count: living, blocks: blocks, to: db)
    }
  }

  /// Makes parts of neighbors that are full, but for the last.
  func merge(_ parts: [VectorPart], _ settings: CollectionSettings, _ db: Database) throws {
    let format = try settings.vectorFormat()
    var ids: [Int64] = []
    var sources: [(block: VectorBlock, chunks: [SharedBuffer<UInt8>], positions: [Int])] = []
    func write() throws {
      guard !ids.isEmpty else { return }
      let made = try format.merge(sources)
      let block = try db.addBlock(made.block)
      let chunks = try db.addBlocks(made.chunks)
      try VectorPart.add(ids, block: block, chunks: chunks, to: db)
      (ids, sources) = ([], [])
    }
    for part in parts {
      let block = try vectorBlock(of: part, format, db)
      let chunks = try (0..<part.chunkCount).map { try db.block(part.chunks + Int64($0), of: path) }
      let all = part.allIDs
      var positions = all.indices.filter { !part.range.gone.contains(Int(all[$0] - part.range.first)) }[...]
      while !positions.isEmpty {
        if ids.count == format.capacity { try write() }
        let piece = Array(positions.prefix(format.capacity - ids.count))
        positions = positions.dropFirst(piece.count)
        ids += piece.map { all[$0] }
        sources.append((block, chunks, piece))
      }
    }
    try write()
    for part in parts { try part.remove(from: db) }
  }

  /// The vectors of a part.
  ///
  /// - Parameter memory: where they are to lie when they are read now.
  func vectorBlock(
    of part: VectorPart, _ format: VectorBlockFormat, in memory: VectorBlockMemory? = nil, _ db: Database
  ) throws -> VectorBlock {
    try cache.vectors(part.block) {
      try db.withBlock(part.block, of: path) {
        try VectorBlock($0, ids: part.allIDs, format: format, in: memory, subject: "\(path): block \(part.block)")
      }
    }
  }

  /// A chunk of the numbers that candidates are scored by.
  func chunk(_ number: Int, of part: VectorPart, _ db: Database) throws -> SharedBuffer<UInt8> {
    let id = part.chunks + Int64(number)
    return try cache.bytes(id) { try db.block(id, of: path) }
  }
}
