import GRDB
import MinkeCore
import MinkeSearch

extension Verification {
  // MARK: Vectors

  mutating func checkVectors(_ settings: CollectionSettings?, _ meter: ProgressMeter) throws {
    let (db, path) = (db, file.path)
    let format = try settings?.vectorFormat()
    var owners: [BlockOwner] = []
    let parts: [VectorPart?] =
      try defects.attempt(.vectors, "vectors") { defects in
        var parts: [VectorPart?] = []
        try db.forEachRow("SELECT \(VectorPart.columns) FROM vectors ORDER BY first", of: "vectors") { row in
          let name = "vectors \(try row.integer(0))"
          let part = try defects.attempt(.vectors, name) { _ in try VectorPart(row) }
          parts.append(part)
          // A row that does not agree with its checksum still says which blocks are taken.
          let (block, chunks) = ((try? row.integer(4)) ?? 0, (try? row.integer(5)) ?? 0)
          let count = (try? row.count(3)) ?? 0
          let width = VectorBlockFormat.chunkVectors
          owners.append(BlockOwner(block, 1, name))
          if chunks != 0 { owners.append(BlockOwner(chunks, (count + width - 1) / width, name)) }
        }
        return parts
      } ?? [nil]
    self.owners += owners
    // Without its settings nothing is known of a vector.
    guard let format else { return }
    let sound = parts.compactMap { $0 }
    try checkOrder(sound.map { ("vectors \($0.id)", $0.range) }, .vectors)
    for part in sound {
      try Task.checkCancellation()
      let name = "vectors \(part.id)"
      if format.hasRows != (part.chunks != 0) {
        defects.add(.vectors, name, "expected \(format.hasRows ? "" : "no ")numbers to score candidates by")
      }
      _ = try defects.attempt(.vectors, name) { defects in
        let block = try db.withBlock(part.block, of: path) {
          try VectorBlock($0, ids: part.allIDs, format: format, subject: name)
        }
        let chunks = try (0..<(format.hasRows ? part.chunkCount : 0)).map {
          try db.block(part.chunks + Int64($0), of: path)
        }
        var runs = IDRuns()
        for position in try block.unsoundPositions(chunks) {
          if let run = runs.add(block.id(at: position)) { defects.add(.vectors, run, Self.unsound) }
        }
        if let run = runs.end() { defects.add(.vectors, run, Self.unsound) }
      }
      meter.advance(by: 1 + part.chunkCount)
    }
    let living = sound.lazy.flatMap { part in part.allIDs.lazy.filter { part.position(of: $0) != nil } }
    try compare(living, "vector", .vectors, isWhole: sound.count == parts.count)
  }

  private static let unsound = "vectors that no encoder gives"

  // MARK: Words

  mutating func checkWords(_ meter: ProgressMeter) throws {
    let (db, file) = (db, file)
    var rows: [(name: String, id: Int64)] = []
    var owners: [BlockOwner] = []
    _ = try defects.attempt(.words, "words") { _ in
      try db.forEachRow("SELECT id, block, blocks FROM words ORDER BY first", of: "words") { row in
        let name = "words \(try row.integer(0))"
        rows.append((name, try row.integer(0)))
        owners.append(BlockOwner((try? row.integer(1)) ?? 0, (try? row.count(2)) ?? 0, name))
      }
    }
    self.owners += owners
    var living: [(name: String, range: PassageRange, ids: [Int64])] = []
    for (name, id) in rows {
      try Task.checkCancellation()
      // Of one part at a time all blocks are in memory: their words and places are looked at together.
      let cache = BlockCache(limit: .max)
      let part = try defects.attempt(.words, name) { _ in
        try db.firstRow("SELECT \(WordPart.columns) FROM words WHERE id = ?", [id], of: name) {
          try WordPart($0, file: file, cache: cache, segment: nil)
        }
      }
      guard let found = part, let part = found else { continue }
      let isSound = try defects.attempt(.words, name) { _ in try part.segment.check() } != nil
      meter.advance(by: part.blocks)
      guard isSound else { continue }
      let ids = part.segment.ids
      guard ids.allSatisfy({ $0 >= part.range.first && $0 <= part.range.last }) else {
        defects.add(.words, name, "expected passages \(part.range.first) to \(part.range.last), found others")
        continue
      }
      living.append((name, part.range, ids.filter { !part.range.gone.contains(Int($0 - part.range.first)) }))
    }
    try checkOrder(living.map { ($0.name, $0.range) }, .words)
    try compare(living.lazy.flatMap { $0.ids }, "words", .words, isWhole: living.count == rows.count)
  }

