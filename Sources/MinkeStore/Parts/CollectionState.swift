import GRDB
import MinkeCore
import MinkeSearch

/// What a collection consists of at one moment: its parts in the order of their passages.
struct CollectionState: Sendable {
  /// Rises with every transaction that changes anything.
  let generation: Int64
  let settings: CollectionSettings
  let vectors: [VectorPart]
  let words: [WordPart]

  /// Passages that can be found.
  var passageCount: Int { vectors.reduce(0) { $0 + $1.range.living } }

  /// The part that holds the vector of a passage.
  func vectorPart(of id: Int64) -> VectorPart? {
    var (low, high) = (0, vectors.count)
    while low < high {
      let middle = (low + high) / 2
      if vectors[middle].range.last < id { low = middle + 1 } else { high = middle }
    }
    return low < vectors.count && vectors[low].range.first <= id ? vectors[low] : nil
  }

  /// Reads the state that `db` sees; what is as it was is taken from `known`.
  static func read(
    _ db: Database, _ file: CollectionFile, _ cache: BlockCache, known: CollectionState?
  ) throws -> CollectionState {
    let generation = try db.generation(of: file.path)
    if let known, known.generation == generation { return known }
    let settings = try CollectionSettings(reading: db, of: file.path)
    var vectorsByID: [Int64: VectorPart] = [:]
    for part in known?.vectors ?? [] { vectorsByID[part.id] = part }
    var wordsByID: [Int64: WordPart] = [:]
    for part in known?.words ?? [] { wordsByID[part.id] = part }

    // Rows are small but for what was removed, which is read only where it changed.
    var vectors: [VectorPart] = []
    var changed: [Int64] = []
    try db.forEachRow("SELECT id, removed FROM vectors ORDER BY first", of: "\(file.path): vectors") { row in
      let (id, removed) = (try row.integer(0), try row.count(1))
      if let part = vectorsByID[id], part.range.gone.count == removed {
        vectors.append(part)
      } else {
        changed.append(id)
      }
    }
    for id in changed {
      let part = try db.firstRow(
        "SELECT \(VectorPart.columns) FROM vectors WHERE id = ?", [id], of: "\(file.path): vectors \(id)"
      ) { try VectorPart($0) }
      if let part { vectors.append(part) }
    }
    var words: [WordPart] = []
    changed = []
    try db.forEachRow("SELECT id, removed FROM words ORDER BY first", of: "\(file.path): words") { row in
      let (id, removed) = (try row.integer(0), try row.count(1))
      if let part = wordsByID[id], part.range.gone.count == removed { words.append(part) } else { changed.append(id) }
    }
    for id in changed {
      let part = try db.firstRow(
        "SELECT \(WordPart.columns) FROM words WHERE id = ?", [id], of: "\(file.path): words \(id)"
      ) { try WordPart($0, file: file, cache: cache, segment: wordsByID[id]?.segment) }
      if let part { words.append(part) }
    }
    vectors.sort { $0.range.first < $1.range.first }
    words.sort { $0.range.first < $1.range.first }
    for parts in [vectors.map(\.range), words.map(\.range)] {
      for (part, next) in zip(parts, parts.dropFirst()) where next.first <= part.last {
        throw MinkeError(.malformedFile, file.path, expected: "parts that do not overlap", found: "two that do")
      }
    }
    return CollectionState(generation: generation, settings: settings, vectors: vectors, words: words)
  }
}

extension Database {
  func generation(of path: String) throws -> Int64 {
    let found = try firstRow("SELECT value FROM properties WHERE name = 'generation'", of: "\(path): properties") {
      try $0.integer(0)
    }
    return try found.unwrapped { MinkeError(.malformedFile, path, expected: "a generation", found: "none") }
  }

  /// Notes that something changed.
  func raiseGeneration() throws { try run("UPDATE properties SET value = value + 1 WHERE name = 'generation'") }
}
