import Minke
import MinkeCore
import MinkeModels
import MinkeReading
import MinkeText

/// Takes in what comes out of the reading pipeline and writes it in transactions of bounded size.
struct CollectionWriter {
  private let collection: Collection
  private var documents: [NewDocument] = []
  private var keys: Set<Key> = []
  private var vectors: Embeddings?
  private var passages = 0
  private var bytes = 0
  /// Passages written or waiting.
  private(set) var total = 0

  /// What a transaction holds, at most: enough that its fixed costs do not count, and little enough that nobody waits
  /// long for it.
  private static let (passageLimit, byteLimit) = (1 << 15, 1 << 25)

  private struct Key: Hashable {
    let kind: DocumentKind
    let key: [UInt8]
  }

  init(_ collection: Collection) { self.collection = collection }

  /// Takes in a batch.
  ///
  /// - Parameter describe: says what is known of source `number`; nil leaves it out.
  mutating func add(_ batch: PassageBatch, continuing: Int?, describe: (Int) -> NewDocument?) throws {
    var bySource: [Int: Int] = [:]
    let unfinished = batch.unfinished
    let described = batch.sources.compactMap { number in describe(number).map { (number, $0) } }
    // A transaction replaces what others wrote, not what is in it.
    if described.contains(where: { keys.contains(Key(kind: $1.kind, key: $1.key)) }) { try flush() }
    for (number, next) in described {
      var document = next
      keys.insert(Key(kind: document.kind, key: document.key))
      document.continues = number == continuing
      document.isWhole = number != unfinished
      bySource[number] = documents.count
      documents.append(document)
    }
    for index in 0..<batch.count {
      guard let place = bySource[batch.document(of: index)] else { continue }
      let text = batch.text(index)
      bytes += text.utf8.count
      documents[place].passages.append(NewPassage(passage: batch.passage(index), text: text))
    }
    if batch.count > 0 {
      if vectors == nil { vectors = batch.vectors } else { try vectors?.append(batch.vectors) }
    }
    passages += batch.count
    total += batch.count
    if passages >= Self.passageLimit || bytes >= Self.byteLimit || documents.count >= Self.passageLimit { try flush() }
  }

  /// Writes what is waiting; it is on disk when this returns.
  mutating func flush() throws {
    guard !documents.isEmpty else { return }
    let (documents, vectors) = (documents, vectors)
    (self.documents, self.vectors, keys, passages, bytes) = ([], nil, [], 0, 0)
    try collection.commit(documents, vectors: vectors)
  }
}
