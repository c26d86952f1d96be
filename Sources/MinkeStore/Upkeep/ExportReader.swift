import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeText

/// Reads the files of an exported collection, which ``ExportFormat`` names, in pieces of bounded size.
package struct ExportReader {
  /// What the collection was made with; how vectors are kept may be chosen anew.
  package private(set) var settings: CollectionSettings
  /// Passages that there are.
  package let passageCount: Int

  private var documents: ExportedLines
  private var passages: ExportedLines
  private let vectors: NumPyReader
  /// Rows that are read at a time.
  private let rowBytes: Int
  private var last: Int64 = 0

  private static let atOnce = 1 << 15

  /// - Parameters:
  ///   - encoder: the model that made the vectors; nil loads it by the name that it had.
  ///   - storage: how vectors are to be kept; nil for as they were.
  /// - Throws: `MinkeError` when the files are not those of an export or were made with another model.
  package init(_ folder: URL, storage: CollectionSettings.Storage?) throws {
    let file = try MappedFile(folder.appendingPathComponent(ExportFormat.settings))
    let json = try JSONValue(parsing: file.bytes, subject: file.path)
    func malformed(_ name: String) -> MinkeError {
      MinkeError(.malformedFile, file.path, expected: "a right \"\(name)\"", found: "none or another")
    }
    guard let version = json["version"]?.integer else { throw malformed("version") }
    guard version == ExportFormat.version else {
      throw MinkeError(
        .unsupportedFile, file.path, expected: "version \(ExportFormat.version)", found: "version \(version)")
    }
    settings = try CollectionSettings(json.object ?? [:], malformed: malformed)
    guard let passageCount = json["passages"]?.integer, passageCount >= 0 else { throw malformed("passages") }
    self.passageCount = passageCount

    vectors = try NumPyReader(folder.appendingPathComponent(ExportFormat.vectors))
    try vectors.checkVectors()
    let isBinary = settings.storage == .binary
    guard vectors.vectorDimension == settings.dimension, (vectors.elementType == .uint8) == isBinary,
      vectors.shape[0] == passageCount
    else {
      throw MinkeError(
        .shapeMismatch, vectors.subject,
        expected: "\(passageCount) vectors of \(settings.dimension) \(isBinary ? "bits" : "numbers")",
        found: "\(vectors.shape) \(vectors.elementType.rawValue)")
    }
    rowBytes = isBinary ? settings.dimension / 8 : settings.dimension * 4
    documents = try ExportedLines(folder, ExportFormat.documents)
    passages = try ExportedLines(folder, ExportFormat.passages)
    guard !isBinary || storage ?? .binary == .binary else {
      throw MinkeError(
        .invalidArgument, "storage", expected: "binary for vectors of bits", found: storage?.rawValue ?? "")
    }
    settings.storage = storage ?? settings.storage
  }

  /// The model that made the vectors.
  ///
  /// - Parameter given: the model that is at hand; nil loads it by the name that it had.
  /// - Throws: `MinkeError` when it is another one, or cannot be found.
  package func encoder(_ given: (any TextEncoder)?, of folder: URL) throws -> any TextEncoder {
    let encoder = try given ?? Collection.loadEncoder(settings)
    guard settings.model == encoder.identity else {
      throw MinkeError(
        .invalidArgument, folder.relativePath, expected: "the model that made the vectors, \(settings.model)",
        found: "\(encoder.identity)")
    }
    return encoder
  }

  /// The next documents; none when there are no more.
  package mutating func nextDocuments() throws -> [ExportedDocument] {
    try Task.checkCancellation()
    return try documents.next(Self.atOnce) { try ExportedDocument($0, subject: $1) }
  }

  /// The next passages and their vectors, which have the length they are to have; nil when there are no more.
  ///
  /// - Throws: `MinkeError` when there are not as many passages as vectors, or their ids do not ascend.
  package mutating func nextPassages() throws -> (passages: [ExportedPassage], vectors: Embeddings)? {
    try Task.checkCancellation()
    let rows = min(Self.atOnce, max(1, (1 << 26) / rowBytes))
    guard let batch = try vectors.nextVectors(bytes: rows * rowBytes) else {
      guard try passages.next(1, { json, _ in json }).isEmpty else {
        throw passages.error("as many passages as vectors", "more")
      }
      return nil
    }
    let found = try passages.next(batch.count) { try ExportedPassage($0, subject: $1) }
    guard found.count == batch.count else { throw passages.error("as many passages as vectors", "fewer") }
    for passage in found {
      guard passage.id > last else { throw passages.error("ids that ascend", "\(passage.id) behind \(last)") }
      last = passage.id
    }
    return (found, batch)
  }

  /// What is wrong where some passages are of no document.
  package func strays(_ count: Int) -> MinkeError { passages.error("passages of documents", "\(count) of others") }
}

/// The lines of a file of an export, each a JSON object.
private struct ExportedLines {
  private var lines: FileLines

  init(_ folder: URL, _ file: String) throws {
    lines = try FileLines(contentsOf: FilePath(folder.appendingPathComponent(file).relativePath))
  }

  /// What `read` makes of the next `count` lines, or of as many as are left.
  mutating func next<Value: Sendable>(
    _ count: Int, _ read: @Sendable (_ json: JSONValue, _ subject: String) throws -> Value
  ) throws -> [Value] {
    try lines.next(count) { try read(try $0.json(), $0.subject) } ?? []
  }

  func error(_ expected: String, _ found: String) -> MinkeError {
    MinkeError(.malformedFile, lines.name, expected: expected, found: found)
  }
}
