import GRDB
import Minke
import MinkeCore
import MinkeModels
import MinkeSearch

extension Collection {
  /// The passages that suit each of `queries` best, the best first.
  ///
  /// All are answered from one state of the collection.
  /// - Throws: `MinkeError` when an option is out of its range or the file is damaged; `CancellationError`.
  public func search(_ queries: [String], options: CollectionSearchOptions) throws -> [[FoundPassage]] {
    try options.search.check()
    let parsed = queries.map { WordQuery(parsing: $0) }
    let vectors =
      options.search.mode == .words
      ? nil : try encoder.encode(parsed.map(\.text), dimension: try settings.dimension, role: .query)
    return try withState { db, state in
      let searcher = StateSearcher(collection: self, db: db, state: state)
      return try searcher.search(parsed, vectors, options, among: options.filter.map { try searcher.filter($0) })
    }
  }
}

/// What a search in collections gives, and from among what.
public struct CollectionSearchOptions: Sendable {
  /// How many, from what score on, and by what.
  public var search: SearchOptions
  /// Which documents may be found; nil for all.
  public var filter: DocumentFilter?
  /// Passages of the same document before and behind each that are given with it.
  public var surroundings: Int

  /// Options that differ from the default where they are given.
  public init(_ search: SearchOptions = SearchOptions(), filter: DocumentFilter? = nil, surroundings: Int = 0) {
    (self.search, self.filter, self.surroundings) = (search, filter, surroundings)
  }

  /// The best `k` passages.
  public init(k: Int) { self.init(SearchOptions(k: k)) }
}

/// Searches in one state of a collection.
struct StateSearcher: PassageSearcher {
  let collection: Collection
  let db: Database
  let state: CollectionState
  let words: WordSearch

  init(collection: Collection, db: Database, state: CollectionState) {
    (self.collection, self.db, self.state) = (collection, db, state)
    words = WordSearch(state.words.map { ($0.segment, $0.dead) }, analyzer: state.settings.analyzer)
  }

  private var file: CollectionFile { collection.file }
  var location: String { file.path }
  var passageCount: Int { state.passageCount }

  /// `vectors` as the collection keeps them.
  func form(_ vectors: Embeddings) throws -> Embeddings {
    state.settings.binarizes ? try vectors.binarized() : vectors
  }

  func stored(_ ids: [Int64]) throws -> [Int64: StoredPassage] { try db.passages(ids, of: file.path) }

  func surrounded(_ found: FoundPassage, by count: Int) throws -> FoundPassage {
    try found.surrounded(by: count, db, file.path)
  }

  // MARK: Filters

  /// The passages of the documents that `condition` holds for.
  func filter(_ condition: DocumentFilter) throws -> IDFilter {
    var ids: [Int64] = []
    let condition = SQLiteCondition(condition.condition)
    do {
      try db.forEachRow(
        "SELECT p.id FROM documents d JOIN passages p ON p.document = d.id WHERE \(condition.sql)",
        StatementArguments(condition.arguments),
        of: "\(file.path): passages"
      ) { ids.append(try $0.integer(0)) }
    } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
      throw MinkeError(.invalidArgument, "filter", expected: "a condition", found: error.message ?? "another")
    }
    return IDFilter(ids)
  }

  func ids(_ filter: IDFilter) -> IDFilter { filter }

  func filter(of query: WordQuery, and condition: IDFilter?) throws -> IDFilter? {
    var all = [condition, try words.constraint(of: query)].compactMap { $0 }
    if !query.fields.isEmpty {
      all.append(try filter(DocumentFilter(fields: query.fields)))
    }
    if all.count < 2 { return all.first }
    let filters = all
    return IDFilter(where: { id in filters.allSatisfy { $0.contains(id) } })
  }

  // MARK: By meaning

  /// The nearest `k` of each query, as similarities.
  func nearest(_ queries: Embeddings, k: Int, among filter: IDFilter?) throws -> [[Match]] {
    let format = try state.settings.vectorFormat()
    let candidates = min(format.candidates(for: k), max(1, state.passageCount))
    let search = try VectorBlockSearch(format, queries: queries, k: candidates)
    let memory = VectorBlockMemory(format)
    // As many blocks at a time as keep all cores busy and need not be kept.
    var start = 0
    while start < state.vectors.count {
      try Task.checkCancellation()
      let parts = state.vectors[start..<min(state.vectors.count, start + 16)]
      var (blocks, lanes): ([VectorBlock], [SharedBuffer<UInt16>]) = ([], [])
      memory.reserve(collection.cache.missing(parts.map(\.block)))
      for part in parts {
        let block = try collection.vectorBlock(of: part, format, in: memory, db)
        blocks.append(block)
        lanes.append(block.lanes(without: part.removed))
      }
      try search.add(blocks, lanes: lanes, among: filter)
      start += parts.count
    }
    var found: [[Match]] = []
    for query in 0..<queries.count {
      var matches = search.matches(of: query)
      if format.hasRows { matches = try rescored(matches, format, queries, query) }
      found.append(
        matches.prefix(k).map {
          Match(id: $0.id, score: format.metric.similarity(ofScore: $0.score, dimension: format.dimension))
        })
    }
    return found
  }

  private func rescored(
    _ matches: [Match], _ format: VectorBlockFormat, _ queries: Embeddings, _ index: Int
  ) throws -> [Match] {
    let query = RowQuery(format, queries, index)
    // By id, so that neighbors come from one chunk.
    var scored: [Match] = []
    scored.reserveCapacity(matches.count)
    var last: (id: Int64, chunk: SharedBuffer<UInt8>)?
    for match in matches.sorted(by: { $0.id < $1.id }) {
      guard let part = state.vectorPart(of: match.id), let position = part.position(of: match.id),
        case let number = position / VectorBlockFormat.chunkVectors
      else { continue }
      let id = part.chunks + Int64(number)
      let chunk = last?.id == id ? last?.chunk : nil
      let bytes = try chunk ?? collection.chunk(number, of: part, db)
      last = (id, bytes)
      guard let score = query.score(position % VectorBlockFormat.chunkVectors, of: bytes) else {
        throw MinkeError(
          .malformedFile, "\(file.path): block \(id)", expected: "a chunk of vectors", found: "a shorter one")
      }
      scored.append(Match(id: match.id, score: score))
    }
    return scored.sorted { $0.score > $1.score || ($0.score == $1.score && $0.id < $1.id) }
  }
}

extension FoundPassage {
  package init(_ stored: StoredPassage, score: Float) {
    self.init(
      score: score, document: stored.name, path: stored.path, passage: stored.passage, text: stored.text,
      title: stored.title, metadata: stored.metadata?.object ?? [:], id: stored.id)
  }

  /// The same with the `count` passages of its document before it and behind it.
  func surrounded(by count: Int, _ db: Database, _ path: String) throws -> FoundPassage {
    guard let id else { return self }
    func texts(_ comparison: String, _ order: String) throws -> [String] {
      var texts: [String] = []
      try db.forEachRow(
        """
        SELECT text FROM passages WHERE document = (SELECT document FROM passages WHERE id = ?) AND id \(comparison) ?
        ORDER BY id \(order) LIMIT ?
        """, [id, id, count], of: "\(path): passages"
      ) { texts.append(try $0.text(0)) }
      return texts
    }
    var copy = self
    copy.before = try texts("<", "DESC").reversed()
    copy.after = try texts(">", "ASC")
    return copy
  }
}
