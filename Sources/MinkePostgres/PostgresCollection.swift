#if PostgreSQL
  import Foundation
  import Minke
  import MinkeCore
  import MinkeModels
  import MinkeStore
  import Synchronization

  /// Documents kept in a PostgreSQL database with pgvector, to be searched by meaning and by words, by many hosts at once.
  ///
  /// It finds what a ``Collection`` in a file finds: words are indexed and ranked in the same way, and vectors are compared by
  /// pgvector, exactly or by an HNSW index. Any number of programs on any hosts may read and write at once: a change is a
  /// transaction, changes come one after the other, and searches, which never wait, see each whole or not at all.
  public final class PostgresCollection: DocumentStorage {
    /// How the nearest vectors are found.
    public enum VectorSearch: String, CaseIterable, Sendable {
      /// All are compared: nothing is missed.
      case exact
      /// By a graph of neighbors (HNSW), which misses some: for many passages.
      case hnsw
    }

    /// What turns passages and queries into vectors.
    public let encoder: any TextEncoder
    /// Whether the database may only be read: by the rights of its user, or since it is a copy of another.
    public let isReadOnly: Bool

    let database: PostgresDatabase
    let cache: BlockCache
    private let known = Mutex<PostgresState?>(nil)

    /// Opens the collection at `address`, or makes one where there is none.
    ///
    /// - Parameters:
    ///   - address: the database, which must exist, and the collection's name in it.
    ///   - encoder: the model that made the collection's vectors; for a new collection, the one that will.
    ///   - dimension: of a new collection, how many leading numbers of each vector to keep; nil keeps all.
    ///   - storage: of a new collection, `float32`, `twoStage` or `binary`; nil for floats, or bits for a model of bits.
    ///   - stems: of a new collection, whether English words are reduced to their stems.
    ///   - search: how the nearest vectors are found from now on; nil for as it is, in a new collection exactly. To make an
    ///     HNSW index of what is there takes time, in which nothing can be written.
    /// - Throws: `MinkeError` when the server cannot be reached, has no pgvector 0.8 or later, or the collection was made by
    ///   a newer Minke or with another model, dimension or storage than those given.
    public static func open(
      _ address: PostgresAddress, encoder: any TextEncoder, dimension: Int? = nil,
      storage: CollectionSettings.Storage? = nil, stems: Bool? = nil, search: VectorSearch? = nil
    ) throws -> PostgresCollection {
      try PostgresCollection(
        address, encoder: encoder, dimension: dimension, storage: storage, stems: stems, search: search, creates: true)
    }

    /// Opens the collection at `address`, which must exist, with the model that made it.
    ///
    /// - Throws: as ``open(_:encoder:dimension:storage:stems:search:)``, and when the model is not at hand any more.
    public static func open(_ address: PostgresAddress) throws -> PostgresCollection {
      try PostgresCollection(address, encoder: Collection.loadEncoder(settings(of: address)), creates: false)
    }

    /// What the collection at `address` was made with.
    ///
    /// - Throws: as ``open(_:)``.
    public static func settings(of address: PostgresAddress) throws -> CollectionSettings {
      let database = PostgresDatabase(address)
      try database.findVectors(creates: false)
      return try row(of: database).settings
    }

    package init(
      _ address: PostgresAddress, encoder: any TextEncoder, modelName: String? = nil, precision: Precision? = nil,
      dimension: Int? = nil, storage: CollectionSettings.Storage? = nil, stems: Bool? = nil,
      search: VectorSearch? = nil, creates: Bool
    ) throws {
      self.encoder = encoder
      let database = PostgresDatabase(address)
      self.database = database
      cache = BlockCache(limit: Int(clamping: ProcessInfo.processInfo.physicalMemory / 4))
      try database.findVectors(creates: creates)
      if creates, try !database.read({ try Self.exists($0, database) }) {
        let settings = try CollectionSettings(
          encoder, modelName: modelName, precision: precision, dimension: dimension,
          storage: storage ?? (encoder.metric == .hamming ? .binary : .float32), stems: stems ?? true)
        try Self.create(database, settings, search ?? .exact)
      }
      let row = try Self.row(of: database)
      try row.settings.check(encoder, of: database.place, dimension: dimension, storage: storage, stems: stems)
      isReadOnly = try database.read { connection in
        let answer = try connection.query(
          """
          SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean
            OR NOT has_table_privilege('collection', 'UPDATE')
          """
        ).first
        return try answer?.boolean(0) ?? true
      }
      if let search, search != row.search { try use(search, row.settings) }
    }

    /// Whether the collection is there. The tables of tables are asked as any others are: what functions such as
    /// to_regclass say may be of a time before the statement.
    private static func exists(_ connection: PostgresConnection, _ database: PostgresDatabase) throws -> Bool {
      try connection.query(
        """
        SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1::text AND c.relname = 'collection')
        """, [.text(database.address.collection)]
      ).first?.boolean(0) ?? false
    }

    static func requireExistence(in database: PostgresDatabase) throws {
      guard try !database.read({ try exists($0, database) }) else { return }
      throw MinkeError(
        .notFound, database.place, expected: "a collection called \"\(database.address.collection)\"", found: "none")
    }

    static func row(of database: PostgresDatabase) throws -> CollectionRow {
      try requireExistence(in: database)
      return try database.read(holdingTables: true) { try CollectionRow($0, database.place) }
    }

    private static func create(
      _ database: PostgresDatabase, _ settings: CollectionSettings, _ search: VectorSearch
    ) throws {
      try PostgresSchema.check(settings, search, database.place)
      try database.write { connection in
        guard try make(connection, database, settings, search), search == .hnsw else { return }
        try connection.execute(PostgresSchema.index(search, settings, database))
      }
    }

    /// Makes the tables of a collection within a transaction; says whether they were not there.
    static func make(
      _ connection: PostgresConnection, _ database: PostgresDatabase, _ settings: CollectionSettings,
      _ search: VectorSearch
    ) throws -> Bool {
      let name = database.address.collection
      // Others who make it at this moment wait here, and then find it.
      try connection.query(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [.text("minke collection \(name)")])
      guard try !exists(connection, database) else { return false }
      let isThere = try connection.query(
        "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1::text)", [.text(name)])
      guard try isThere.first?.boolean(0) == false else {
        throw MinkeError(
          .unsupportedFile, database.place, expected: "a collection, or no schema \"\(name)\"",
          found: "a schema of something else")
      }
      try connection.execute(PostgresSchema.creation(settings, database))
      try connection.query(
        """
        INSERT INTO collection (format, settings, search, identity, generation, next_passage, next_block)
        VALUES ($1, $2, $3, $4, 1, 1, 1)
        """,
        [
          .integer(PostgresSchema.version), .text(JSONValue.object(settings.members).text), .text(search.rawValue),
          .integer(.random(in: 0 ... .max)),
        ])
      return true
    }

    /// Finds vectors by `search` from now on.
    private func use(_ search: VectorSearch, _ settings: CollectionSettings) throws {
      try PostgresSchema.check(settings, search, location)
      try database.write { connection in
        try connection.query("SELECT 1 FROM collection FOR UPDATE")
        try connection.execute(PostgresSchema.index(search, settings, database))
        try connection.query(
          "UPDATE collection SET search = $1, generation = generation + 1", [.text(search.rawValue)])
      }
    }

    /// Closes the connections. Using the collection afterwards throws.
    public func close() { database.close() }

    // MARK: What it is

    /// The name of the collection in its database.
    public var name: String { database.address.collection }
    /// The address, without its password.
    public var location: String { database.place }

    /// What the collection was made with.
    public var settings: CollectionSettings { get throws { try withState { $1.settings } } }
    /// Passages held.
    public var passageCount: Int { get throws { try withState { $1.passageCount } } }
    /// Documents held.
    public var documentCount: Int {
      get throws { try database.read { try $0.query("SELECT count(*) FROM documents").first?.count(0) ?? 0 } }
    }
    /// How the nearest vectors are found.
    public var vectorSearch: VectorSearch { get throws { try withState { $1.search } } }

    /// The memory, in bytes, that words of the database may take; a quarter of the machine's at first. With less than they
    /// take, searches read from the server what they need, and give the same results.
    public var memoryLimit: Int {
      get { cache.limit }
      set { cache.limit = newValue }
    }

    // MARK: State

    /// Calls `body` with the present state of the collection.
    func withState<Result>(_ body: (PostgresConnection, PostgresState) throws -> Result) throws -> Result {
      try database.read(holdingTables: true) { connection in try body(connection, try state(in: connection)) }
    }

    /// The state that `connection` sees.
    func state(in connection: PostgresConnection) throws -> PostgresState {
      let before = known.withLock { $0 }
      let state = try PostgresState.read(connection, database, cache, known: before)
      if let before, before.isSame(as: state) { return before }
      try state.settings.check(encoder, of: location)
      let isLatest = known.withLock { known in
        guard known.map({ $0.row.identity != state.row.identity || $0.row.generation < state.row.generation }) ?? true
        else {
          return false
        }
        known = state
        return true
      }
      if isLatest {
        let words = state.words
        cache.forget { id in words.contains { id >= $0.block && id < $0.block + Int64($0.blocks) } }
      }
      return state
    }
  }
#endif
