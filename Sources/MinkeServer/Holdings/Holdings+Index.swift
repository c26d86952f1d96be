import Foundation
import Minke
import MinkeCore
import MinkeText
import Synchronization

/// The index in memory, which clients fill themselves and which goes with the server.
extension Holdings {
  /// Adds texts; one whose id is there is replaced.
  ///
  /// - Returns: documents and passages held by then.
  /// - Throws: `Failure` when nothing may be changed or the index would outgrow its limit.
  func addToIndex(_ documents: [Document]) async throws -> (documents: Int, passages: Int) {
    try requireWriting()
    let index = index.withLock { $0 }
    // Of several of one id the last counts.
    var last: [String: Document] = [:]
    for document in documents { last[document.id] = document }
    let documents = last.values.sorted { $0.id < $1.id }
    let new = documents.count { !index.contains($0.id) }
    guard index.documentCount + new <= limits.indexedDocuments else {
      throw Failure(
        .badRequest, "documents: expected \(limits.indexedDocuments) at most in the index, found more",
        parameter: "documents")
    }
    _ = try await changes.within { try await index.add(documents) }
    return (index.documentCount, index.passageCount)
  }

  func queryIndex(_ query: String, k: Int, threshold: Float?, mode: SearchMode) async throws -> [FoundPassage] {
    metrics.noteQueries(1)
    let index = index.withLock { $0 }
    return try await index.search([query], options: SearchOptions(k: k, threshold: threshold, mode: mode))[0]
  }

  func indexStatistics() -> JSONValue {
    let index = index.withLock { $0 }
    return [
      "documents": .integer(index.documentCount), "passages": .integer(index.passageCount),
      "model": .string(encoder.identity.name), "dimension": .integer(encoder.dimension),
      "metric": .string(encoder.metric.rawValue),
    ]
  }

  /// Takes everything out; says how many documents there were.
  func clearIndex() throws -> Int {
    try requireWriting()
    let empty = try PassageSearch(encoder: encoder)
    return index.withLock { index in
      let count = index.documentCount
      index = empty
      return count
    }
  }
}
