import MinkeCore
import MinkeModels
import MinkeReading
import MinkeSearch
import MinkeText
import Synchronization

/// Documents, read once, whose passages are held in memory with their vectors and can be asked by meaning.
///
/// It splits files and texts into passages, turns these into vectors and compares a query with every one of them.
/// Documents can be added and removed at any time, from any task or thread, also while others search. It holds the
/// vectors and the texts of the passages, nothing else.
public final class PassageSearch: Sendable {
  /// What turns passages and queries into vectors.
  public let encoder: any TextEncoder

  private let dimension: Int?
  private let index: VectorIndex
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
  @discardableResult
  public func remove(_ document: String) -> Bool {
    guard let ids = contents.withLock({ $0.remove(document) }) else { return false }
    index.remove(ids: ids)
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
        if let unfinished, !batch.sources.contains(unfinished) { remove(sources[unfinished].id) }
        for number in batch.sources where number != unfinished { remove(sources[number].id) }
        unfinished = batch.unfinished
        let ids = contents.withLock { $0.add(batch, of: sources) }
        try index.add(batch.vectors, ids: ids)
      }
    } catch {
      if let unfinished { remove(sources[unfinished].id) }
      throw error
    }
  }

  // MARK: Searching

  /// The `k` passages most like `query`, the best first; fewer where there are fewer.
  ///
  /// - Throws: `MinkeError` when `k` is below 1; `CancellationError`.
  public func search(_ query: String, k: Int = 10) throws -> [FoundPassage] {
    try search([query], options: SearchOptions(k: k))[0]
  }

  /// The passages most like each of `queries`, the best first.
  ///
  /// - Throws: `MinkeError` when an option is out of its range; `CancellationError`.
  public func search(_ queries: [String], options: SearchOptions) throws -> [[FoundPassage]] {
    try options.check()
    let vectors = try encoder.encode(queries, dimension: dimension, role: .query)
    let found = try index.search(vectors, k: options.k)
    return try found.indices.map { number in
      var (matches, wanted) = (found[number], options.k)
      while true {
        let (best, isComplete) = passages(of: matches, options)
        if isComplete || matches.count < wanted { return best }
        // Others of the same documents stood before those that are wanted, or some were removed meanwhile.
        wanted *= 4
        matches = try index.search(vectors.rows(number..<number + 1), k: wanted)[0]
      }
    }
  }

  /// The best passages among `matches`, and whether none that follows them could be among the best.
  private func passages(of matches: [Match], _ options: SearchOptions) -> (best: [FoundPassage], isComplete: Bool) {
    var best = BestPassages(options)
    var last: Float = 1
    contents.withLock { contents in
      for match in matches {
        // One that was removed since.
        guard let held = contents.passages[match.id] else { continue }
        last = encoder.metric.similarity(ofScore: match.score, dimension: index.dimension)
        best.offer(score: last, document: held.document) {
          FoundPassage(score: last, document: held.id, path: held.path, passage: held.passage, text: held.text)
        }
      }
    }
    let isBelow = options.threshold.map { last < $0 } ?? false
    return (best.found, best.found.count >= options.k || isBelow)
  }
}
