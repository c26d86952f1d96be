import Minke
import MinkeCore
import MinkeModels
import MinkeSearch

/// Measures how well documents are found: by vectors of every size and storage asked for, by their words, and by both, in
/// one pass over the documents.
///
/// Of the vectors, the queries are the first group of texts and the documents the second. Memory holds the ids of the
/// documents and, for each query, its best; words and two-stage storages also hold their indexes.
public struct RetrievalEvaluation: Sendable {
  /// How vectors are held while they are searched.
  public enum Storage: String, Sendable, CaseIterable {
    case float32, int8, binary
    case twoStage = "two-stage"

    /// Bytes of a vector of `dimension` numbers.
    public func byteCount(dimension: Int) -> Int {
      switch self {
      case .float32: 4 * dimension
      case .int8: dimension + 4
      case .binary: dimension / 8
      case .twoStage: dimension / 8 + dimension + 4
      }
    }
  }

  /// How many leading numbers of each vector are kept, one evaluation each; none for all there are.
  public var dimensions: [Int] = []
  /// How vectors are kept, one evaluation each.
  public var storages: [Storage] = [.float32]
  /// By meaning, words or both, one evaluation each.
  public var modes: [SearchMode] = [.meaning]
  /// The figures, and where rankings are cut for them.
  public var metrics = RetrievalMetrics()
  /// How words and meaning are weighed against each other.
  public var fusion = Fusion.standard
  /// Whether a document that has the query's own id is never found, as where queries are documents too.
  public var leavesOutSameID = false

  /// By meaning over whole vectors in float32.
  public init() {}

  /// As a suite's task says (``Suite/Task/settings``).
  ///
  /// - Throws: `MinkeError` for another member, or one that is neither true nor false.
  public init(settings: [String: JSONValue]) throws {
    for (member, value) in settings.sorted(by: { $0.key < $1.key }) {
      guard ["graded_gains", "ignore_identical_ids"].contains(member) else {
        throw MinkeError(
          .malformedFile, "member", expected: "graded_gains or ignore_identical_ids", found: "\"\(member)\"")
      }
      guard let flag = value.boolean else {
        throw MinkeError(.malformedFile, member, expected: "true or false", found: value.shortText)
      }
      if member == "graded_gains" { metrics.heedsGains = flag } else { leavesOutSameID = flag }
    }
  }

  /// What one way of searching found.
  public struct Outcome: Sendable {
    /// The figures.
    public var result: TaskResult
    /// What was found for each query.
    public var run: RankedRun

    /// An outcome of these two.
    public init(result: TaskResult, run: RankedRun) { (self.result, self.run) = (result, run) }
  }

  /// Evaluates all that is asked for on `dataset`.
  ///
  /// - Parameters:
  ///   - vectors: nil where only words are asked for.
  ///   - progress: hears of bytes of the corpus that are read.
  /// - Throws: `MinkeError` when the dataset is malformed or vectors do not fit it; `CancellationError`.
  public func run(
    _ dataset: RetrievalDataset, _ vectors: (any TextVectors)?, progress: ProgressHandler? = nil
  ) throws -> [Outcome] {
    let needsVectors = modes.contains { $0 != .words }
    guard !needsVectors || vectors != nil else {
      throw MinkeError(.invalidArgument, "vectors", expected: "a model or vectors", found: "none")
    }
    let fused = modes.contains(.both)
    let depth = max(metrics.depth, fused ? fusion.depth : 0) + (leavesOutSameID ? 1 : 0)
    let queries = needsVectors ? try vectors?.vectors(of: dataset.queries.map(\.text), role: .query) : nil
    let searches = try queries.map { try self.searches($0, metric: vectors?.metric ?? .cosine, depth: depth) } ?? []
    let words = modes.contains { $0 != .meaning } ? WordIndex() : nil

    var warnings = Warnings()
    var ids: [String] = []
    let judged = Set(dataset.queries.flatMap(\.gains.keys))
    var present: Set<String> = []
    let total = dataset.corpusBytes
    try dataset.forEachBatch(&warnings) { documents, isLast, bytes in
      let first = Int64(ids.count)
      let texts = documents.map(\.wholeText)
      ids += documents.map(\.id)
      for document in documents where judged.contains(document.id) { present.insert(document.id) }
      let numbers = (0..<Int64(documents.count)).map { first + $0 }
      if needsVectors, let batch = try vectors?.vectors(ofPart: texts, isLast: isLast, role: .document, progress: nil) {
        for search in searches { try search.add(batch, ids: numbers) }
      }
      try words?.add(texts, ids: numbers)
      progress?(min(bytes, total), total)
    }
    for query in dataset.queries {
      for id in query.gains.keys.sorted() where !present.contains(id) {
        warnings.add("judged documents that the corpus does not have, counted as never found", id)
      }
    }

    let worded = try words?.search(dataset.queries.map { WordQuery(plain: $0.text) }, k: depth)
    var outcomes: [Outcome] = []
    func add(_ mode: SearchMode, _ search: VectorRanking?, _ matches: [[Match]]) {
      var settings = ["mode": mode.rawValue]
      if let search {
        settings["dimension"] = "\(search.dimension)"
        settings["storage"] = search.storage.rawValue
        settings["bytes"] = "\(search.storage.byteCount(dimension: search.dimension))"
      }
      var hits: [String: [RankedRun.Hit]] = [:]
      for (query, found) in zip(dataset.queries, matches) {
        let documents = found.lazy.map { RankedRun.Hit(document: ids[Int($0.id)], score: $0.score) }
        hits[query.id] = Array(
          documents.filter { !leavesOutSameID || $0.document != query.id }.prefix(metrics.depth))
      }
      let run = RankedRun(hits: hits)
      var result = result(of: run, dataset, settings: settings)
      result.warnings = dataset.warnings + warnings.texts
      outcomes.append(Outcome(result: result, run: run))
    }
    if modes.contains(.words), let worded { add(.words, nil, worded) }
    for search in searches {
      let near = try search.finish()
      if modes.contains(.meaning) { add(.meaning, search, near) }
      if fused, let worded {
        add(.both, search, zip(near, worded).map { fusion.combine(meaning: $0, words: $1, of: ids.count) })
      }
    }
    return outcomes
  }

