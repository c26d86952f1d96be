import GRDB
import Minke
import MinkeCore
import MinkeSearch

/// Passages of a collection that are alike in meaning.
public struct PassageCluster: Sendable, Equatable {
  /// How many passages it has.
  public let size: Int
  /// The words that tell it from the rest of the collection, the most telling first.
  public let words: [String]
  /// The passages that are nearest to its center, the nearest first, with their similarity to it.
  public let central: [FoundPassage]
}

extension Collection {
  /// Puts all passages into `k` clusters by meaning: spherical k-means over the vectors as they are held.
  ///
  /// The same collection and seed give the same clusters on any number of threads. Vectors are read block by block, once
  /// for each of up to 50 rounds; in memory are the centers, and 16 bytes a passage.
  /// - Parameters:
  ///   - k: how many; fewer are given where passages have fewer different vectors.
  ///   - seed: of the random choice of passages to begin with.
  ///   - central: passages given of each cluster, at most.
  ///   - words: words given of each cluster, at most; they are counted in up to 1,000 of its passages.
  ///   - progress: hears how many of the rounds are done, which may end early.
  /// - Returns: the clusters, the largest first.
  /// - Throws: `MinkeError` when `k` is below 1 or the file is damaged; `CancellationError`.
  public func clusters(
    _ k: Int, seed: UInt64 = 0, central: Int = 3, words: Int = 8, progress: ProgressHandler? = nil
  ) throws -> [PassageCluster] {
    guard k > 0 else { throw MinkeError(.invalidArgument, "k", expected: "1 or more", found: "\(k)") }
    return try withState { db, state in
      let source = PassageVectors(collection: self, db: db, state: state)
      guard !source.ids.isEmpty else { return [] }
      let sample = try source.sample(max(Self.leastSample, 32 * min(k, source.ids.count)), seed: seed)
      var means = try SphericalKMeans(min(k, source.ids.count), sample: sample, seed: seed)
      var pass = SphericalKMeans.Pass(means)
      for round in 0..<Self.rounds {
        let before = pass.clusters
        pass = SphericalKMeans.Pass(means)
        try source.forEachBatch { try means.add($0, to: &pass) }
        progress?(round + 1, Self.rounds)
        if pass.clusters == before { break }
        if round < Self.rounds - 1 { try means.update(pass) { try source.vector($0) } }
      }
      return try describe(pass, source.ids, db, state, central: central, words: words)
    }
  }

  private static let rounds = 50
  /// Passages that the first centers are chosen from.
  private static let leastSample = 4096
  /// Passages of a cluster whose words are counted.
  private static let wordPassages = 1000

  private func describe(
    _ pass: SphericalKMeans.Pass, _ ids: [Int64], _ db: Database, _ state: CollectionState, central: Int, words: Int
  ) throws -> [PassageCluster] {
    var members = [[Int32]](repeating: [], count: pass.sizes.count)
    for (index, cluster) in pass.clusters.enumerated() { members[Int(cluster)].append(Int32(index)) }
    let telling = TellingWords(state)
    return try members.filter { !$0.isEmpty }.sorted { $0.count == $1.count ? $0[0] < $1[0] : $0.count > $1.count }
      .map { members in
        try Task.checkCancellation()
        let nearest = members.sorted {
          let (one, other) = (pass.similarities[Int($0)], pass.similarities[Int($1)])
          return one == other ? $0 < $1 : one > other
        }
        .prefix(max(0, central))
        let stored = try db.passages(nearest.map { ids[Int($0)] }, of: path)
        let found = try nearest.map { index in
          let id = ids[Int(index)]
          return FoundPassage(
            try stored[id].unwrapped { Self.missing(id, path) }, score: min(1, pass.similarities[Int(index)]))
        }
        let step = (members.count + Self.wordPassages - 1) / Self.wordPassages
        var texts: [String] = []
        for place in stride(from: 0, to: members.count, by: step) {
          let id = ids[Int(members[place])]
          let text = try db.firstRow("SELECT text FROM passages WHERE id = ?", [id], of: "\(path): passage \(id)") {
            try $0.text(0)
          }
          if let text { texts.append(text) }
        }
        return PassageCluster(
          size: members.count, words: try telling.words(of: texts, count: max(0, words)), central: Array(found))
      }
  }
}
