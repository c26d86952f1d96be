import Foundation
import Minke
import MinkeCheckpoints
import MinkeCore
import MinkeModels

/// Where the vectors of a task's texts come from.
///
/// A task asks for its texts in groups, in an order that its documentation states.
public protocol TextVectors: AnyObject {
  /// What made the vectors, for reports.
  var name: String { get }
  /// Numbers or bits of a vector, where that is known beforehand.
  var metric: Metric { get }

  /// The vectors of the next group of texts, one a text.
  ///
  /// - Throws: `MinkeError` when there are not as many as texts; what the encoder throws.
  func vectors(of texts: [String], role: TextRole?, progress: ProgressHandler?) throws -> Embeddings
}

/// Vectors that an encoder makes.
public final class EncodedVectors: TextVectors {
  private let encoder: any TextEncoder
  private let dimension: Int?
  public let name: String

  /// - Parameter dimension: how many leading numbers of each vector to keep; nil keeps all.
  public init(_ encoder: any TextEncoder, dimension: Int? = nil) {
    (self.encoder, self.dimension, name) = (encoder, dimension, encoder.identity.name)
  }

  public var metric: Metric { encoder.metric }

  public func vectors(of texts: [String], role: TextRole?, progress: ProgressHandler?) throws -> Embeddings {
    try encoder.encode(texts, options: EncodingOptions(dimension: dimension, role: role, progress: progress))
  }
}

/// Vectors that were made elsewhere: a .npy file for each group of texts, in the order in which the task asks for them.
///
/// A file of unsigned bytes holds packed bits, any other rows of numbers.
public final class FileVectors: TextVectors {
  private let files: [URL]
  private var next = 0

  public init(_ files: [URL]) { self.files = files }

  public var name: String { files.map(\.lastPathComponent).joined(separator: ", ") }

  public var metric: Metric { .cosine }

  public func vectors(of texts: [String], role: TextRole?, progress: ProgressHandler?) throws -> Embeddings {
    guard next < files.count else {
      throw MinkeError(
        .invalidArgument, "vectors", expected: "a file for each group of texts, one more for \(texts.count) texts",
        found: "\(files.count)")
    }
    let file = files[next]
    next += 1
    let vectors = try Embeddings(npy: file)
    guard vectors.count == texts.count else {
      throw MinkeError(
        .shapeMismatch, file.relativePath, expected: "a vector for each of \(texts.count) texts",
        found: "\(vectors.count)")
    }
    return vectors
  }
}
