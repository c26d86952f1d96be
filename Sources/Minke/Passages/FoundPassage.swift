import MinkeText

/// A passage found by a search.
public struct FoundPassage: Sendable, Equatable {
  /// How alike passage and query are: cosine, at most 1; for a binary encoder, the cosine of the signs.
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
}

/// What a search gives of what it finds.
public struct SearchOptions: Sendable {
  /// Passages given, at most.
  public var k: Int
  /// The least score of a passage; nil for any.
  public var threshold: Float?
  /// Passages of one document, at most; nil for any number.
  public var maximumPerDocument: Int?

  /// Options that differ from the default where they are given.
  public init(k: Int = 10, threshold: Float? = nil, maximumPerDocument: Int? = nil) {
    self.k = k
    self.threshold = threshold
    self.maximumPerDocument = maximumPerDocument
  }
}
