import GRDB
import MinkeCore

/// What a collection holds, and what that takes.
public struct CollectionInfo: Sendable, Equatable {
  /// Bytes of the file by what they are of.
  public struct Sizes: Sendable, Equatable {
    /// The texts of the passages, and what stands above them.
    public var text = 0
    /// The vectors, those of removed passages included.
    public var vectors = 0
    /// The words: the dictionary and what lists their places.
    public var postings = 0
    /// Pages that nothing is on; ``Collection/compact(progress:)`` gives them back.
    public var free = 0
    /// The rest: documents, metadata, indexes, and what pages have left over.
    public var rest = 0

    /// The whole file.
    public var total: Int { text + vectors + postings + free + rest }

    package init(text: Int = 0, vectors: Int = 0, postings: Int = 0, free: Int = 0, rest: Int = 0) {
      (self.text, self.vectors, self.postings, self.free, self.rest) = (text, vectors, postings, free, rest)
    }
  }

  /// What the collection was made with.
  public let settings: CollectionSettings
  /// The version of the file's tables.
  public let formatVersion: Int
  /// Documents held.
  public let documents: Int
  /// Documents that were not read to their end; adding them again does that.
  public let unfinishedDocuments: Int
  /// Passages held.
  public let passages: Int
  /// Vectors that can be found, one a passage.
  public let vectors: Int
  /// Different words, as they are searched for; words of removed passages count until they are dropped.
  public let distinctWords: Int
  /// Blocks of vectors.
  public let vectorParts: Int
  /// Indexes of words, each of some passages.
  public let wordParts: Int
  /// Vectors of removed passages that still take room.
  public let removedVectors: Int
  /// Removed passages whose words still take room.
  public let removedWords: Int
  /// Bytes of the file.
  public let sizes: Sizes

  init(_ db: Database, _ state: CollectionState, path: String) throws {
    func number(_ sql: String, _ arguments: StatementArguments = []) throws -> Int {
      try db.firstRow(sql, arguments, of: path) { try $0.count(0) } ?? 0
    }
    settings = state.settings
    formatVersion = try number("PRAGMA user_version")
    documents = try number("SELECT count(*) FROM documents")
    unfinishedDocuments = try number("SELECT count(*) FROM documents WHERE hash IS NULL")
    passages = try number("SELECT count(*) FROM passages")
    vectors = state.passageCount
    (vectorParts, wordParts) = (state.vectors.count, state.words.count)
    removedVectors = state.vectors.reduce(0) { $0 + $1.range.gone.count }
    removedWords = state.words.reduce(0) { $0 + $1.range.gone.count }

    distinctWords = try Self.distinctWords(state.words)

    func blocks(_ first: Int64, _ count: Int) throws -> Int {
      try number(
        "SELECT ifnull(sum(length(bytes)), 0) FROM blocks WHERE id >= ? AND id < ?", [first, first + Int64(count)])
    }
    var sizes = Sizes()
    sizes.text = try number(
      "SELECT ifnull(sum(length(CAST(text AS BLOB)) + ifnull(length(CAST(context AS BLOB)), 0)), 0) FROM passages")
    for part in state.vectors { sizes.vectors += try blocks(part.block, 1) + blocks(part.chunks, part.chunkCount) }
    for part in state.words { sizes.postings += try blocks(part.block, part.blocks) }
    let page = try number("PRAGMA page_size")
    sizes.free = try page * number("PRAGMA freelist_count")
    sizes.rest =
      try max(0, page * number("PRAGMA page_count") - sizes.text - sizes.vectors - sizes.postings - sizes.free)
    self.sizes = sizes
  }

  package init(
    settings: CollectionSettings, formatVersion: Int, documents: Int, unfinishedDocuments: Int, words: [WordPart],
    vectorParts: Int, sizes: Sizes
  ) throws {
    (self.settings, self.formatVersion, self.sizes) = (settings, formatVersion, sizes)
    (self.documents, self.unfinishedDocuments) = (documents, unfinishedDocuments)
    passages = words.reduce(0) { $0 + $1.range.living }
    vectors = passages
    (self.vectorParts, wordParts) = (vectorParts, words.count)
    removedVectors = 0
    removedWords = words.reduce(0) { $0 + $1.range.gone.count }
    distinctWords = try Self.distinctWords(words)
  }

  private static func distinctWords(_ parts: [WordPart]) throws -> Int {
    if parts.count == 1 { return parts[0].segment.termCount }
    // Two words of one checksum would count as one; there are 2^64 of them.
    var seen = Set<Int64>()
    for part in parts {
      try part.segment.forEachTerm { word, _ in seen.insert(word.withUnsafeBytes { Checksum.of($0) }) }
    }
    return seen.count
  }
}

extension Collection {
  /// What the collection holds, and what that takes. The texts are read for it.
  ///
  /// - Throws: `MinkeError` when the file is damaged.
  public func info() throws -> CollectionInfo { try withState { try CollectionInfo($0, $1, path: path) } }

  /// What the collection at `path` holds; its model need not be at hand.
  ///
  /// - Throws: `MinkeError` when the file is no collection or is damaged.
  public static func info(of path: String) throws -> CollectionInfo {
    let file = try CollectionFile(path, creates: false, readOnly: true)
    defer { try? file.close() }
    let cache = BlockCache(limit: 1 << 28)
    return try file.read { db in
      try CollectionInfo(db, CollectionState.read(db, file, cache, known: nil), path: path)
    }
  }
}
