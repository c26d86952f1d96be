import GRDB
import MinkeCore

/// Something that is not as it should be in a collection, and what to do about it.
public struct CollectionDefect: Sendable, Equatable, CustomStringConvertible {
  /// What is affected.
  public enum Kind: String, Sendable, CaseIterable {
    /// The structure of the database itself.
    case database
    /// What the collection was made with.
    case settings
    /// Documents and where they came from.
    case documents
    /// Passages: their texts and places.
    case passages
    /// Bytes that hold vectors or words.
    case blocks
    /// Vectors, and which passages they are of.
    case vectors
    /// Words, and which passages they are of.
    case words
    /// Documents that were not read to their end; nothing is wrong with what is there of them.
    case unfinished
  }

  /// What is affected.
  public let kind: Kind
  /// Where, such as `block 17` or `passages 5 to 9`.
  public let place: String
  /// What is wrong.
  public let problem: String

  /// What to do.
  public var remedy: String {
    switch kind {
    case .database:
      "take the collection from a backup, or index its sources into a new one; a disk or memory that fails may be the cause"
    case .settings: "take the collection from a backup, or index its sources into a new one"
    case .documents, .passages: "remove the document and add it again"
    case .blocks, .vectors, .words: "minke index --reindex makes all vectors and words anew from the texts"
    case .unfinished: "add the document again, or index its sources again"
    }
  }

  /// Whether something is wrong, not merely unfinished.
  public var isDamage: Bool { kind != .unfinished }

  /// Place, problem and remedy in one line.
  public var description: String { "\(place): \(problem); \(remedy)" }
}

/// Gathers defects, a bounded number of each kind.
package struct DefectList {
  private(set) var defects: [CollectionDefect] = []
  private var counts: [CollectionDefect.Kind: Int] = [:]
  private let path: String
  private let limit: Int

  package init(path: String, limit: Int) { (self.path, self.limit) = (path, limit) }

  package mutating func add(_ kind: CollectionDefect.Kind, _ place: String, _ problem: String) {
    counts[kind, default: 0] += 1
    if counts[kind, default: 0] <= limit {
      defects.append(CollectionDefect(kind: kind, place: place, problem: problem))
    }
  }

  /// Does `work`, and takes what it throws for a defect.
  ///
  /// - Returns: what `work` gives; nil where it threw.
  /// - Throws: `CancellationError`, and errors that are none of the file's.
  mutating func attempt<Result>(
    _ kind: CollectionDefect.Kind, _ place: String, _ work: (inout DefectList) throws -> Result
  ) throws -> Result? {
    do {
      return try work(&self)
    } catch let error as MinkeError where error.kind == .malformedFile || error.kind == .unsupportedFile {
      add(kind, place, "expected \(error.expected), found \(error.found)")
    } catch let error as DatabaseError {
      guard case let known as MinkeError = CollectionFile.explained(error, path), known.kind == .malformedFile else {
        throw CollectionFile.explained(error, path)
      }
      add(.database, place, error.message ?? "damage")
    }
    return nil
  }

  /// All of them, with a last one of each kind that there were too many of.
  package var all: [CollectionDefect] {
    defects
      + CollectionDefect.Kind.allCases.compactMap { kind in
        let more = counts[kind, default: 0] - limit
        return more > 0
          ? CollectionDefect(kind: kind, place: path, problem: "\(more) more defects like these") : nil
      }
  }
}
