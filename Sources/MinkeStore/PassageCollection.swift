import Foundation
import Minke
import MinkeCore
import MinkeModels
import MinkeText

/// Documents kept with their passages, vectors and words, to be searched by meaning and by words, wherever they lie.
///
/// What searches find is the same for all: scores are of one scale, and passages are ranked in one way.
/// ``Collection`` keeps them in a file.
public protocol PassageCollection: AnyObject, Sendable {
  /// What turns passages and queries into vectors.
  var encoder: any TextEncoder { get }
  /// A short name.
  var name: String { get }
  /// Where it lies, as it may be shown to anybody: no password is in it.
  var location: String { get }
  /// Whether it may only be read.
  var isReadOnly: Bool { get }

  /// What the collection was made with.
  var settings: CollectionSettings { get throws }
  /// Documents held.
  var documentCount: Int { get throws }
  /// Passages held.
  var passageCount: Int { get throws }
  /// Bytes that it takes.
  var byteCount: Int { get throws }
  /// What the collection holds, and what that takes.
  func info() throws -> CollectionInfo

  /// The passages that suit each of `queries` best, the best first; all are answered from one state.
  ///
  /// - Throws: `MinkeError` when an option is out of its range or the collection cannot be read; `CancellationError`.
  func search(_ queries: [String], options: CollectionSearchOptions) throws -> [[FoundPassage]]
  /// The passages whose meaning is nearest to that of a document that is held, or of its passage at `line`.
  ///
  /// - Throws: `MinkeError` of kind `notFound` when there is no such document or it has no text, and as
  ///   ``search(_:options:)``.
  func similar(to document: String, line: Int?, options: CollectionSearchOptions) throws -> [FoundPassage]

  /// Finds all pairs of passages that are alike by `threshold` or more, those of one document that share some of its text
  /// only with `includesNeighbors`; ``Collection/duplicates(threshold:includesNeighbors:progress:_:)`` says more.
  ///
  /// - Parameter body: takes each pair; it must not use the collection.
  /// - Throws: `MinkeError` when the threshold is not a number from -1 to 1 or the collection cannot be read, and what
  ///   `body` throws; `CancellationError`.
  func duplicates(
    threshold: Float, includesNeighbors: Bool, progress: ProgressHandler?, _ body: (SimilarPassages) throws -> Void
  ) throws
  /// Finds groups of passages in which each is alike to another one of the group, the largest first; otherwise as
  /// ``duplicates(threshold:includesNeighbors:progress:_:)``.
  func duplicateGroups(
    threshold: Float, includesNeighbors: Bool, progress: ProgressHandler?, _ body: ([FoundPassage]) throws -> Void
  ) throws
  /// Puts all passages into `k` clusters by meaning, the largest first;
  /// ``Collection/clusters(_:seed:central:words:progress:)`` says more.
  ///
  /// - Throws: `MinkeError` when `k` is below 1 or the collection cannot be read; `CancellationError`.
  func clusters(
    _ k: Int, seed: UInt64, central: Int, words: Int, progress: ProgressHandler?
  ) throws -> [PassageCluster]

  /// The names of up to `count` documents in the order in which they came, after the first `offset`.
  func documents(from offset: Int, count: Int) throws -> [String]
  /// Whether a document of this id or path is held.
  func contains(_ document: String) throws -> Bool
  /// The passages of a document in order, which is known by its id or its path; none where there is no such document.
  func passages(of document: String) throws -> [FoundPassage]
  /// The number of the first passage of a document, which is known by its id or its path; nil where there is none.
  func firstPassage(of document: String) throws -> Int64?
  /// The passage with this number, and up to `count` of its document before it and behind it; nil where there is none.
  func surroundings(
    ofPassage id: Int64, count: Int
  ) throws -> (before: [FoundPassage], passage: FoundPassage, after: [FoundPassage])?

  /// Adds records; one whose id is there is replaced, unless it is the same.
  ///
  /// - Parameters:
  ///   - records: the texts, with their ids.
  ///   - splitter: how texts are split; nil for passages of the usual length.
  ///   - progress: hears how far it has come.
  /// - Throws: `MinkeError` when the collection cannot be written to; `CancellationError`. What was written before stays.
  @discardableResult
  func add(
    _ records: [TextRecord], splitter: PassageSplitter?, progress: (@Sendable (IndexProgress) -> Void)?
  ) throws -> IndexReport
  /// Brings the collection to the state of the files at `paths` and below the folders among them.
  ///
  /// - Parameters:
  ///   - paths: files and folders; a file of JSON Lines gives a record a line.
  ///   - options: what is read, and how.
  ///   - progress: hears how far it has come.
  /// - Returns: what was done. What cannot be read is left as it was in the collection, and named there.
  /// - Throws: `MinkeError` when a path does not exist or the collection cannot be written to; `CancellationError`.
  @discardableResult
  func index(
    _ paths: [FilePath], options: IndexingOptions, progress: (@Sendable (IndexProgress) -> Void)?
  ) throws -> IndexReport
  /// Takes out the documents with these ids, or paths for files; says which there were.
  ///
  /// - Throws: `MinkeError` when the collection cannot be written to.
  @discardableResult
  func remove(_ documents: [String]) throws -> [String]

  /// Writes all that the collection holds as files that any program reads, into a folder that appears whole or not at
  /// all; ``Collection/export(to:progress:)`` says which.
  ///
  /// - Returns: the number of passages.
  /// - Throws: `MinkeError` when there is something at `folder` or writing fails; `CancellationError`.
  @discardableResult
  func export(to folder: URL, progress: ProgressHandler?) throws -> Int

  /// Makes the collection as small, and searches as fast, as can be; what is found stays the same.
  ///
  /// - Throws: `MinkeError` when the collection cannot be written to; `CancellationError`.
  @discardableResult
  func compact(progress: ProgressHandler?) throws -> CompactionReport

  /// Lets go of what it lies in. Using the collection afterwards throws.
  func close() throws
}

extension PassageCollection {
  /// The `k` passages that suit `query` best, the best first; fewer where there are fewer.
  ///
  /// Words in quotation marks must occur as they are, words behind a minus sign must not, and `path:`, `title:` or the
  /// name of metadata before a colon says what the document's must hold. Whatever is typed is a valid query.
  /// - Throws: `MinkeError` when `k` is below 1 or the collection is damaged; `CancellationError`.
  public func search(_ query: String, k: Int = 10) throws -> [FoundPassage] {
    try search([query], options: CollectionSearchOptions(k: k))[0]
  }
}
