import Foundation
import Minke
import MinkeTestSupport
import Testing

@testable import MinkeStore

struct ExploringTests {
  // MARK: Similar

  @Test(arguments: CollectionSettings.Storage.allCases)
  func `similar passages are of the same topic, the nearest first`(_ storage: CollectionSettings.Storage) throws {
    try SmallCollections.with(storage, records: SmallCollections.records(0..<60), dimension: nil) { collection in
      let found = try collection.similar(to: "record 7", options: CollectionSearchOptions(k: 10))
      #expect(found.count == 10 && !found.contains { $0.document == "record 7" })
      #expect(zip(found, found.dropFirst()).allSatisfy { $0.score >= $1.score })
      #expect(found.count { $0.metadata["topic"] == 1 } >= 8)
      let filtered = try collection.similar(
        to: "record 7",
        options: CollectionSearchOptions(SearchOptions(k: 60), filter: DocumentFilter("topic = 2")))
      #expect(filtered.count == 20 && filtered.allSatisfy { $0.metadata["topic"] == 2 })
      let all = try collection.similar(to: "record 7", options: CollectionSearchOptions(k: 100))
      #expect(all.count == 59 && Array(all.prefix(10)) == found)
    }
  }

  @Test func `a line names the passage it is in`() throws {
    try SmallCollections.with(.float32) { collection in
      let text = SmallCollections.topics.map { "# \($0[0])\n\n" + $0.joined(separator: " and ") + ".\n" }
        .joined(separator: "\n")
      try Fixture.withTemporaryFolder { folder in
        try Data(text.utf8).write(to: folder.appendingPathComponent("topics.md"))
        try collection.index([FilePath(folder.path)])
      }
      let name = try #require(collection.documents.first)
      let passages = try collection.passages(of: name)
      #expect(passages.count == 3)
      try collection.add([
        TextRecord(id: "sea", text: "a sailor on a ship"), TextRecord(id: "law", text: "a witness before the jury"),
      ])
      for (line, expected) in [(1, "sea"), (3, "sea"), (4, "sea"), (9, "law"), (11, "law"), (99, "law")] {
        let found = try collection.similar(to: name, line: line, options: CollectionSearchOptions(k: 9))
        #expect(found.first?.document == expected, "line \(line)")
        // Other passages of the document may be found, itself not.
        #expect(found.count == 4)
      }
      #expect(try collection.similar(to: name).count == 2)
      #expect(throws: MinkeError.self) { try collection.similar(to: "nothing") }
      #expect(throws: MinkeError.self) { try collection.similar(to: name, line: 0) }
    }
  }

  // MARK: Duplicates

  @Test(arguments: CollectionSettings.Storage.allCases)
  func `duplicates are those that a plain double loop finds`(_ storage: CollectionSettings.Storage) throws {
    try SmallCollections.with(storage) { collection in
      try SmallCollections.change(collection, steps: 50, seed: 4)
      for copy in ["one", "other"] {
        try collection.add(
          SmallCollections.records(0..<40).map { TextRecord(id: "\(copy) \($0.id)", text: $0.text) })
      }
      let vectors = try collection.allNumbers()
      for threshold: Float in [0.5, 0.9, 1] {
        var expected: [[Int64]: Double] = [:]
        var borderline = Set<[Int64]>()
        for (index, one) in vectors.enumerated() {
          for other in vectors[(index + 1)...] {
            let similarity = Self.similarity(
              one.numbers, other.numbers, bits: storage == .binary || storage == .twoStage)
            let least = storage == .float32 || storage == .int8 ? min(Double(threshold), 1 - 1e-6) : Double(threshold)
            if abs(similarity - least) < 5e-7 { borderline.insert([one.id, other.id]) }
            if similarity >= least { expected[[one.id, other.id]] = similarity }
          }
        }
        var found: [[Int64]: Float] = [:]
        try collection.duplicates(threshold: threshold) { pair in
          let ids = [pair.first.id ?? 0, pair.second.id ?? 0]
          #expect(found[ids] == nil)
          found[ids] = pair.similarity
        }
        #expect(expected.count > 20)
        #expect(Set(found.keys).symmetricDifference(expected.keys).isSubset(of: borderline))
        for (ids, similarity) in found {
          #expect(abs(Double(similarity) - (expected[ids] ?? Double(threshold))) < 1e-5)
        }
      }
    }
  }

  /// The cosine of two vectors, or of their signs.
  private static func similarity(_ one: [Float], _ other: [Float], bits: Bool) -> Double {
    if bits {
      let differing = zip(one, other).count { ($0 > 0) != ($1 > 0) }
      return Double(1 - 2 * Float(differing) / Float(one.count))
    }
    let product = zip(one, other).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    let lengths = [one, other].map { $0.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() }
    return lengths[0] * lengths[1] > 0 ? product / (lengths[0] * lengths[1]) : 0
  }

