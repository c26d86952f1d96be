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
    /// A model from a hub: which commit of it, and the folder in the cache.
    case cached(HubModelName, URL)
  }

  /// Where that is.
  public let place: Place

  /// The name or the path by which the model was asked for.
  public let description: String

  /// The source called `name`: a built-in name, the path of a folder or of an archive (`.pt`), or `ORG/NAME`, perhaps
  /// with `@REVISION`, for a model that was fetched from a hub.
  ///
  /// - Parameters:
  ///   - name: which model.
  ///   - cache: where models from a hub lie. Nothing is fetched.
  /// - Throws: `MinkeError` of kind `notFound` when it is none of them, `unsupportedFile` when it is another file.
  public init(_ name: String, cache: HubCache = .standard) throws(MinkeError) {
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
      guard let model = try? HubModelName(name), model.repository.contains("/") || cache.snapshot(of: model) != nil
      else {
        throw MinkeError(
          .notFound, "model \"\(name)\"",
          expected: "a folder, a .pt archive or one of \(BuiltInModels.names.joined(separator: ", "))",
          found: "nothing of this name")
      }
      let folder = try cache.model(model)
      place = .cached(.at(model.repository, commit: folder.lastPathComponent), folder)
    }
  }

  /// The name by which the model is found from any folder, and later the same one: built-in, an absolute path, or
  /// `ORG/NAME@COMMIT`.
  public var absoluteName: String {
    switch place {
    case .builtIn(let name): name
    case .folder(let url), .archive(let url): url.standardizedFileURL.path
    case .cached(let name, _): name.description
    }
  }

  /// The folder of a person's own, whose files may be written to.
  ///
  /// - Throws: `MinkeError` for one that others share: a built-in model, or one in the cache, where a file may be part of
  ///   several models.
  package func requireOwnFolder() throws(MinkeError) {
    switch place {
    case .folder, .archive: break
    case .builtIn, .cached:
      throw MinkeError(
        .invalidArgument, description,
        expected: "the path of a model folder of your own; minke model convert makes one",
        found: "a model that is shared")
    }
  }

  /// The kind of the model, as its files tell it; nothing is loaded.
  ///
  /// - Throws: `MinkeError` that says why Minke cannot load it.
  package func family() throws -> String { try ModelLibrary.family(of: open()).name }

  /// Opens the folder that holds the model's files.
  ///
  /// - Throws: `MinkeError` when it is not there or its `modules.json` is malformed.
  package func open() throws -> ModelFolder {
    switch place {
    case .builtIn(let name): try ModelFolder(BuiltInModels.folder(name))
    case .folder(let url): try ModelFolder(url)
    case .archive(let url): try ModelFolder(url.deletingLastPathComponent(), archive: url)
    case .cached(let name, let url): try ModelFolder(url, archive: nil, name: name.repository)
    }
  }
}
