import Minke
import MinkeCore
import MinkeStore

/// What is done with collections besides searching.
extension Holdings {
  /// What there is to know about each collection.
  func descriptions() async throws -> [JSONValue] {
    var descriptions: [JSONValue] = []
    for named in collections { descriptions.append(try await description(of: named)) }
    return descriptions
  }

  func description(of named: NamedCollection) async throws -> JSONValue {
    let collection = named.collection
    let isWritable = !isReadOnly && !collection.isReadOnly
    return try await Workers.run {
      let settings = try collection.settings
      return [
        "name": .string(named.name), "documents": .integer(try collection.documentCount),
        "passages": .integer(try collection.passageCount),
        "bytes": .integer((try? collection.byteCount) ?? 0), "model": .string(settings.model.name),
        "dimension": .integer(settings.dimension), "storage": .string(settings.storage.rawValue),
        "metric": .string(settings.metric.rawValue), "writable": .boolean(isWritable),
      ]
    }
  }

  /// A passage with those of its document around it.
  ///
  /// - Throws: `Failure` when there is none of this number.
  func surroundings(
    of id: Int64, in named: NamedCollection, count: Int
  ) async throws -> (before: [FoundPassage], passage: FoundPassage, after: [FoundPassage]) {
    let found = try await Workers.run { try named.collection.surroundings(ofPassage: id, count: count) }
    guard let found else {
      throw Failure.notFound(
        "passage: expected one of collection \"\(named.name)\", found \(id), which is none of it any more")
    }
    return found
  }

  private func requireWriting(to named: NamedCollection) throws(Failure) {
    try requireWriting()
    guard !named.collection.isReadOnly else {
      throw Failure(
        .forbidden, "collection \"\(named.name)\": the server may not write to it", code: "read_only")
    }
  }

  func add(_ records: [TextRecord], to named: NamedCollection) async throws -> IndexReport {
    try requireWriting(to: named)
    return try await changes.within {
      try await Workers.run { try named.collection.add(records, splitter: nil, progress: nil) }
    }
  }

  /// Takes documents out; says which there were.
  func remove(_ documents: [String], from named: NamedCollection) async throws -> [String] {
    try requireWriting(to: named)
    return try await changes.within { try await Workers.run { try named.collection.remove(documents) } }
  }
}