  /// The figures of a run, wherever it was made.
  public func result(
    of run: RankedRun, _ dataset: RetrievalDataset, settings: [String: String] = [:]
  ) -> TaskResult {
    let rankings = run.judged(by: dataset)
    var result = TaskResult(
      name: dataset.name, kind: .retrieval, settings: settings, metrics: metrics.figures(of: rankings),
      mainMetric: metrics.main(of: rankings), items: metrics.items(of: rankings), warnings: dataset.warnings)
    let texts = Dictionary(dataset.queries.map { ($0.id, $0.text) }) { one, _ in one }
    for index in result.items.indices { result.items[index].text = texts[result.items[index].id] }
    return result
  }

  private func searches(_ queries: Embeddings, metric: Metric, depth: Int) throws -> [VectorRanking] {
    let wanted = dimensions.isEmpty ? [queries.dimension] : dimensions
    // Bits can be held in one way only.
    let isBits = queries.packedBits != nil
    return try wanted.flatMap { dimension in
      try (isBits ? [.binary] : storages).map {
        try VectorRanking(queries, dimension: dimension, metric: metric, storage: $0, depth: depth)
      }
    }
  }
}

/// The nearest of some queries among vectors that come batch by batch.
private final class VectorRanking {
  let dimension: Int
  let storage: RetrievalEvaluation.Storage
  private let queries: Embeddings
  private let metric: Metric
  private let depth: Int
  private var best: [[Match]]
  /// All vectors, where what is found first depends on all of them.
  private let whole: VectorIndex?

  init(
    _ queries: Embeddings, dimension: Int, metric: Metric, storage: RetrievalEvaluation.Storage, depth: Int
  ) throws {
    (self.dimension, self.storage, self.depth) = (dimension, storage, depth)
    self.metric = storage == .binary ? .hamming : metric == .hamming ? .cosine : metric
    self.queries = try Self.form(queries, dimension, storage)
    best = [[Match]](repeating: [], count: queries.count)
    whole = storage == .twoStage ? try Self.index(dimension, self.metric, storage) : nil
  }

  private static func form(
    _ vectors: Embeddings, _ dimension: Int, _ storage: RetrievalEvaluation.Storage
  ) throws -> Embeddings {
    let cut = try vectors.truncated(to: dimension)
    return storage == .binary ? try cut.binarized() : cut
  }

  private static func index(
    _ dimension: Int, _ metric: Metric, _ storage: RetrievalEvaluation.Storage
  ) throws -> VectorIndex {
    let kept: VectorIndex.Storage =
      switch storage {
      case .float32: .float32
      case .int8: .int8
      case .binary: .binary
      case .twoStage: .twoStage(rescoring: .int8, oversampling: 10)
      }
    return try VectorIndex(dimension: dimension, metric: metric, storage: kept)
  }

  func add(_ batch: Embeddings, ids: [Int64]) throws {
    let vectors = try Self.form(batch, dimension, storage)
    if let whole {
      try whole.add(vectors, ids: ids)
      return
    }
    let index = try Self.index(dimension, metric, storage)
    try index.add(vectors, ids: ids)
    merge(try index.search(queries, k: min(depth, ids.count)))
  }

  private func merge(_ found: Neighbors) {
    for query in best.indices {
      let near = found[query].map {
        Match(id: $0.id, score: metric.similarity(ofScore: $0.score, dimension: dimension))
      }
      if best[query].isEmpty {
        best[query] = near
        continue
      }
      let all = (best[query] + near).sorted { $0.score > $1.score || ($0.score == $1.score && $0.id < $1.id) }
      best[query] = Array(all.prefix(depth))
    }
  }

  /// The nearest of each query, as similarities.
  func finish() throws -> [[Match]] {
    if let whole { merge(try whole.search(queries, k: min(depth, whole.count))) }
    return best
  }
}
