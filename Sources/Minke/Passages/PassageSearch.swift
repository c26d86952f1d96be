import MinkeCore
import MinkeModels
import MinkeReading
import MinkeSearch
import MinkeText
import Synchronization

/// Documents, read once, whose passages are held in memory with their vectors and words, to be searched by both.
///
/// It splits files and texts into passages, turns these into vectors and compares a query with every one of them, and it
/// looks the query's words up. Documents can be added and removed at any time, from any task or thread, also while others
/// search.
public final class PassageSearch: Sendable {
  /// What turns passages and queries into vectors.
  public let encoder: any TextEncoder

  private let dimension: Int?
  private let index: VectorIndex
  private let words = WordIndex()
  private let contents = Mutex(Contents())

  /// A search without documents.
  ///
  /// - Parameters:
  ///   - encoder: what turns passages and queries into vectors.
  ///   - dimension: how many leading numbers of each vector to keep; nil keeps all.
  /// - Throws: `MinkeError` when the dimension is not available.
  public init(encoder: any TextEncoder, dimension: Int? = nil) throws {
    self.encoder = encoder
    self.dimension = dimension
    index = try VectorIndex(
      dimension: try encoder.encode([], dimension: dimension).dimension, metric: encoder.metric,
      storage: encoder.metric == .hamming ? .binary : .float32)
  }

  /// A search over the files at `paths` and all text files below the folders among them; see `add(paths:)`.
  public convenience init(
    paths: [String], encoder: any TextEncoder, dimension: Int? = nil, selection: FileSelection = FileSelection(),
    progress: (@Sendable (ReadingProgress) -> Void)? = nil
  ) throws {
    try self.init(encoder: encoder, dimension: dimension)
    try add(paths: paths.map { FilePath($0) }, selection: selection, progress: progress)
  }

  /// Documents held.
  public var documentCount: Int { contents.withLock { $0.passagesOfDocument.count } }
  /// Passages held.
  public var passageCount: Int { contents.withLock { $0.passages.count } }

  /// Whether a document of this name is held.
  public func contains(_ document: String) -> Bool {
    contents.withLock { $0.passagesOfDocument[document] != nil }
  }

  // MARK: Adding and removing

  /// Reads the files at `paths`, and all text files below the folders among them.
  ///
  /// A document of the same name is replaced. Those that were read before an error or a cancellation stay.
  ///
  /// - Parameters:
  ///   - paths: files and folders.
  ///   - selection: which of the files below a folder are read.
  ///   - encoding: how files without a byte order mark are written.
  ///   - progress: hears how far it has come.
  /// - Returns: what was read. What cannot be read is left out and named there.
  /// - Throws: `MinkeError` when a path does not exist or the selection is wrong; `CancellationError`.
  @discardableResult
  public func add(
    paths: [FilePath], selection: FileSelection = FileSelection(), encoding: TextEncoding = .utf8,
    progress: (@Sendable (ReadingProgress) -> Void)? = nil
  ) throws -> ReadingReport {
    let walker = try TextFileWalker(paths, selection: selection)
    var report = try add(walker.files.map { .file($0) }, encoding: encoding, progress: progress)
    report.skipped = walker.skipped + report.skipped
    return report
  }

  /// Adds texts. A document of the same name is replaced.
  ///
  /// - Throws: `CancellationError`; the documents added before stay.
  @discardableResult
  public func add(
    _ documents: [Document], progress: (@Sendable (ReadingProgress) -> Void)? = nil
  ) throws -> ReadingReport {
    try add(documents.map { .text($0) }, encoding: .utf8, progress: progress)
  }

  /// Takes a document out; says whether it was there.
  ///
  /// - Throws: `CancellationError` when the calling task was cancelled.
  @discardableResult
  public func remove(_ document: String) throws -> Bool {
    guard let ids = contents.withLock({ $0.remove(document) }) else { return false }
    index.remove(ids: ids)
    try words.remove(ids: ids)
    return true
  }

