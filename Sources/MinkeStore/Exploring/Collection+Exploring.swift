import Minke
import MinkeCore

extension Collection {
  /// The passages whose meaning is nearest to that of a passage that is held, the nearest first; itself is left out.
  ///
  /// - Parameters:
  ///   - document: the id or the path of the document.
  ///   - line: a line of the document; of passages that share it, the one in whose middle it is counts, and of a line
  ///     between passages the nearest. Nil compares with the whole document, the mean of its passages, and leaves all of
  ///     it out.
  ///   - options: how many are given, and from among what. Words do not count.
  /// - Throws: `MinkeError` of kind `notFound` when there is no such document or it has no text, `invalidArgument` when
  ///   `line` is below 1 or an option out of its range, and when the file is damaged; `CancellationError`.
  public func similar(
    to document: String, line: Int? = nil, options: CollectionSearchOptions = CollectionSearchOptions()
  ) throws -> [FoundPassage] {
    try explore { try $0.similar(to: document, line: line, options: options) }
  }

  /// Finds all pairs of passages that are alike by `threshold` or more: every pair is looked at, on all cores.
  ///
  /// With vectors of floats the similarity is their cosine; with 8-bit numbers, that of the rounded vectors, which is off
  /// by about 0.002; in two-stage and binary storage that of the signs, which is 1 less twice the share of bits that
  /// differ, and spreads less: what has a cosine of 0.95 has about 0.8 there.
  ///
  /// The time grows with the square of the number of passages; what is in memory does not grow. One state of the
  /// collection is looked at, whatever others add meanwhile.
  /// - Parameters:
  ///   - includesNeighbors: whether passages of one document that share some of its text are pairs as well.
  ///   - progress: hears how many pairs of blocks were looked at.
  ///   - body: takes each pair, in an order that is the same each time; it must not use the collection.
  /// - Throws: `MinkeError` when the threshold is not a number from -1 to 1 or the file is damaged, and what `body` throws;
  ///   `CancellationError`.
  public func duplicates(
    threshold: Float = 0.95, includesNeighbors: Bool = false, progress: ProgressHandler? = nil,
    _ body: (SimilarPassages) throws -> Void
  ) throws {
    try explore {
      try $0.duplicates(threshold: threshold, includesNeighbors: includesNeighbors, progress: progress, body)
    }
  }

  /// Finds groups of passages in which each is alike to another one of the group by `threshold` or more.
  ///
  /// Similarity, order and errors are those of ``duplicates(threshold:includesNeighbors:progress:_:)``. The passages that
  /// belong to a group are held in memory, as two numbers each.
  /// - Parameter body: takes each group, the largest first: its passages in the order in which they were added, the score
  ///   of each being its similarity to the one it is most alike to. It must not use the collection.
  public func duplicateGroups(
    threshold: Float = 0.95, includesNeighbors: Bool = false, progress: ProgressHandler? = nil,
    _ body: ([FoundPassage]) throws -> Void
  ) throws {
    try explore {
      try $0.duplicateGroups(threshold: threshold, includesNeighbors: includesNeighbors, progress: progress, body)
    }
  }

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
    try explore { try $0.clusters(k, seed: seed, central: central, words: words, progress: progress) }
  }

  /// Lays out all passages on a plane.
  ///
  /// Some passages, chosen at random, are laid out so that their neighbors in meaning are their neighbors on the plane
  /// (t-SNE, van der Maaten and Hinton 2008, begun from the principal axes); every other one comes to stand among those
  /// that it is most alike to. The same collection gives the same map, whatever the number of threads. The time grows
  /// with the number of passages.
  /// - Parameter progress: hears how many of the steps are done.
  /// - Throws: `MinkeError` when the file is damaged; `CancellationError`.
  package func map(progress: ProgressHandler? = nil) throws -> PassageMap {
    try explore { try $0.map(progress: progress) }
  }

  private func explore<Result>(_ body: (StateSearcher) throws -> Result) throws -> Result {
    try withState { db, state in try body(StateSearcher(collection: self, db: db, state: state)) }
  }
}
