import GRDB
import MinkeCore
import MinkeSearch

/// What ``Collection/compact(progress:)`` did.
public struct CompactionReport: Sendable, Equatable {
  /// Bytes of the collection before.
  public let bytesBefore: Int
  /// Bytes of the collection now.
  public let bytesAfter: Int
  /// Removed vectors and passages' words that took room until now.
  public let dropped: Int

  package init(bytesBefore: Int, bytesAfter: Int, dropped: Int) {
    (self.bytesBefore, self.bytesAfter, self.dropped) = (bytesBefore, bytesAfter, dropped)
  }
}

extension Collection {
  /// Makes the file as small as it can be, and searches as fast: few parts, nothing of what was removed, no free pages.
  ///
  /// What is found stays the same. The merging is done in transactions of bounded size; at the end the whole file is
  /// written anew, which takes as much room again meanwhile and makes who writes wait.
  /// - Parameter progress: hears how many parts were looked at.
  /// - Throws: `MinkeError` when the file may not be written to, is damaged, or there is no room; `CancellationError`.
  ///   What was merged before stays.
  @discardableResult
  public func compact(progress: ProgressHandler? = nil) throws -> CompactionReport {
    let (before, dropped, parts) = try withState { db, state in
      (
        try db.byteCount(of: path),
        state.vectors.reduce(0) { $0 + $1.range.gone.count } + state.words.reduce(0) { $0 + $1.range.gone.count },
        state.vectors.count + state.words.count
      )
    }
    let meter = ProgressMeter(total: parts, handler: progress)
    try compactVectors(meter)
    try compactWords(meter)
    try removeStrayBlocks()
    try file.writeWithoutTransaction { db in
      try db.execute(sql: "VACUUM")
      // Others that read keep the journal as long as they do.
      _ = try? db.checkpoint(.truncate)
    }
    let after = try file.read { try $0.byteCount(of: path) }
    return CompactionReport(bytesBefore: before, bytesAfter: after, dropped: dropped)
  }

  /// Parts that become others in one transaction.
  private static let partsAtOnce = 64

  /// Fills blocks of vectors one after the other.
  private func compactVectors(_ meter: ProgressMeter) throws {
    var start: Int64 = 0
    while true {
      try Task.checkCancellation()
      let next: Int64? = try file.write { db in
        let state = try state(in: db)
        let format = try state.settings.vectorFormat()
        // Full blocks stay as they are.
        let rest = state.vectors.drop { part in
          part.range.first < start || (part.range.count == format.capacity && part.range.gone.isEmpty)
        }
        let parts = Array(rest.prefix(Self.partsAtOnce))
        guard parts.count > 1 || parts.first?.range.gone.isEmpty == false else { return nil }
        try merge(parts, state.settings, db)
        try db.raiseGeneration()
        meter.advance(by: parts.count)
        // The last one made may have room left; what follows goes on there.
        return parts.count < rest.count ? parts[0].range.first : nil
      }
      guard let next else { return }
      start = next
    }
  }

  private func compactWords(_ meter: ProgressMeter) throws {
    var start: Int64 = 0
    while true {
      try Task.checkCancellation()
      let next: Int64? = try file.write { db in
        let state = try state(in: db)
        let group = Self.compactable(state.words, from: start)
        guard let last = group.last else { return nil }
        if group.count > 1 || !last.range.gone.isEmpty {
          try merge(group, db)
          try db.raiseGeneration()
        }
        meter.advance(by: group.count)
        return last.range.last + 1
      }
      guard let next else { return }
      start = next
    }
  }

  /// Neighbors, from those that begin at passage `start` on, that fit into one part.
  package static func compactable(_ words: [WordPart], from start: Int64) -> [WordPart] {
    var (group, sum): ([WordPart], Int) = ([], 0)
    for part in words where part.range.first >= start {
      guard group.isEmpty || sum + part.range.living <= largestWordPart else { break }
      group.append(part)
      sum += part.range.living
    }
    return group
  }

  /// Removes blocks that belong to nothing.
  private func removeStrayBlocks() throws {
    try file.write { db in
      let state = try state(in: db)
      var owned: [Range<Int64>] = []
      for part in state.vectors {
        owned.append(part.block..<part.block + 1)
        owned.append(part.chunks..<part.chunks + Int64(part.chunkCount))
      }
      for part in state.words { owned.append(part.block..<part.block + Int64(part.blocks)) }
      owned.sort { $0.lowerBound < $1.lowerBound }
      var strays: [Int64] = []
      var next = 0
      try db.forEachRow("SELECT id FROM blocks ORDER BY id", of: "\(path): blocks") { row in
        let id = try row.integer(0)
        while next < owned.count, owned[next].upperBound <= id { next += 1 }
        if next == owned.count || !owned[next].contains(id) { strays.append(id) }
      }
      for id in strays { try db.removeBlocks(id, count: 1) }
    }
  }
}

extension Database {
  /// Bytes of the file as this connection sees it.
  fileprivate func byteCount(of path: String) throws -> Int {
    let (count, size) = ("PRAGMA page_count", "PRAGMA page_size")
    return try (firstRow(count, of: path) { try $0.count(0) } ?? 0)
      * (firstRow(size, of: path) { try $0.count(0) } ?? 0)
  }
}
