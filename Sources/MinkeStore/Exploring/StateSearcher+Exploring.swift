import GRDB
import MinkeCore
import MinkeSearch

extension StateSearcher: PassageExplorer {
  var settings: CollectionSettings { state.settings }
  var wordParts: [WordPart] { state.words }

  // MARK: All vectors

  var partCount: Int { state.vectors.count }

  func ids(ofPart part: Int) -> [Int64] { state.vectors[part].living.map(\.id) }

  func vectors(ofPart number: Int, at positions: [Int]?) throws -> Embeddings {
    let (part, format) = (state.vectors[number], try state.settings.vectorFormat())
    let block = try collection.vectorBlock(of: part, format, db)
    let numbers = try collection.numbers(of: part, block, db)
    let (dimension, living) = (format.dimension, part.living)
    let chosen = positions.map { $0.map { living[$0].position } } ?? living.map(\.position)
    // Mostly nothing was removed.
    let floats =
      chosen.count == block.count
      ? numbers : chosen.flatMap { numbers[$0 * dimension..<($0 + 1) * dimension] }
    return try Embeddings(floats: floats, dimension: dimension).normalized()
  }

  func pairFormat() throws -> VectorBlockFormat { try state.settings.vectorFormat() }

  func pairs(ofPart number: Int) throws -> (block: VectorBlock, removed: [Int])? {
    let part = state.vectors[number]
    return (try collection.vectorBlock(of: part, pairFormat(), db), part.removed)
  }

  func overlap(_ first: Int64, _ second: Int64) throws -> Bool {
    try db.firstRow(
      """
      SELECT 1 FROM passages a JOIN passages b ON b.document = a.document
      WHERE a.id = ? AND b.id = ? AND a.first_byte < b.last_byte AND b.first_byte < a.last_byte
      """, [first, second], of: "\(location): passages"
    ) { _ in true } ?? false
  }

  // MARK: One document

  func places(of document: String) throws -> [PassagePlace]? {
    guard let row = try collection.documentRow(document, db) else { return nil }
    var places: [PassagePlace] = []
    try db.forEachRow(
      "SELECT id, first_line, last_line FROM passages WHERE document = ? ORDER BY id", [row],
      of: "\(location): passages"
    ) { row in
      let (first, last) = (try row.count(1), try row.count(2))
      places.append(PassagePlace(id: try row.integer(0), lines: first...max(first, last)))
    }
    return places
  }

  func mean(of ids: [Int64]) throws -> Embeddings {
    let format = try state.settings.vectorFormat()
    var sum = [Double](repeating: 0, count: format.dimension)
    for id in ids {
      guard let part = state.vectorPart(of: id), let position = part.position(of: id) else {
        throw MinkeError(
          .malformedFile, location, expected: "a vector of passage \(id)",
          found: "none; minke collection verify says more")
      }
      for (index, value) in try numbers(at: position, of: part, format).enumerated() { sum[index] += Double(value) }
    }
    let mean = sum.map { Float($0 / Double(ids.count)) }
    let query = try Embeddings(floats: mean, dimension: format.dimension)
    return state.settings.storage == .binary ? try query.binarized() : query
  }

  /// One vector as it is searched.
  private func numbers(at position: Int, of part: VectorPart, _ format: VectorBlockFormat) throws -> [Float] {
    guard format.hasRows else { return try collection.vectorBlock(of: part, format, db).numbers(at: position) }
    let width = VectorBlockFormat.chunkVectors
    let bytes = try collection.chunk(position / width, of: part, db)
    return try format.numbers(of: position % width, in: bytes).unwrapped {
      MinkeError(
        .malformedFile, "\(location): vectors \(part.id)", expected: "a chunk of vectors", found: "a shorter one")
    }
  }

  func filter(_ condition: DocumentFilter?, excluding ids: [Int64]) throws -> IDFilter {
    let others = IDFilter(excluding: ids)
    guard let wanted = try condition.map({ try filter($0) }) else { return others }
    return IDFilter(where: { wanted.contains($0) && others.contains($0) })
  }

  // MARK: All rows

  func forEachDocument(_ body: (_ id: Int64, _ name: String) throws -> Void) throws {
    try db.forEachRow("SELECT id, name FROM documents ORDER BY id", of: "\(location): documents") { row in
      try body(row.integer(0), row.text(1))
    }
  }

  func forEachPassage(_ body: (_ id: Int64, _ document: Int64) throws -> Void) throws {
    try db.forEachRow("SELECT id, document FROM passages ORDER BY id", of: "\(location): passages") { row in
      try body(row.integer(0), row.integer(1))
    }
  }
}

extension VectorPart {
  /// Where the vectors are that were not removed, with their ids.
  fileprivate var living: [(position: Int, id: Int64)] {
    allIDs.enumerated().filter { !range.gone.contains(Int($1 - range.first)) }.map { (position: $0, id: $1) }
  }
}
