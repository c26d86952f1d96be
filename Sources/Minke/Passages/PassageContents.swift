import MinkeReading
import MinkeText

extension PassageSearch {
  /// The passages held, by the ids of their vectors.
  struct Contents: Sendable {
    struct Held: Sendable {
      /// A number of the document's own.
      let document: Int
      let id: String
      let path: FilePath?
      let passage: Passage
      let text: String
    }

    private(set) var passages: [Int64: Held] = [:]
    private(set) var passagesOfDocument: [String: [Int64]] = [:]
    private var numbers: [String: Int] = [:]
    private var nextPassage: Int64 = 0
    private var nextDocument = 0

    /// Takes in the passages of a batch and gives them ids.
    mutating func add(_ batch: PassageBatch, of sources: [DocumentSource]) -> [Int64] {
      for number in batch.sources {
        let id = sources[number].id
        if passagesOfDocument[id] != nil { continue }
        passagesOfDocument[id] = []
        numbers[id] = nextDocument
        nextDocument += 1
      }
      return (0..<batch.count).map { index in
        let source = sources[batch.document(of: index)]
        let id = nextPassage
        nextPassage += 1
        passages[id] = Held(
          document: numbers[source.id] ?? 0, id: source.id, path: source.path, passage: batch.passage(index),
          text: batch.text(index))
        passagesOfDocument[source.id]?.append(id)
        return id
      }
    }

    /// Takes a document out and gives the ids of its passages; nil when there is none.
    mutating func remove(_ document: String) -> [Int64]? {
      guard let ids = passagesOfDocument.removeValue(forKey: document) else { return nil }
      numbers[document] = nil
      for id in ids { passages[id] = nil }
      return ids
    }
  }
}
