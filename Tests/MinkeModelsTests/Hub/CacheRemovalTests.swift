import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeModels

@Suite struct CacheRemovalTests {
  private let shared = SmallCache.hash(1)
  private let own = SmallCache.hash(2)
  private let newer = SmallCache.hash(3)

  /// Two commits that share a file: `main` leads to the second, `v1` and `old` to the first.
  private func withTwoCommits(_ body: (SmallCache) throws -> Void) throws {
    try SmallCache.with { small in
      try small.add("vocab.txt", Data(repeating: 1, count: 1000), as: shared)
      try small.add("a/model.safetensors", Data(repeating: 2, count: 200), as: own)
      try small.add("vocab.txt", Data(repeating: 1, count: 1000), as: shared, commit: SmallCache.otherCommit)
      try small.add("model.safetensors", Data(repeating: 3, count: 30), as: newer, commit: SmallCache.otherCommit)
      for revision in ["v1", "old"] { try small.cache.note(revision, leadsTo: SmallCache.commit, in: "org/tiny") }
      try small.cache.note("main", leadsTo: SmallCache.otherCommit, in: "org/tiny")
      small.cache.noteAbsence(of: "vocab.json", in: SmallCache.commit, of: "org/tiny")
      try body(small)
    }
  }

  private func remove(_ name: String, _ small: SmallCache) throws -> HubCache.Removal {
    try small.cache.remove(HubModelName(name))
  }

  @Test func `a commit takes along only what no other needs`() throws {
    try withTwoCommits { small in
      let removal = try remove("org/tiny@\(SmallCache.commit)", small)
      #expect(removal == HubCache.Removal(byteCount: 200, commits: [SmallCache.commit]))
      let place = "models--org--tiny"
      #expect(small.exists("\(place)/blobs/\(shared)") && small.exists("\(place)/blobs/\(newer)"))
      #expect(!small.exists("\(place)/blobs/\(own)") && !small.exists("\(place)/snapshots/\(SmallCache.commit)"))
      #expect(
        !small.exists("\(place)/refs/v1") && !small.exists("\(place)/refs/old") && small.exists("\(place)/refs/main"))
      #expect(!small.exists("\(place)/.no_exist/\(SmallCache.commit)"))
    }
  }

  @Test func `a tag takes its commit along unless another leads there`() throws {
    try withTwoCommits { small in
      let first = try remove("org/tiny@v1", small)
      #expect(first == HubCache.Removal(byteCount: 0, commits: []))
      #expect(small.cache.commits(of: "org/tiny").count == 2)
      let second = try remove("org/tiny@old", small)
      #expect(second == HubCache.Removal(byteCount: 200, commits: [SmallCache.commit]))
    }
  }

  @Test func `a whole model goes, half fetched files too, and leaves no folder`() throws {
    try withTwoCommits { small in
      let blobs = small.cache.blobs(of: "org/tiny")
      try Data(repeating: 0, count: 4).write(to: blobs.appendingPathComponent("\(SmallCache.hash(9)).incomplete"))
      try Data(repeating: 0, count: 5).write(to: blobs.appendingPathComponent("\(SmallCache.hash(9)).0a1b.incomplete"))
      let removal = try remove("org/tiny", small)
      #expect(removal.byteCount == 1239 && Set(removal.commits) == [SmallCache.commit, SmallCache.otherCommit])
      #expect(!small.exists("models--org--tiny") && small.cache.models().isEmpty)
    }
  }

  @Test func `what another process holds stays`() throws {
    try withTwoCommits { small in
      let lock = try #require(try FileLock(small.cache.lock(of: own, in: "org/tiny")))
      let second = try FileLock(small.cache.lock(of: own, in: "org/tiny"))
      #expect(second == nil)
      #expect(try remove("org/tiny", small).byteCount == 1030)
      #expect(small.exists("models--org--tiny/blobs/\(own)"))
      lock.release()
      #expect(try remove("org/tiny", small).byteCount == 200)
      #expect(!small.exists("models--org--tiny"))
    }
  }

  @Test func `links out of the cache are removed, not followed`() throws {
    try withTwoCommits { small in
      let outside = small.cache.folder.deletingLastPathComponent().appendingPathComponent("outside")
      try FolderWriter.makeFolder(outside)
      try Data("precious".utf8).write(to: outside.appendingPathComponent("file"))
      let snapshot = small.cache.snapshots(of: "org/tiny").appendingPathComponent(SmallCache.commit)
      for (name, target) in [("folder", outside), ("link", outside.appendingPathComponent("file"))] {
        try FileManager.default.createSymbolicLink(
          at: snapshot.appendingPathComponent(name), withDestinationURL: target)
      }
      _ = try remove("org/tiny", small)
      #expect(try Data(contentsOf: outside.appendingPathComponent("file")) == Data("precious".utf8))
    }
  }

  @Test(arguments: ["org/other", "org/tiny@v2", "org/tiny@\(SmallCache.hash(5))"])
  func `what is not here is named`(_ name: String) throws {
    try withTwoCommits { small in
      let error = #expect(throws: MinkeError.self) { try remove(name, small) }
      #expect(error?.kind == .notFound && error?.subject.contains(name) == true)
      #expect(small.cache.commits(of: "org/tiny").count == 2)
    }
  }
}
