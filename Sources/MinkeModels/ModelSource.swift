import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where a model's files are: what every place that takes a model takes by name.
public struct ModelSource: Sendable, Equatable, CustomStringConvertible {
  /// The kinds of places.
  public enum Place: Sendable, Equatable {
    /// A model that comes with the package.
    case builtIn(String)
    /// A folder with the model's files.
    case folder(URL)
    /// An archive of `torch.save`, with the files beside it, if there are any.
    case archive(URL)
  }

  /// Where that is.
  public let place: Place

  /// The name or the path by which the model was asked for.
  public let description: String

  /// The source called `name`: a built-in name, the path of a folder, or that of an archive (`.pt`).
  ///
  /// - Throws: `MinkeError` of kind `notFound` when it is none of them, `unsupportedFile` when it is another file.
  public init(_ name: String) throws(MinkeError) {
    description = name
    if BuiltInModels.names.contains(name) {
      place = .builtIn(name)
      return
    }
    let url = URL(fileURLWithPath: name)
    switch ModelFolder.kind(of: url) {
    case .folder: place = .folder(url)
    case .file where name.hasSuffix(".pt"): place = .archive(url)
    case .file:
      throw MinkeError(.unsupportedFile, url.relativePath, expected: "a model folder or a .pt archive", found: "a file")
    case nil:
      throw MinkeError(
        .notFound, "model \"\(name)\"",
        expected: "a folder, a .pt archive or one of \(BuiltInModels.names.joined(separator: ", "))",
        found: "nothing of this name")
    }
  }

  /// Opens the folder that holds the model's files.
  ///
  /// - Throws: `MinkeError` when it is not there or its `modules.json` is malformed.
  package func open() throws -> ModelFolder {
    switch place {
    case .builtIn(let name): try ModelFolder(BuiltInModels.folder(name))
    case .folder(let url): try ModelFolder(url)
    case .archive(let url): try ModelFolder(url.deletingLastPathComponent(), archive: url)
    }
  }
}
