import Dispatch
import Minke
import MinkeCore
import MinkeModels
import MinkeReading
import MinkeText
import Synchronization

/// Takes in what comes out of the reading pipeline and writes it in transactions of bounded size, each on a thread of its
/// own while the next is read and encoded.
final class CollectionWriter {
  private let collection: any DocumentStorage
  private let run = Int64.random(in: .min ... .max)
  private let committing = DispatchQueue(label: "minke.collection.writer")
  private let failure = Failure()
  private var documents: [NewDocument] = []
  private var keys: Set<Key> = []
  private var vectors: [Embeddings] = []
  private var passages = 0
  private var bytes = 0
  /// Passages written or waiting.
  private(set) var total = 0

  /// What a transaction holds, at most: enough that its fixed costs do not count, and little enough that nobody waits
  /// long for it.
  private static let (passageLimit, byteLimit) = (1 << 14, 1 << 24)

  private struct Key: Hashable {
    let kind: DocumentKind
    let key: [UInt8]
  }

  /// Why a transaction came to nothing.
  private final class Failure: Sendable {
    let error = Mutex<(any Error)?>(nil)
  }

  init(_ collection: any DocumentStorage) { self.collection = collection }

  // Nothing is written any more once whoever asked for it has gone on.
  deinit { committing.sync {} }

  /// Takes in a batch.
  ///
  /// - Parameter describe: says what is known of source `number`; nil leaves it out.
  func add(_ batch: PassageBatch, continuing: Int?, describe: (Int) -> NewDocument?) throws {
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
    if batch.count > 0 { vectors.append(batch.vectors) }
    passages += batch.count
    total += batch.count
    if passages >= Self.passageLimit || bytes >= Self.byteLimit || documents.count >= Self.passageLimit { try flush() }
  }

  /// Writes what is waiting; all of it is on disk when this returns.
  func finish() throws {
    try flush()
    try wait()
  }

  /// Begins to write what is waiting, once what was begun before is on disk.
  private func flush() throws {
    try wait()
    guard !documents.isEmpty else { return }
    committing.async { [collection, run, failure, documents, vectors] in
      do {
        try collection.commit(documents, vectors: Embeddings(joining: vectors), run: run)
      } catch {
        failure.error.withLock { $0 = error }
      }
    }
    (documents, vectors, keys, passages, bytes) = ([], [], [], 0, 0)
  }

  private func wait() throws {
    committing.sync {}
    if let error = failure.error.withLock({ $0 }) { throw error }
  }
}
