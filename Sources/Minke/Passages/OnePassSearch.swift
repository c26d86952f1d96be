import MinkeCore
import MinkeModels
import MinkeReading
import MinkeText

/// Answers queries that are known beforehand in one pass over documents; nothing is kept but the best passages.
///
/// Memory is that of one batch, whatever the size and the number of the documents. It finds what ``PassageSearch``
/// finds.
package struct OnePassSearch: Sendable {
  private let pipeline: PassagePipeline
  private let queries: [String]
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
    self.queries = queries
    self.dimension = dimension
    self.options = options
  }

  /// The best passages of each query, and what was read.
  ///
  /// - Throws: `MinkeError` when the dimension is not available; `CancellationError`.
  package func run(
    _ sources: [DocumentSource], progress: (@Sendable (ReadingProgress) -> Void)? = nil
  ) throws -> (found: [[FoundPassage]], report: ReadingReport) {
    let wanted = try pipeline.encoder.encode(queries, dimension: dimension, role: .query)
    var best = queries.map { _ in BestPassages(options) }
    let report = try pipeline.run(sources, progress: progress) { batch in
      guard batch.count > 0 else { return }
      let scores = try wanted.similarities(to: batch.vectors)
      for query in best.indices {
        for index in 0..<batch.count {
          let score = min(1, scores[query * batch.count + index])
          let document = batch.document(of: index)
          best[query].offer(score: score, document: document) {
            FoundPassage(
              score: score, document: sources[document].id, path: sources[document].path,
              passage: batch.passage(index), text: batch.text(index))
          }
        }
      }
    }
    return (best.map(\.found), report)
  }
}