  private func add(
    _ sources: [DocumentSource], encoding: TextEncoding, progress: (@Sendable (ReadingProgress) -> Void)?
  ) throws -> ReadingReport {
    // What is not yet whole goes again when an error ends the work.
    var unfinished: Int?
    do {
      return try PassagePipeline(encoder: encoder, dimension: dimension, encoding: encoding).run(
        sources, progress: progress
      ) { batch in
        if let unfinished, !batch.sources.contains(unfinished) { try remove(sources[unfinished].id) }
        for number in batch.sources where number != unfinished { try remove(sources[number].id) }
        unfinished = batch.unfinished
        let ids = contents.withLock { $0.add(batch, of: sources) }
        try index.add(batch.vectors, ids: ids)
        _ = try words.add((0..<batch.count).map { batch.searchedText($0) }, ids: ids)
      }
    } catch {
      if let unfinished { _ = try? remove(sources[unfinished].id) }
      throw error
    }
  }

  // MARK: Searching

  /// The `k` passages that suit `query` best, the best first; fewer where there are fewer.
  ///
  /// Words in quotation marks must occur as they are, words behind a minus sign must not, and `path:`, `file:` or `type:`
  /// says which documents. Whatever is typed is a valid query.
  /// - Throws: `MinkeError` when `k` is below 1; `CancellationError`.
  public func search(_ query: String, k: Int = 10) throws -> [FoundPassage] {
    try search([query], options: SearchOptions(k: k))[0]
  }

  /// The passages that suit each of `queries` best, the best first.
  ///
  /// - Throws: `MinkeError` when an option is out of its range; `CancellationError`.
  public func search(_ queries: [String], options: SearchOptions) throws -> [[FoundPassage]] {
    try options.check()
    let parsed = queries.map { WordQuery(parsing: $0) }
    let vectors =
      options.mode == .words ? nil : try encoder.encode(parsed.map(\.text), dimension: dimension, role: .query)
    var results = [[FoundPassage]](repeating: [], count: queries.count)
    // What a query itself demands makes it one of its own; the rest is searched for together.
    let plain = parsed.indices.filter { !parsed[$0].hasDemands }
    let groups = (plain.isEmpty ? [] : [plain]) + parsed.indices.filter { parsed[$0].hasDemands }.map { [$0] }
    for group in groups {
      let filter = try filter(of: parsed[group[0]])
      let ranking = try Ranking(
        options, queries: group.count, of: passageCount,
        meaning: { chosen, k in
          guard let vectors else { return chosen.map { _ in [] } }
          return try self.nearest(vectors.choosing(chosen.map { group[$0] }), k: k, among: filter)
        },
        words: { chosen, k in try self.words.prepare(chosen.map { parsed[group[$0]] }, k: k, among: filter) })
      for (place, query) in group.enumerated() {
        results[query] = try ranking.best(of: place) { matches, best in
          contents.withLock { contents in
            for match in matches {
              // One that was removed since.
              guard let held = contents.passages[match.id] else { continue }
              best.offer(score: match.score, document: held.document) {
                FoundPassage(
                  score: match.score, document: held.id, path: held.path, passage: held.passage, text: held.text)
              }
            }
          }
        }
      }
    }
    return results
  }

  /// What a query demands; nil for nothing.
  private func filter(of query: WordQuery) throws -> IDFilter? {
    guard query.hasDemands else { return nil }
    let constraint = try words.constraint(of: query)
    if query.fields.isEmpty { return constraint }
    let conditions = FieldConditions(query.fields)
    let ids = contents.withLock { contents in
      contents.passagesOfDocument.filter { conditions.hold(of: $0.key) }.values.flatMap { $0 }
    }
    let named = IDFilter(ids)
    guard let constraint else { return named }
    return IDFilter(where: { named.contains($0) && constraint.contains($0) })
  }

  private func nearest(_ vectors: Embeddings, k: Int, among filter: IDFilter?) throws -> [[Match]] {
    try index.search(vectors, k: k, among: filter).map { matches in
      matches.map {
        Match(id: $0.id, score: encoder.metric.similarity(ofScore: $0.score, dimension: index.dimension))
      }
    }
  }
}
