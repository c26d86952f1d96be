import MinkeCheckpoints
import MinkeCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An opened folder with a model's files, in the layout of sentence-transformers or a plain one.
///
/// Each configuration and checkpoint is read once, however many ask for it.
public final class ModelFolder: Sendable {
  /// One line of `modules.json`: a part of a sentence-transformers model and the sub-folder with its files.
  public struct Module: Sendable, Equatable {
    /// The Python class, such as `sentence_transformers.models.Pooling`.
    public let type: String
    /// The sub-folder's path inside the model's folder; empty for the folder itself.
    public let path: String

    /// The class name at the end of ``type``, such as `Pooling`.
    public var className: String { type.split(separator: ".").last.map(String.init) ?? type }

    /// Whether the class is none of sentence-transformers' own, but code that comes with the model.
    var isForeign: Bool { !type.hasPrefix("sentence_transformers.") }
  }

  /// Where the folder is.
  public let url: URL
  /// The name the model goes by: the folder's own, or the one on the hub that it is from.
  public let name: String
  /// The parts that `modules.json` names, in order; empty without such a file.
  public let modules: [Module]
  /// The one archive that was asked for, where the model was named by it.
  package let archive: URL?

  private let opened = Mutex(Opened())

  /// What was read so far, by path.
  private struct Opened {
    var configurations: [String: JSONValue] = [:]
    var checkpoints: [String: Checkpoint] = [:]
  }

  /// Opens the folder at `url`.
  ///
  /// - Throws: `MinkeError` when there is no such folder or its `modules.json` is malformed.
  public convenience init(_ url: URL) throws { try self.init(url, archive: nil) }

  package init(_ url: URL, archive: URL?, name: String? = nil) throws {
    self.url = url
    self.archive = archive
    self.name = name ?? url.standardizedFileURL.lastPathComponent
    switch Self.kind(of: url) {
    case .folder: break
    case .file: throw MinkeError(.unsupportedFile, url.relativePath, expected: "a model folder", found: "a file")
    case nil: throw MinkeError(.notFound, url.relativePath, expected: "a model folder", found: "nothing there")
    }
    modules = try Self.modules(in: url)
  }

  private static func modules(in url: URL) throws -> [Module] {
    let list = url.appendingPathComponent("modules.json")
    guard FileManager.default.fileExists(atPath: list.path) else { return [] }
    let file = try MappedFile(list)
    return try withExtendedLifetime(file) { try modules(file.bytes, subject: list.relativePath) }
  }

  /// The parts that the bytes of a `modules.json` name.
  ///
  /// - Throws: `MinkeError` when they are malformed or a part lies outside the folder.
  package static func modules(_ bytes: UnsafeRawBufferPointer, subject: String) throws -> [Module] {
    guard let entries = try JSONValue(parsing: bytes, subject: subject).array else {
      throw MinkeError(.malformedFile, subject, expected: "a list of modules", found: "something else")
    }
    return try entries.map { entry in
      guard let type = entry["type"]?.string, let path = entry["path"]?.string else {
        throw MinkeError(.malformedFile, subject, expected: "modules with \"type\" and \"path\"", found: entry.text)
      }
      guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
        throw MinkeError(.malformedFile, subject, expected: "paths inside the folder", found: "\"\(path)\"")
      }
      return Module(type: type, path: path)
    }
  }

  /// Whether a folder or something else is at `url`, links followed; nil where there is nothing.
  package static func kind(of url: URL) -> Kind? {
    let path = url.resolvingSymlinksInPath().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { return nil }
    return attributes[.type] as? FileAttributeType == .typeDirectory ? .folder : .file
  }

  package enum Kind { case folder, file }

  // MARK: Files

  /// The file `name` in the first module's sub-folder or, where it is not there, in the folder itself.
  public func file(_ name: String) -> URL? {
    var places = [url]
    if let first = modules.first, !first.path.isEmpty { places.insert(url.appendingPathComponent(first.path), at: 0) }
    return places.map { $0.appendingPathComponent(name) }.first {
      FileManager.default.fileExists(atPath: $0.path)
    }
  }

  /// Like ``file(_:)``, for a file that must be there.
  ///
  /// - Throws: `MinkeError` of kind `notFound`.
  public func requiredFile(_ name: String) throws(MinkeError) -> URL {
    guard let found = file(name) else {
      throw MinkeError(.notFound, url.relativePath, expected: "a file \(name)", found: "no such file")
    }
    return found
  }

  /// The JSON file `name` as a tree; nil where there is none.
  ///
  /// - Throws: `MinkeError` when the file is no JSON.
  public func json(_ name: String) throws -> JSONValue? { try file(name).map { try json(at: $0) } }

  /// The JSON file at `url`, inside the folder.
  package func json(at url: URL) throws -> JSONValue {
    if let known = opened.withLock({ $0.configurations[url.path] }) { return known }
    let file = try MappedFile(url)
    let json = try JSONValue(parsing: file.bytes, subject: url.relativePath)
    opened.withLock { $0.configurations[url.path] = json }
    return json
  }

  /// A reader of the configuration `name`; nil where there is no such file.
  ///
  /// - Throws: `MinkeError` when the file is no JSON object.
  package func configuration(_ name: String) throws -> ConfigurationReader? {
    try file(name).map { try ConfigurationReader(json(at: $0), subject: $0.relativePath) }
  }

  /// The checkpoint at `url`, inside the folder.
  ///
  /// - Throws: `MinkeError` when the file cannot be read or is malformed.
  package func checkpoint(_ url: URL) throws -> Checkpoint {
    if let known = opened.withLock({ $0.checkpoints[url.path] }) { return known }
    let checkpoint = try Checkpoint(contentsOf: url)
    opened.withLock { $0.checkpoints[url.path] = checkpoint }
    return checkpoint
  }

  /// What was read of the files of `module`.
  func opened(inModule module: Module) -> (configuration: JSONValue?, checkpoint: Checkpoint?) {
    let place = url.appendingPathComponent(module.path)
    let (configurations, checkpoints) = opened.withLock { ($0.configurations, $0.checkpoints) }
    let weights = Self.weightsNames.lazy.compactMap { checkpoints[place.appendingPathComponent($0).path] }
    return (configurations[place.appendingPathComponent("config.json").path], weights.first)
  }

  /// The file of the weights, in the first of the forms they are published in; nil where there is none.
  package var weightsURL: URL? { Self.weightsNames.lazy.compactMap(file).first }

  /// The names that the file of the weights may have.
  package static let weightsNames = [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
  ]

  /// The names of what lies in the folder, for error texts.
  package var listing: String {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
    if names.isEmpty { return "an empty folder" }
    let shown = names.prefix(8).joined(separator: ", ")
    return names.count > 8 ? "\(shown) and \(names.count - 8) more" : shown
  }
}
