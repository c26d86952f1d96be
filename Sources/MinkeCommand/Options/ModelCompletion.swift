import ArgumentParser
import Minke

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a shell offers where a model is asked for: the built-in names, those of fetched models, and folders.
enum ModelCompletion {
  static var kind: CompletionKind {
    .custom { (_: [String], _: Int, typed: String) in choices(for: typed) }
  }

  /// The names of fetched models that begin with `typed`.
  static func cachedNames(for typed: String) -> [String] {
    var names: [String] = []
    for model in HubCache.standard.models() where model.name.repository.hasPrefix(typed) {
      if names.last != model.name.repository { names.append(model.name.repository) }
    }
    return names
  }

  static func choices(for typed: String) -> [String] {
    let names = ModelLibrary.builtInNames.filter { $0.hasPrefix(typed) } + cachedNames(for: typed)
    let slash = typed.lastIndex(of: "/").map { typed.index(after: $0) } ?? typed.startIndex
    let (above, begun) = (typed[..<slash], typed[slash...])
    let place = URL(fileURLWithPath: above.isEmpty ? "." : String(above), isDirectory: true)
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
    let folders = entries.filter { entry in
      var isFolder = false
      return entry.hasPrefix(begun) && (begun.hasPrefix(".") || !entry.hasPrefix("."))
        && FileManager.default.fileExists(atPath: place.appendingPathComponent(entry).path, isDirectory: &isFolder)
        && isFolder
    }
    return names + folders.sorted().map { "\(above)\($0)/" }
  }
}
