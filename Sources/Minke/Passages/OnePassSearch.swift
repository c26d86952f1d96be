import MinkeCore
import MinkeModels
import MinkeReading
import MinkeSearch
import MinkeText

/// Answers queries that are known beforehand in one pass over documents, and finds what ``PassageSearch`` finds.
///
/// Of a passage that was read, its words and its place are kept, and neither its text nor its vector: by meaning the best
/// so far are enough. The texts of what is found are read again at the end.
package struct OnePassSearch: Sendable {
  private let pipeline: PassagePipeline
  private let queries: [WordQuery]
  private let dimension: Int?
  private let options: SearchOptions

  /// - Parameters:
  ///   - dimension: how many leading numbers of each vector to keep; nil keeps all.
  ///   - encoding: how files without a mark are written; nil for UTF-8.
  /// - Throws: `MinkeError` when an option is out of its range.
  package init(
    _ queries: [String], encoder: any TextEncoder, dimension: Int? = nil, encoding: TextEncoding? = nil,
    options: SearchOptions = SearchOptions()
  ) throws(MinkeError) {
    try options.check()
    pipeline = PassagePipeline(encoder: encoder, dimension: dimension, encoding: encoding)
    self.queries = queries.map { WordQuery(parsing: $0) }
    self.dimension = dimension
    self.options = options
  }

  /// The best passages of each query, and what was read.
  ///
  /// - Throws: `MinkeError` when the dimension is not available; `CancellationError`.
  package func run(
    _ sources: [DocumentSource], progress: (@Sendable (ReadingProgress) -> Void)? = nil
  ) throws -> (found: [[FoundPassage]], report: ReadingReport) {
    let wanted = try pipeline.encoder.encode(queries.map(\.text), dimension: dimension, role: .query)
    let conditions = queries.map { $0.fields.isEmpty ? nil : FieldConditions($0.fields) }
    let demanding = queries.indices.filter { !queries[$0].phrases.isEmpty || !queries[$0].excluded.isEmpty }
    let depth = options.mode == .both ? max(options.fusion.depth, options.k) : options.k
    let words = WordIndex()
    var places: [Place] = []
    var kept: [Int64: String] = [:]
    var nearest = queries.map { _ in NearestPassages(depth, maximumPerDocument: options.nearestPerDocument) }
    var report = try pipeline.run(sources, progress: progress) { batch in
      guard batch.count > 0 else { return }
      let first = places.count
      for index in 0..<batch.count {
        let source = batch.document(of: index)
        // What comes through a pipe comes once.
        if sources[source].path == nil { kept[Int64(places.count)] = batch.text(index) }
        places.append(Place(source: source, passage: batch.passage(index)))
      }
      let ids = (first..<places.count).map { Int64($0) }
      let searched =
        options.mode == .meaning && demanding.isEmpty ? [] : (0..<batch.count).map { batch.searchedText($0) }
      if options.mode != .meaning { _ = try words.add(searched, ids: ids) }
      guard options.mode != .words else { return }
      // What phrases and exclusions let through is known for each batch by itself.
      var demands: [Int: IDFilter] = [:]
      if !demanding.isEmpty {
        let here = WordIndex()
        _ = try here.add(searched, ids: ids)
        for query in demanding { demands[query] = try here.constraint(of: queries[query]) }
      }
      let scores = try wanted.similarities(to: batch.vectors)
      for query in nearest.indices {
        for index in 0..<batch.count {
          let score = min(1, scores[query * batch.count + index])
          guard nearest[query].wants(score) else { continue }
          if let filter = demands[query], !filter.contains(ids[index]) { continue }
          let source = places[first + index].source
          if let condition = conditions[query], !condition.hold(of: sources[source].id) { continue }
          nearest[query].add(Match(id: ids[index], score: score), document: source)
        }
      }
    }
    let (all, meaning) = (places, nearest.map(\.matches))
    var found: [[FoundPassage]] = []
    var texts = PassageTexts(pipeline, sources, all, kept: kept)
    for (number, query) in queries.enumerated() {
      let filter = try filter(of: query, words, conditions[number], all, sources)
      let ranking = try Ranking(
        options, queries: 1, of: all.count, meaning: { _, k in [Array(meaning[number].prefix(k))] },
        words: { _, k in try words.prepare([query], k: k, among: filter) })
      let best = try ranking.best(of: 0) { matches, best in
        for match in matches {
          let place = all[Int(match.id)]
          best.offer(score: match.score, document: place.source) {
            FoundPassage(
              score: match.score, document: sources[place.source].id, path: sources[place.source].path,
              passage: place.passage, text: "", id: match.id)
          }
        }
      }
      found.append(best)
    }
    try texts.read(Set(found.joined().compactMap(\.id)))
    // What has changed since it was read is not what was found.
    let whole = found.map {
      $0.compactMap { passage in passage.id.flatMap { texts[$0] }.map { passage.with(text: $0) } }
    }
    report.passages = all.count
    return (whole, report)
  }

  private func filter(
    of query: WordQuery, _ words: WordIndex, _ conditions: FieldConditions?, _ places: [Place],
    _ sources: [DocumentSource]
  ) throws -> IDFilter? {
    guard options.mode != .meaning, query.hasDemands else { return nil }
    let constraint = try words.constraint(of: query)
    guard let conditions else { return constraint }
    let allowed = sources.map { conditions.hold(of: $0.id) }
    return IDFilter(where: { allowed[places[Int($0)].source] && constraint?.contains($0) ?? true })
  }

  /// Where a passage is.
  fileprivate struct Place: Sendable {
    let source: Int
    let passage: Passage
  }
}