  // MARK: Blocks

  mutating func checkBlocks(_ meter: ProgressMeter) throws {
    let (db, path) = (db, file.path)
    owners.sort { $0.blocks.lowerBound < $1.blocks.lowerBound }
    for (one, next) in zip(owners, owners.dropFirst()) where one.blocks.upperBound > next.blocks.lowerBound {
      defects.add(.blocks, "block \(next.blocks.lowerBound)", "both \(one.name) and \(next.name) say it is theirs")
    }
    var ids: [Int64] = []
    _ = try defects.attempt(.blocks, "blocks") { _ in
      try db.forEachRow("SELECT id FROM blocks ORDER BY id", of: "blocks") { ids.append(try $0.integer(0)) }
    }
    var (next, expected) = (0, owners.first?.blocks.lowerBound ?? 0)
    /// Reports the blocks of owners that are not there, up to `id`.
    func passOver(_ id: Int64, _ owners: [BlockOwner], _ defects: inout DefectList) {
      while next < owners.count {
        let owner = owners[next]
        let end = min(id, owner.blocks.upperBound)
        if expected < end {
          defects.add(
            .blocks, end - expected == 1 ? "block \(expected)" : "blocks \(expected) to \(end - 1)",
            "they are of \(owner.name) and are not there")
          expected = end
        }
        if owner.blocks.upperBound > id { return }
        next += 1
        expected = max(expected, next < owners.count ? owners[next].blocks.lowerBound : .max)
      }
    }
    for id in ids {
      try Task.checkCancellation()
      passOver(id, owners, &defects)
      if next < owners.count, owners[next].blocks.contains(id) {
        expected = id + 1
      } else {
        defects.add(.blocks, "block \(id)", "it is of nothing that is there; minke collection compact removes it")
      }
      _ = try defects.attempt(.blocks, "block \(id)") { _ in try db.withBlock(id, of: path) { _ in } }
      meter.advance(by: 1)
    }
    passOver(.max, owners, &defects)
  }

  // MARK: Both

  /// Reports parts of one kind that share passages.
  private mutating func checkOrder(_ parts: [(name: String, range: PassageRange)], _ kind: CollectionDefect.Kind) throws
  {
    for (part, next) in zip(parts, parts.dropFirst()) where next.range.first <= part.range.last {
      defects.add(kind, next.name, "it begins at passage \(next.range.first), within \(part.name)")
    }
  }

  /// Compares ids that ascend with those of the passages there are.
  private mutating func compare(
    _ found: some Sequence<Int64>, _ what: String, _ kind: CollectionDefect.Kind, isWhole: Bool
  ) throws {
    let db = db
    var comparison = IDComparison(found, what, kind, isWhole: isWhole)
    _ = try defects.attempt(kind, "passages") { defects in
      try db.forEachRow("SELECT id FROM passages ORDER BY id", of: "passages") { row in
        comparison.pass(try row.integer(0), &defects)
      }
    }
    comparison.end(&defects)
  }
}

extension Verification.BlockOwner {
  init(_ first: Int64, _ count: Int, _ name: String) {
    let first = max(0, first)
    let (end, overflow) = first.addingReportingOverflow(Int64(count))
    self.init(blocks: first..<(overflow ? .max : end), name: name)
  }
}
