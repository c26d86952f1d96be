import Foundation
import MinkeCore
import MinkeTestSupport

@testable import MinkeModels

/// A cache in a temporary folder, filled as huggingface_hub fills it.
struct SmallCache {
  static let commit = String(repeating: "1a", count: 20)
  static let otherCommit = String(repeating: "2b", count: 20)

  let cache: HubCache

  /// Calls `body` with an empty cache, which is removed afterwards.
  static func with<Result>(_ body: (SmallCache) throws -> Result) throws -> Result {
    try Fixture.withTemporaryFolder { try body(SmallCache(cache: HubCache($0.appendingPathComponent("hub")))) }
  }

  /// Puts `text` into the file `path` of a commit, as the blob `hash`.
  func add(
    _ path: String, _ bytes: Data, as hash: String, commit: String = Self.commit, of repository: String = "org/tiny"
  ) throws {
    let blob = cache.blobs(of: repository).appendingPathComponent(hash)
    try FolderWriter.makeFolder(blob.deletingLastPathComponent())
    try bytes.write(to: blob)
    try cache.link(path, to: hash, of: commit, in: repository)
  }

  /// Puts the files of a fixture into a commit, and lets `main` lead to it.
  func addModel(_ fixture: String, commit: String = Self.commit, of repository: String = "org/tiny") throws {
    let folder = Fixture.url(fixture)
    for (index, path) in try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted().enumerated() {
      guard let bytes = try? Data(contentsOf: folder.appendingPathComponent(path)) else { continue }
      try add(path, bytes, as: Self.hash(index), commit: commit, of: repository)
    }
    try cache.note("main", leadsTo: commit, in: repository)
  }

  static func hash(_ number: Int) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 40 - digits.count) + digits
  }

  func exists(_ path: String) -> Bool {
    (try? FileManager.default.attributesOfItem(atPath: cache.folder.appendingPathComponent(path).path)) != nil
  }
}