  @Test func `groups are what pairs connect, the largest first`() throws {
    try SmallCollections.with(.int8) { collection in
      let texts = ["bread and butter", "a whale", "bread and butter", "the judge", "a whale", "bread and butter"]
      try collection.add(texts.enumerated().map { TextRecord(id: "\($0)", text: $1) })
      var groups: [[String]] = []
      try collection.duplicateGroups(threshold: 1) { groups.append($0.map(\.document)) }
      #expect(groups == [["0", "2", "5"], ["1", "4"]])
      var count = 0
      try collection.duplicates(threshold: 1) { _ in count += 1 }
      #expect(count == 4)
      #expect(throws: MinkeError.self) { try collection.duplicates(threshold: .nan) { _ in } }
      #expect(throws: CancellationError.self) {
        try collection.duplicates(threshold: 0) { _ in throw CancellationError() }
      }
    }
  }

  @Test func `passages that share text are no duplicates unless asked for`() throws {
    try SmallCollections.with(.float32, dimension: nil) { collection in
      let text = (0..<40).map { "The whale swims in the ocean, and the sailor sees it, number \($0)." }
        .joined(separator: " ")
      try collection.add(
        [TextRecord(id: "long", text: text)], splitter: PassageSplitter(length: 60, overlap: 30))
      let passages = try collection.passages(of: "long")
      let overlapping = zip(passages, passages.dropFirst()).count {
        $0.passage.byteRange.overlaps($1.passage.byteRange)
      }
      #expect(overlapping > 5)
      func count(_ neighbors: Bool) throws -> Int {
        var count = 0
        try collection.duplicates(threshold: -1, includesNeighbors: neighbors) { _ in count += 1 }
        return count
      }
      let all = passages.count * (passages.count - 1) / 2
      #expect(try count(true) == all)
      let apart =
        all
        - passages.indices.reduce(0) { sum, index in
          sum + passages[(index + 1)...].count { $0.passage.byteRange.overlaps(passages[index].passage.byteRange) }
        }
      #expect(try count(false) == apart && apart < all)
    }
  }

  // MARK: Clusters

  @Test(arguments: CollectionSettings.Storage.allCases)
  func `clusters are topics, and say what they are about`(_ storage: CollectionSettings.Storage) throws {
    try SmallCollections.with(storage, records: SmallCollections.records(0..<150), dimension: nil) { collection in
      try collection.remove(["record 0", "record 1", "record 2"])
      let clusters = try collection.clusters(3)
      #expect(clusters.map(\.size) == [49, 49, 49])
      var topics = Set<Int>()
      for cluster in clusters {
        let topic = try #require(cluster.central.first?.metadata["topic"]?.integer)
        topics.insert(topic)
        #expect(cluster.central.count == 3 && cluster.central.allSatisfy { $0.metadata["topic"]?.integer == topic })
        #expect(zip(cluster.central, cluster.central.dropFirst()).allSatisfy { $0.score >= $1.score })
        #expect(cluster.words.count == 8)
        #expect(Set(cluster.words).isSubset(of: SmallCollections.topics[topic]), "\(cluster.words)")
      }
      #expect(topics == [0, 1, 2])
    }
  }

  @Test func `clusters do not depend on the number of threads, but on the seed`() throws {
    try SmallCollections.with(.int8) { collection in
      try SmallCollections.change(collection, steps: 60, seed: 9)
      let threads = Workers.count
      defer { Workers.count = threads }
      Workers.count = 1
      let one = try collection.clusters(9, seed: 5)
      Workers.count = 2
      #expect(try collection.clusters(9, seed: 5) == one)
      #expect(one.reduce(0) { $0 + $1.size } == (try collection.passageCount))
      #expect(zip(one, one.dropFirst()).allSatisfy { $0.size >= $1.size })
      #expect(try collection.clusters(9, seed: 6) != one)
    }
  }

  @Test func `there are no more clusters than different vectors`() throws {
    try SmallCollections.with(.float32) { collection in
      #expect(try collection.clusters(4) == [])
      try collection.add((0..<10).map { TextRecord(id: "\($0)", text: $0 < 7 ? "a whale" : "the judge") })
      let clusters = try collection.clusters(4)
      #expect(clusters.map(\.size) == [7, 3])
      #expect(clusters[0].words == ["whale"] && clusters[1].words.contains("judge"))
      #expect(throws: MinkeError.self) { try collection.clusters(0) }
    }
  }

  @Test func `words are shown in the form that most passages have`() throws {
    try SmallCollections.with(.float32) { collection in
      try collection.add(
        (0..<6).map { TextRecord(id: "\($0)", text: "\($0 < 4 ? "Whales" : "whaling") near the coast") }
          + (6..<20).map { TextRecord(id: "\($0)", text: "the judge near the court") })
      let state = try collection.withState { $1 }
      let words = try collection.withState { _, state in
        try TellingWords(state.words, stems: true).words(
          of: (0..<6).map { $0 < 4 ? "Whales near the coast" : "whaling near the coast" }, count: 3)
      }
      #expect(state.settings.stems)
      #expect(words.contains("whales") && words.contains("coast") && !words.contains("near"))
    }
  }
}
