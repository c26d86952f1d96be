import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A folder that holds a model's files, in the layout of sentence-transformers or a plain one.
public struct ModelFolder: Sendable {
  /// One line of `modules.json`: a part of a sentence-transformers model and the sub-folder with its files.
  public struct Module: Sendable, Equatable {
    public let type: String
    public let path: String

    /// The class name at the end of ``type``, such as `Pooling`.
    public var className: String { type.split(separator: ".").last.map(String.init) ?? type }
  }

  public let url: URL
  /// The name the model goes by: the folder's own.
  public let name: String
  /// The parts that `modules.json` names, in order; empty without such a file.
  public let modules: [Module]

  /// - Throws: ``MinkeError`` when there is no such folder or its `modules.json` is malformed.
  public init(_ url: URL) throws {
    self.url = url
    name = url.standardizedFileURL.lastPathComponent
    var isFolder = false
    if let attributes = try? FileManager.default.attributesOfItem(atPath: url.resolvingSymlinksInPath().path) {
      isFolder = attributes[.type] as? FileAttributeType == .typeDirectory
      if !isFolder {
        throw MinkeError(.unsupportedFile, url.relativePath, expected: "a model folder", found: "a file")
      }
    }
    if !isFolder {
      throw MinkeError(.notFound, url.relativePath, expected: "a model folder", found: "nothing there")
    }
    let list = url.appendingPathComponent("modules.json")
    guard FileManager.default.fileExists(atPath: list.path) else {
      modules = []
      return
    }
    let file = try MappedFile(list)
    let subject = list.relativePath
    guard let entries = try JSONValue(parsing: file.bytes, subject: subject).array else {
      throw MinkeError(.malformedFile, subject, expected: "a list of modules", found: "something else")
    }
    modules = try entries.map { entry in
      guard let type = entry["type"]?.string, let path = entry["path"]?.string else {
        throw MinkeError(.malformedFile, subject, expected: "modules with \"type\" and \"path\"", found: entry.text)
      }
      guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
        throw MinkeError(.malformedFile, subject, expected: "paths inside the folder", found: "\"\(path)\"")
      }
      return Module(type: type, path: path)
    }
  }

  /// The file `name` in the first module's sub-folder or, where it is not there, in the folder itself.
  public func file(_ name: String) -> URL? {
    var places = [url]
    if let first = modules.first, !first.path.isEmpty { places.insert(url.appendingPathComponent(first.path), at: 0) }
    return places.map { $0.appendingPathComponent(name) }.first {
      FileManager.default.fileExists(atPath: $0.path)
    }
  }

  /// Like ``file(_:)``, for a file that must be there.
  public func requiredFile(_ name: String) throws(MinkeError) -> URL {
    guard let found = file(name) else {
      throw MinkeError(.notFound, url.relativePath, expected: "a file \(name)", found: "no such file")
    }
    return found
  }

  /// The JSON file `name` as a tree; nil where there is none.
  public func json(_ name: String) throws -> JSONValue? {
    guard let url = file(name) else { return nil }
    let file = try MappedFile(url)
    return try JSONValue(parsing: file.bytes, subject: url.relativePath)
  }
}
