import MinkeCore
import MinkeSearch
import MinkeText

/// A passage found by a search.
public struct FoundPassage: Sendable, Equatable {
  /// How well passage and query agree. By meaning, the cosine of their vectors, or for bits that of the signs; by words,
  /// their BM25 score; by both, the weighted sum, 0 to 1.
  public let score: Float
  /// The document's name: the path of its file, as it was named or found below a folder that was named, or the
  /// `Document.id` that it was given.
  public let document: String
  /// The path of the document's file; nil where it is none.
  public let path: FilePath?
  /// Where the passage stands in the document.
  public let passage: Passage
  /// The text of the passage, as it was when it was read.
  public let text: String
  /// The document's title, where it was given one.
  public let title: String?
  /// What else is known of the document, in a collection.
  public let metadata: [String: JSONValue]
  /// The passages before it, where they were asked for, in order.
  public package(set) var before: [String] = []
  /// The passages behind it, where they were asked for, in order.
  public package(set) var after: [String] = []
  /// The number of the passage in its collection.
  package let id: Int64?

  package init(
    score: Float, document: String, path: FilePath?, passage: Passage, text: String, title: String? = nil,
    metadata: [String: JSONValue] = [:], id: Int64? = nil
  ) {
    (self.score, self.document, self.path, self.passage) = (score, document, path, passage)
    (self.text, self.title, self.metadata, self.id) = (text, title, metadata, id)
  }
}

/// By what a search finds.
public enum SearchMode: String, CaseIterable, Sendable {
  /// By words and meaning together.
  case both
  /// By meaning alone.
  case meaning
  /// By words alone.
  case words
}

/// What a search gives of what it finds, and by what it finds it.
public struct SearchOptions: Sendable {
  /// Passages given, at most.
  public var k: Int
  /// The least score of a passage; nil for any.
  public var threshold: Float?
  /// Passages of one document, at most; nil for any number.
  public var maximumPerDocument: Int?
  /// Whether words count, meaning, or both.
  public var mode: SearchMode
  /// How the scores of both become one.
  public var fusion: Fusion

  /// Options that differ from the default where they are given.
  public init(
    k: Int = 10, threshold: Float? = nil, maximumPerDocument: Int? = nil, mode: SearchMode = .both,
    fusion: Fusion = .standard
  ) {
    self.k = k
    self.threshold = threshold
    self.maximumPerDocument = maximumPerDocument
    self.mode = mode
    self.fusion = fusion
  }
}
