import GRDB
import Minke
import MinkeCore
import MinkeModels
import MinkeSearch

extension Collection {
  /// The passages whose meaning is nearest to that of a passage that is held, the nearest first; itself is left out.
  ///
  /// - Parameters:
  ///   - document: the id or the path of the document.
  ///   - line: a line of the document; of passages that share it, the one in whose middle it is counts, and of a line
  ///     between passages the nearest. Nil compares with the whole document, the mean of its passages, and leaves all of
  ///     it out.
  ///   - options: how many are given, and from among what. Words do not count.
  /// - Throws: `MinkeError` of kind `notFound` when there is no such document or it has no text, `invalidArgument` when
  ///   `line` is below 1 or an option out of its range, and when the file is damaged; `CancellationError`.
  public func similar(
    to document: String, line: Int? = nil, options: CollectionSearchOptions = CollectionSearchOptions()
  ) throws -> [FoundPassage] {
    try options.search.check()
    guard line ?? 1 > 0 else {
      throw MinkeError(.invalidArgument, "line", expected: "1 or more", found: "\(line ?? 0)")
    }
    return try withState { db, state in
      let own = try passages(of: document, at: line, db)
      let searcher = StateSearcher(collection: self, db: db, state: state)
      let query = try mean(of: own, state, db)
      let others = IDFilter(excluding: own)
      let filter = try options.filter.map { try searcher.filter($0) }
        .map { wanted in IDFilter(where: { wanted.contains($0) && others.contains($0) }) }
      var options = options
      options.search.mode = .meaning
      let ranking = try Ranking(
        options.search, queries: 1, of: state.passageCount,
        meaning: { _, k in try searcher.nearest(query, k: k, among: filter ?? others) }, words: { _, _ in { [[]] } })
      return try searcher.passages(ranking, 0, options)
    }
  }

  static func missing(_ id: Int64, _ path: String) -> MinkeError {
    MinkeError(
      .malformedFile, path, expected: "passage \(id)", found: "none; minke collection verify says more")
  }

  /// The passage at a line of a document, or all of it.
  private func passages(of document: String, at line: Int?, _ db: Database) throws -> [Int64] {
    guard let row = try documentRow(document, db) else {
      throw MinkeError(.notFound, document, expected: "a document of \(path)", found: "none")
    }
    var places: [(id: Int64, first: Int, last: Int)] = []
    try db.forEachRow(
      "SELECT id, first_line, last_line FROM passages WHERE document = ? ORDER BY id", [row], of: "\(path): passages"
    ) { places.append((try $0.integer(0), try $0.count(1), try $0.count(2))) }
    guard !places.isEmpty else {
      throw MinkeError(.notFound, document, expected: "a document with text", found: "none")
    }
    guard let line else { return places.map(\.id) }
    /// How far a line is from a passage, and from its middle.
    func distance(_ place: (id: Int64, first: Int, last: Int)) -> (Int, Int) {
      (max(place.first - line, line - place.last, 0), abs(place.first + place.last - 2 * line))
    }
    let nearest = places.min { distance($0) < distance($1) }
    return nearest.map { [$0.id] } ?? []
  }

  /// The mean of the vectors of passages, as a query of the collection.
  private func mean(of ids: [Int64], _ state: CollectionState, _ db: Database) throws -> Embeddings {
    let format = try state.settings.vectorFormat()
    var sum = [Double](repeating: 0, count: format.dimension)
    for id in ids {
      guard let part = state.vectorPart(of: id), let position = part.position(of: id) else {
        throw MinkeError(
          .malformedFile, path, expected: "a vector of passage \(id)",
          found: "none; minke collection verify says more")
      }
      for (index, value) in try numbers(at: position, of: part, format, db).enumerated() { sum[index] += Double(value) }
    }
    let mean = sum.map { Float($0 / Double(ids.count)) }
    let query = try Embeddings(floats: mean, dimension: format.dimension)
    return state.settings.storage == .binary ? try query.binarized() : query
  }

  /// One vector as it is searched.
  private func numbers(
    at position: Int, of part: VectorPart, _ format: VectorBlockFormat, _ db: Database
  ) throws -> [Float] {
    guard format.hasRows else { return try vectorBlock(of: part, format, db).numbers(at: position) }
    let width = VectorBlockFormat.chunkVectors
    let bytes = try chunk(position / width, of: part, db)
    return try format.numbers(of: position % width, in: bytes).unwrapped {
      MinkeError(
        .malformedFile, "\(path): vectors \(part.id)", expected: "a chunk of vectors", found: "a shorter one")
    }
  }
}