extension SearchOptions {
  /// Passages of one document that a search by meaning need keep, where nothing else ranks.
  fileprivate var nearestPerDocument: Int? { mode == .meaning ? maximumPerDocument : nil }
}

/// The nearest passages of a query so far.
private struct NearestPassages {
  private let k: Int
  private let maximumPerDocument: Int?
  private var kept: [(match: Match, document: Int)] = []
  private var least = -Float.infinity

  init(_ k: Int, maximumPerDocument: Int?) { (self.k, self.maximumPerDocument) = (k, maximumPerDocument) }

  /// Whether a passage of this score may be among the nearest.
  func wants(_ score: Float) -> Bool { score > least }

  mutating func add(_ match: Match, document: Int) {
    kept.append((match, document))
    // Sorted now and then, so that each passage costs little.
    if kept.count >= 2 * k + 64 { prune() }
  }

  private mutating func prune() {
    kept.sort { $0.match.score > $1.match.score || ($0.match.score == $1.match.score && $0.match.id < $1.match.id) }
    if let most = maximumPerDocument {
      var counts: [Int: Int] = [:]
      kept.removeAll { entry in
        counts[entry.document, default: 0] += 1
        return counts[entry.document, default: 0] > most
      }
    }
    if kept.count > k { kept.removeSubrange(k...) }
    if kept.count == k, let last = kept.last { least = last.match.score }
  }

  var matches: [Match] {
    var copy = self
    copy.prune()
    return copy.kept.map(\.match)
  }
}

/// Reads the texts of passages a second time.
private struct PassageTexts {
  private let pipeline: PassagePipeline
  private let sources: [DocumentSource]
  private let places: [OnePassSearch.Place]
  private var texts: [Int64: String] = [:]

  init(
    _ pipeline: PassagePipeline, _ sources: [DocumentSource], _ places: [OnePassSearch.Place], kept: [Int64: String]
  ) {
    (self.pipeline, self.sources, self.places, texts) = (pipeline, sources, places, kept)
  }

  subscript(id: Int64) -> String? { texts[id] }

  mutating func read(_ ids: Set<Int64>) throws {
    let ids = ids.filter { texts[$0] == nil }
    let wanted = Set(ids.map { places[Int($0)].source }).sorted()
    var bySource: [Int: [Int64]] = [:]
    for id in ids { bySource[places[Int(id)].source, default: []].append(id) }
    var found = texts
    _ = try pipeline.run(wanted.map { sources[$0] }, encodes: false) { batch in
      for index in 0..<batch.count {
        for id in bySource[wanted[batch.document(of: index)]] ?? []
        where places[Int(id)].passage == batch.passage(index) {
          found[id] = batch.text(index)
        }
      }
    }
    texts = found
  }
}

extension FoundPassage {
  fileprivate func with(text: String) -> FoundPassage {
    FoundPassage(score: score, document: document, path: path, passage: passage, text: text)
  }
}
