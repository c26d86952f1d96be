#if PostgreSQL
  import MinkeCore
  import MinkeModels
  import MinkeSearch
  import MinkeStore

  /// The tables of a collection, all in one schema of its name.
  ///
  /// README.md of this module says what each column holds.
  enum PostgresSchema {
    static let version: Int64 = 1

    /// The statements that make the schema and its tables.
    static func creation(_ settings: CollectionSettings, _ database: PostgresDatabase) -> String {
      """
      CREATE SCHEMA "\(database.address.collection)";
      CREATE TABLE collection (
        format bigint NOT NULL, settings text NOT NULL, search text NOT NULL, identity bigint NOT NULL,
        generation bigint NOT NULL, next_passage bigint NOT NULL, next_block bigint NOT NULL);
      CREATE TABLE sources (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key bytea NOT NULL, size bigint NOT NULL,
        modified bigint NOT NULL);
      CREATE UNIQUE INDEX ON sources (sha256(key));
      CREATE TABLE documents (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind bigint NOT NULL, key bytea NOT NULL,
        name text NOT NULL, title text, size bigint, modified bigint, hash bytea, whole boolean NOT NULL,
        run bigint NOT NULL, source bigint, metadata jsonb);
      CREATE UNIQUE INDEX ON documents (kind, sha256(key));
      CREATE INDEX ON documents (source) WHERE source IS NOT NULL;
      CREATE INDEX ON documents (name) WHERE kind = 1 AND length(name) < 1000;
      CREATE TABLE passages (
        id bigint PRIMARY KEY, document bigint NOT NULL, first_byte bigint NOT NULL, last_byte bigint NOT NULL,
        first_line bigint NOT NULL, last_line bigint NOT NULL, page bigint, context text, text text NOT NULL);
      CREATE INDEX ON passages (document, id);
      CREATE TABLE words (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, first_passage bigint NOT NULL,
        last_passage bigint NOT NULL, count bigint NOT NULL, block bigint NOT NULL, blocks bigint NOT NULL,
        removed bigint NOT NULL DEFAULT 0, gone bytea);
      CREATE TABLE blocks (id bigint PRIMARY KEY, bytes bytea NOT NULL);
      ALTER TABLE blocks ALTER COLUMN bytes SET STORAGE EXTERNAL;

      """ + vectors(settings, database)
    }

    /// The statements that make the tables of vectors, their names followed by `suffix`.
    static func vectors(_ settings: CollectionSettings, _ database: PostgresDatabase, suffix: String = "") -> String {
      let dimension = settings.dimension
      var sql = ""
      for table in settings.vectorTables {
        let (column, type) =
          table == "vectors" ? ("embedding", "\(database.vectors).vector(\(dimension))") : ("bits", "bit(\(dimension))")
        sql += "CREATE TABLE \(table)\(suffix) (passage bigint PRIMARY KEY, \(column) \(type) NOT NULL);\n"
        // Out of its row, a vector would have to be looked up for each comparison. A page holds 8 kB.
        if table == "signs" || 4 * dimension < 7900 {
          sql += "ALTER TABLE \(table)\(suffix) ALTER COLUMN \(column) SET STORAGE PLAIN;\n"
        }
      }
      return sql
    }

    /// The table in which candidates are looked for.
    static func candidates(_ settings: CollectionSettings) -> String {
      settings.storage == .float32 ? "vectors" : "signs"
    }

    static let indexName = "nearest"

    /// The statements that bring the index to `search`.
    static func index(
      _ search: PostgresCollection.VectorSearch, _ settings: CollectionSettings, _ database: PostgresDatabase
    ) -> String {
      let column =
        settings.storage == .float32
        ? "embedding \(database.vectors).vector_ip_ops" : "bits \(database.vectors).bit_hamming_ops"
      return "DROP INDEX IF EXISTS \(indexName);"
        + (search == .hnsw ? "CREATE INDEX \(indexName) ON \(candidates(settings)) USING hnsw (\(column));" : "")
    }

    /// Throws where PostgreSQL cannot keep vectors so.
    static func check(_ settings: CollectionSettings, _ search: PostgresCollection.VectorSearch, _ place: String) throws
    {
      guard settings.storage != .int8 else {
        throw MinkeError(
          .invalidArgument, "\(place): storage", expected: "float32, binary or two-stage, which PostgreSQL can keep",
          found: "int8")
      }
      guard settings.storage == .binary || settings.dimension <= 16_000 else {
        throw MinkeError(
          .invalidArgument, "\(place): dimension", expected: "at most 16000, as pgvector has it",
          found: "\(settings.dimension)")
      }
      guard search == .exact || settings.storage != .float32 || settings.dimension <= 2000 else {
        throw MinkeError(
          .invalidArgument, "\(place): dimension",
          expected: "at most 2000 for an HNSW index, or two-stage or binary storage", found: "\(settings.dimension)")
      }
    }
  }
#endif
