import MinkeCore
import MinkeText

/// Some passages and their vectors, as they come out of the pipeline: by document, then by place. It holds until the next
/// batch is begun.
package struct PassageBatch: Sendable {
  private let documents: [OpenDocument]
  /// For each passage, the document in the batch and the passage in its piece.
  private let places: [(document: Int, passage: Int)]
  /// The vectors, one a passage.
  package let vectors: Embeddings

  init(_ documents: [OpenDocument], places: [(document: Int, passage: Int)], vectors: Embeddings) {
    self.documents = documents
    self.places = places
    self.vectors = vectors
  }

  package var count: Int { places.count }

  /// Which of the sources a passage is from.
  package func document(of index: Int) -> Int { documents[places[index].document].number }

  package func passage(_ index: Int) -> Passage {
    documents[places[index].document].piece.passages[places[index].passage].passage
  }

  /// The names around a passage; its vector is that of these, in a line of their own, and its text.
  package func context(_ index: Int) -> String? { passage(index).context }

  /// The text of a passage.
  package func text(_ index: Int) -> String {
    documents[places[index].document].withText(of: places[index].passage) { String(decoding: $0, as: UTF8.self) }
  }

  /// What a passage is found by: the names of what it stands in, and its text.
  package func searchedText(_ index: Int) -> String {
    passage(index).context.map { $0 + "\n" + text(index) } ?? text(index)
  }

  /// The sources that passages of this batch may be from, those without a passage included, and without those that
  /// could not be read.
  package var sources: [Int] { documents.filter { $0.skipped == nil }.map(\.number) }

  /// The source that goes on in the next batch; nil when the last one is done.
  package var unfinished: Int? { documents.last { !$0.isLast }?.number }
}
