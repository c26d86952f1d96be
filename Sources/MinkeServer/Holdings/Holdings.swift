import Minke
import MinkeCore
import MinkeModels
import MinkeStore
import Synchronization

/// A collection by the name that clients know it by.
struct NamedCollection: Sendable {
  let name: String
  let collection: any PassageCollection
}

/// What a server serves: a text encoder, perhaps a language model, collections, and an index in memory.
///
/// What HTTP and MCP offer is done here, once for both.
final class Holdings: Sendable {
  let encoding: EncodingDesk
  let chat: ChatDesk?
  let collections: [NamedCollection]
  let isReadOnly: Bool
  let limits: ServerLimits
  let metrics: ServerMetrics
  /// The texts that clients put into the index in memory.
  let index: Mutex<PassageSearch>
  let maps: MapShelf
  /// Changes of collections, some at a time.
  let changes: Gate
  private let searches: Gatherer<SearchKind, String, FoundHere>
  private let last = Mutex<LastQuery?>(nil)

  /// How the last search went.
  struct LastQuery: Sendable {
    let milliseconds: Double
    let passages: Int
    let results: Int
  }

  var encoder: any TextEncoder { encoding.encoder }

  /// - Throws: `MinkeError` when the encoder cannot make an index.
  init(
    encoder: any TextEncoder, language: LanguageModel?, collections: [any PassageCollection], isReadOnly: Bool,
    limits: ServerLimits, metrics: ServerMetrics
  ) throws {
    encoding = EncodingDesk(encoder, limits: limits, metrics: metrics)
    chat = language.map { ChatDesk($0, limits: limits, metrics: metrics) }
    self.collections = Self.named(collections)
    self.isReadOnly = isReadOnly
    self.limits = limits
    self.metrics = metrics
    index = Mutex(try PassageSearch(encoder: encoder))
    maps = MapShelf()
    changes = Gate("changes", width: 2, waiting: 64)
    searches = Gatherer("searches", batchWeight: 256, limit: limits.waitingSearches) { kind, queries in
      try await kind.search(queries)
    }
  }

  /// Each by its name; of several the same, the later ones with a number.
  private static func named(_ collections: [any PassageCollection]) -> [NamedCollection] {
    var taken: Set<String> = []
    return collections.map { collection in
      let plain = collection.name
      var name = plain
      var number = 2
      while !taken.insert(name).inserted {
        name = "\(plain)-\(number)"
        number += 1
      }
      return NamedCollection(name: name, collection: collection)
    }
  }

  /// - Throws: `Failure` naming those there are.
  func collection(_ name: String) throws(Failure) -> NamedCollection {
    if let found = collections.first(where: { $0.name == name }) { return found }
    let names = collections.map { "\"\($0.name)\"" }.joined(separator: ", ")
    throw .notFound(
      "collection: expected \(names.isEmpty ? "one, but the server has none" : "one of \(names)"), found \"\(name)\"",
      code: "collection_not_found")
  }

  /// The collections with these names; all for nil.
  func collections(_ names: [String]?) throws(Failure) -> [NamedCollection] {
    guard let names, names != ["*"] else { return collections }
    var found: [NamedCollection] = []
    for name in names { found.append(try collection(name)) }
    return found
  }

  /// - Throws: `Failure` when nothing may be changed.
  func requireWriting() throws(Failure) {
    guard !isReadOnly else {
      throw Failure(.forbidden, "the server was started with --read-only: nothing can be changed", code: "read_only")
    }
  }

  // MARK: Searching

  /// What is looked for, and where.
  struct Search: Sendable {
    var query: String
    var collections: [NamedCollection]
    var options: SearchOptions
    var filter: String?
    var surroundings = 0
  }

  struct FoundIn: Sendable {
    let collection: String
    let passage: FoundPassage
  }

  struct SearchResult: Sendable {
    let found: [FoundIn]
    let passages: Int
    let milliseconds: Double
  }

  /// What one collection has for a query, and how many passages it holds.
  private struct FoundHere: Sendable {
    let found: [FoundPassage]
    let passages: Int
  }

  /// What searches must share to be done together.
  private struct SearchKind: Hashable, Sendable {
    let collection: any PassageCollection
    let options: SearchOptions
    let filter: String?
    let surroundings: Int

    func search(_ queries: [String]) async throws -> [FoundHere] {
      let condition: DocumentFilter?
      do throws(MinkeError) { condition = try filter.map { text throws(MinkeError) in try DocumentFilter(text) } } catch
      {
        throw Failure(.badRequest, error.description, parameter: "filter")
      }
      let options = CollectionSearchOptions(options, filter: condition, surroundings: surroundings)
      return try await Workers.run {
        let passages = try collection.passageCount
        return try collection.search(queries, options: options).map { FoundHere(found: $0, passages: passages) }
      }
    }

    static func == (one: SearchKind, other: SearchKind) -> Bool {
      one.collection === other.collection && one.filter == other.filter && one.surroundings == other.surroundings
        && one.options.k == other.options.k && one.options.threshold == other.options.threshold
        && one.options.maximumPerDocument == other.options.maximumPerDocument && one.options.mode == other.options.mode
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(ObjectIdentifier(collection))
      hasher.combine(options.k)
      hasher.combine(filter)
    }
  }

  /// The best passages of the collections, the best first.
  ///
  /// - Throws: `Failure` when the filter is no condition or too many searches wait; `CancellationError`.
  func search(_ search: Search) async throws -> SearchResult {
    let start = ContinuousClock.now
    var found: [FoundIn] = []
    var passages = 0
    for named in search.collections {
      let kind = SearchKind(
        collection: named.collection, options: search.options, filter: search.filter, surroundings: search.surroundings)
      let here = try await searches(kind, search.query, weight: 1)
      found += here.found.map { FoundIn(collection: named.name, passage: $0) }
      passages += here.passages
    }
    if search.collections.count > 1 {
      // Scores of all collections are of one scale. Sorting is stable by the place, so that equal ones keep their order.
      found = found.enumerated()
        .sorted { ($0.element.passage.score, $1.offset) > ($1.element.passage.score, $0.offset) }
        .prefix(search.options.k).map(\.element)
    }
    let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
    metrics.noteQueries(1)
    last.withLock { $0 = LastQuery(milliseconds: milliseconds, passages: passages, results: found.count) }
    return SearchResult(found: found, passages: passages, milliseconds: milliseconds)
  }

  var lastQuery: LastQuery? { last.withLock { $0 } }

  // MARK: Similarity

  /// How alike each of `texts` is to each of `others`, `[texts.count, others.count]`.
  func similarities(_ texts: [String], _ others: [String], dimension: Int?) async throws -> [Float] {
    let vectors = try await encoding.encode(texts + others, dimension: dimension)
    return try await Workers.run {
      try vectors.rows(0..<texts.count).similarities(to: vectors.rows(texts.count..<vectors.count))
    }
  }

  /// How well each of `documents` suits the query, and the tokens that were read.
  func relevance(of documents: [String], to query: String) async throws -> (scores: [Float], tokens: Int) {
    let asked = try await encoding.encode([.text(query)], EncodingDesk.Form(role: .query))
    let given = try await encoding.encode(documents.map { .text($0) }, EncodingDesk.Form(role: .document))
    let scores = try await Workers.run { try asked.vectors.similarities(to: given.vectors) }
    return (scores, asked.tokens + given.tokens)
  }
}
