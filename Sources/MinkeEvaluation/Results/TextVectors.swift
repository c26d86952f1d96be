import Foundation
import Minke
import MinkeCheckpoints
import MinkeCore
import MinkeModels

/// Where the vectors of a task's texts come from.
///
/// A task asks for its texts in groups, in an order that its documentation states; a large group comes in parts.
public protocol TextVectors: AnyObject {
  /// What made the vectors, for reports.
  var name: String { get }
  /// How the vectors are meant to be compared.
  var metric: Metric { get }

  /// The vectors of some more texts of a group, one a text.
  ///
  /// - Parameter isLast: whether these are the last of the group.
  /// - Throws: `MinkeError` when there are not as many as texts; what the encoder throws.
  func vectors(
    ofPart texts: [String], isLast: Bool, role: TextRole?, progress: ProgressHandler?
  ) throws -> Embeddings
}

extension TextVectors {
  /// The vectors of a whole group of texts, one a text.
  ///
  /// - Throws: as ``vectors(ofPart:isLast:role:progress:)``.
  public func vectors(of texts: [String], role: TextRole?, progress: ProgressHandler? = nil) throws -> Embeddings {
    try vectors(ofPart: texts, isLast: true, role: role, progress: progress)
  }
}

/// Vectors that an encoder makes.
public final class EncodedVectors: TextVectors {
  private let encoder: any TextEncoder
  private let dimension: Int?
  private let normalize: Bool
  public let name: String

  /// - Parameters:
  ///   - dimension: how many leading numbers of each vector to keep; nil keeps all.
  ///   - normalize: whether vectors are scaled to length 1.
  public init(_ encoder: any TextEncoder, dimension: Int? = nil, normalize: Bool = true) {
    (self.encoder, self.dimension, self.normalize) = (encoder, dimension, normalize)
    name = encoder.identity.name
  }

  public var metric: Metric { encoder.metric }

  public func vectors(
    ofPart texts: [String], isLast: Bool, role: TextRole?, progress: ProgressHandler?
  ) throws -> Embeddings {
    try encoder.encode(
      texts, options: EncodingOptions(dimension: dimension, normalize: normalize, role: role, progress: progress))
  }
}

/// Vectors that were made elsewhere: a .npy file for each group of texts, in the order in which the task asks for them.
///
/// A file of unsigned bytes holds packed bits, any other rows of numbers.
public final class FileVectors: TextVectors {
  private let files: [URL]
  private let dimension: Int?
  private var next = 0
  private var reader: NumPyReader?

  /// - Parameter dimension: how many leading numbers, or bits, of each vector to keep; nil keeps all.
  public init(_ files: [URL], dimension: Int? = nil) { (self.files, self.dimension) = (files, dimension) }

  /// - Throws: `MinkeError` when a file is left that no task asked for.
  public func checkAllUsed() throws {
    guard next == files.count else {
      throw MinkeError(
        .invalidArgument, "vectors", expected: "a file for each group of texts, \(next)", found: "\(files.count)")
    }
  }

  public var name: String { files.map(\.lastPathComponent).joined(separator: ", ") }

  public var metric: Metric { .cosine }

  public func vectors(
    ofPart texts: [String], isLast: Bool, role: TextRole?, progress: ProgressHandler?
  ) throws -> Embeddings {
    let reader = try reader ?? open()
    self.reader = isLast ? nil : reader
    var vectors =
      try reader.elementType == .uint8
      ? Embeddings(packed: [], dimension: reader.vectorDimension)
      : Embeddings(floats: [], dimension: reader.vectorDimension)
    let rowBytes = reader.shape[1] * reader.elementType.byteCount
    while vectors.count < texts.count,
      let more = try reader.nextVectors(
        bytes: min((texts.count - vectors.count) * rowBytes, max(rowBytes, 4 << 20)))
    { try vectors.append(more) }
    guard vectors.count == texts.count, !isLast || reader.rowsRead == reader.shape[0] else {
      throw MinkeError(
        .shapeMismatch, reader.subject,
        expected: "a vector for each text, \(reader.rowsRead - vectors.count + texts.count)",
        found: "\(reader.shape[0])")
    }
    return try dimension.map { try vectors.truncated(to: $0) } ?? vectors
  }

  private func open() throws -> NumPyReader {
    guard next < files.count else {
      throw MinkeError(
        .invalidArgument, "vectors", expected: "a file for each group of texts, \(next + 1) or more",
        found: "\(files.count)")
    }
    defer { next += 1 }
    let reader = try NumPyReader(files[next])
    try reader.checkVectors()
    return reader
  }
}
