#if PostgreSQL
  import Minke
  import MinkeCore
  import MinkeStore

  extension PostgresCollection {
    /// The passages whose meaning is nearest to that of a passage that is held, the nearest first; itself is left out.
    ///
    /// - Parameters:
    ///   - document: the id or the path of the document.
    ///   - line: a line of the document; of passages that share it, the one in whose middle it is counts, and of a line
    ///     between passages the nearest. Nil compares with the whole document, the mean of its passages, and leaves all of
    ///     it out.
    ///   - options: how many are given, and from among what. Words do not count.
    /// - Throws: `MinkeError` of kind `notFound` when there is no such document or it has no text, `invalidArgument` when
    ///   `line` is below 1 or an option out of its range; `CancellationError`.
    public func similar(
      to document: String, line: Int? = nil, options: CollectionSearchOptions = CollectionSearchOptions()
    ) throws -> [FoundPassage] {
      try explore { try $0.similar(to: document, line: line, options: options) }
    }

    /// Finds all pairs of passages that are alike by `threshold` or more, as a `Collection` in a file does: the vectors are
    /// read from the server and compared here, on all cores. Two-stage and binary storages are compared by bits.
    ///
    /// - Parameters:
    ///   - includesNeighbors: whether passages of one document that share some of its text are pairs as well.
    ///   - progress: hears how many pairs of blocks were looked at.
    ///   - body: takes each pair, in an order that is the same each time; it must not use the collection.
    /// - Throws: `MinkeError` when the threshold is not a number from -1 to 1 or the server does not answer, and what
    ///   `body` throws; `CancellationError`.
    public func duplicates(
      threshold: Float = 0.95, includesNeighbors: Bool = false, progress: ProgressHandler? = nil,
      _ body: (SimilarPassages) throws -> Void
    ) throws {
      try explore {
        try $0.duplicates(threshold: threshold, includesNeighbors: includesNeighbors, progress: progress, body)
      }
    }

    /// Finds groups of passages in which each is alike to another one of the group by `threshold` or more, the largest
    /// first; otherwise as ``duplicates(threshold:includesNeighbors:progress:_:)``.
    public func duplicateGroups(
      threshold: Float = 0.95, includesNeighbors: Bool = false, progress: ProgressHandler? = nil,
      _ body: ([FoundPassage]) throws -> Void
    ) throws {
      try explore {
        try $0.duplicateGroups(threshold: threshold, includesNeighbors: includesNeighbors, progress: progress, body)
      }
    }

    /// Puts all passages into `k` clusters by meaning, as a `Collection` in a file does; the vectors are read from the
    /// server once for each of up to 50 rounds.
    ///
    /// - Parameters:
    ///   - seed: of the random choice of passages to begin with.
    ///   - central: passages given of each cluster, at most.
    ///   - words: words given of each cluster, at most.
    ///   - progress: hears how many of the rounds are done, which may end early.
    /// - Returns: the clusters, the largest first.
    /// - Throws: `MinkeError` when `k` is below 1 or the server does not answer; `CancellationError`.
    public func clusters(
      _ k: Int, seed: UInt64 = 0, central: Int = 3, words: Int = 8, progress: ProgressHandler? = nil
    ) throws -> [PassageCluster] {
      try explore { try $0.clusters(k, seed: seed, central: central, words: words, progress: progress) }
    }

    package func map(progress: ProgressHandler? = nil) throws -> PassageMap {
      try explore { try $0.map(progress: progress) }
    }

    private func explore<Result>(_ body: (PostgresSearcher) throws -> Result) throws -> Result {
      try withState { connection, state in
        try body(PostgresSearcher(collection: self, connection: connection, state: state))
      }
    }
  }
#endif
