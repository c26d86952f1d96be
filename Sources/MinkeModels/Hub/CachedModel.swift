import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A commit of a model that lies in a cache.
public struct CachedModel: Sendable {
  /// The model, its revision the commit.
  public let name: HubModelName
  /// The branches and tags that led to the commit when they were last asked for.
  public let references: [String]
  /// The folder with its files.
  public let folder: URL
  /// The bytes of its files, those that other commits share among them.
  public let byteCount: Int

  /// The kind of the model, as its files tell it; nothing is loaded.
  ///
  /// - Throws: `MinkeError` that says why Minke cannot load it.
  public func family() throws -> String {
    guard HubCache.holdsWeights(folder) else {
      throw MinkeError(
        .notFound, "\(name)", expected: "weights in safetensors or torch's format", found: "files without them")
    }
    let opened = try ModelFolder(folder, archive: nil, name: name.repository)
    return try ModelLibrary.family(of: opened).name
  }
}

extension HubCache {
  /// The models that lie here, by name, each commit by itself.
  public func models() -> [CachedModel] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.compactMap(Self.repository(ofFolder:)).sorted().flatMap { repository -> [CachedModel] in
      let references = referencesByCommit(of: repository)
      return commits(of: repository).compactMap { commit -> CachedModel? in
        let place = snapshots(of: repository).appendingPathComponent(commit, isDirectory: true)
        guard ModelFolder.kind(of: place) == .folder else { return nil }
        return CachedModel(
          name: .at(repository, commit: commit), references: references[commit, default: []], folder: place,
          byteCount: Self.byteCount(of: place))
      }
    }
  }

  /// The branches and tags of `repository` by the commits that they lead to.
  func referencesByCommit(of repository: String) -> [String: [String]] {
    let place = references(of: repository)
    var result: [String: [String]] = [:]
    for name in ((try? FileManager.default.subpathsOfDirectory(atPath: place.path)) ?? []).sorted() {
      guard let commit = Self.commit(inReference: place.appendingPathComponent(name)) else { continue }
      result[commit, default: []].append(name)
    }
    return result
  }

  /// The bytes of the files in `folder`, links followed; one that has several names is counted once.
  private static func byteCount(of folder: URL) -> Int {
    var (seen, total) = (Set<ino_t>(), 0)
    for path in (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? [] {
      var status = stat()
      guard stat(folder.appendingPathComponent(path).path, &status) == 0, status.kindUnlessPlain == nil,
        seen.insert(status.st_ino).inserted
      else { continue }
      total += Int(status.st_size)
    }
    return total
  }
}
