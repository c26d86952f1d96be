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

private let rounds = 50
/// Passages that the first centers are chosen from.
private let leastSample = 4096
/// Passages of a cluster whose words are counted.
private let wordPassages = 1000

extension PassageExplorer {
  /// Puts all passages into clusters; see ``Collection/clusters(_:seed:central:words:progress:)``.
  package func clusters(
    _ k: Int, seed: UInt64, central: Int, words: Int, progress: ProgressHandler?
  ) throws -> [PassageCluster] {
    guard k > 0 else { throw MinkeError(.invalidArgument, "k", expected: "1 or more", found: "\(k)") }
    let source = PassageVectors(self)
    guard !source.ids.isEmpty else { return [] }
    let sample = try source.sample(max(leastSample, 32 * min(k, source.ids.count)), seed: seed)
    var means = try SphericalKMeans(min(k, source.ids.count), sample: sample, seed: seed)
    var pass = SphericalKMeans.Pass(means)
    for round in 0..<rounds {
      let before = pass.clusters
      pass = SphericalKMeans.Pass(means)
      try source.forEachBatch { try means.add($0, to: &pass) }
      progress?(round + 1, rounds)
      if pass.clusters == before { break }
      if round < rounds - 1 { try means.update(pass) { try source.vector($0) } }
    }
    return try describe(pass, source.ids, central: central, words: words)
  }

  private func describe(
    _ pass: SphericalKMeans.Pass, _ ids: [Int64], central: Int, words: Int
  ) throws -> [PassageCluster] {
    var members = [[Int32]](repeating: [], count: pass.sizes.count)
    for (index, cluster) in pass.clusters.enumerated() { members[Int(cluster)].append(Int32(index)) }
    let telling = TellingWords(wordParts, stems: settings.stems)
    return try members.filter { !$0.isEmpty }.sorted { $0.count == $1.count ? $0[0] < $1[0] : $0.count > $1.count }
      .map { members in
        try Task.checkCancellation()
        let nearest = members.sorted {
          let (one, other) = (pass.similarities[Int($0)], pass.similarities[Int($1)])
          return one == other ? $0 < $1 : one > other
        }
        .prefix(max(0, central))
        let stored = try stored(nearest.map { ids[Int($0)] })
        let found = try nearest.map { index in
          try FoundPassage(passage(ids[Int(index)], of: stored), score: min(1, pass.similarities[Int(index)]))
        }
        let step = (members.count + wordPassages - 1) / wordPassages
        let some = stride(from: 0, to: members.count, by: step).map { ids[Int(members[$0])] }
        let texts = try self.stored(some).values.map(\.text)
        return PassageCluster(
          size: members.count, words: try telling.words(of: texts, count: max(0, words)), central: Array(found))
      }
  }
}
