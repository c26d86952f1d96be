import Foundation
import Minke
import MinkeStore

#if PostgreSQL
  import MinkePostgres
#endif

/// Collections by what is typed: the path of a file, or the address of a database.
enum CollectionPlace {
  /// Whether `name` is meant as the address of a database.
  static func isAddress(_ name: String) -> Bool { name.hasPrefix("postgres://") || name.hasPrefix("postgresql://") }

  /// Throws where `name` is no path, for builds that know nothing else.
  static func requirePath(_ name: String) throws(MinkeError) {
    guard isAddress(name) else { return }
    throw MinkeError(
      .invalidArgument, "postgres://", expected: "a minke with PostgreSQL (swift build --traits PostgreSQL)",
      found: "one without")
  }

  #if PostgreSQL
    /// The address that `name` is; nil for a path.
    static func address(_ name: String) throws(MinkeError) -> PostgresAddress? {
      isAddress(name) ? try PostgresAddress(name) : nil
    }
  #endif

  /// What the collection called `name` was made with.
  static func settings(of name: String) throws -> CollectionSettings {
    #if PostgreSQL
      if let address = try address(name) { return try PostgresCollection.settings(of: address) }
    #else
      try requirePath(name)
    #endif
    return try Collection.settings(of: name)
  }

  /// What the collection called `name` holds.
  static func info(of name: String) throws -> CollectionInfo {
    #if PostgreSQL
      if let address = try address(name) { return try PostgresCollection.info(of: address) }
    #else
      try requirePath(name)
    #endif
    return try Collection.info(of: name)
  }

  /// Looks for damage in the collection called `name`.
  static func verify(_ name: String, progress: @escaping ProgressHandler) throws -> [CollectionDefect] {
    #if PostgreSQL
      if let address = try address(name) { return try PostgresCollection.verify(address, progress: progress) }
    #else
      try requirePath(name)
    #endif
    return try Collection.verify(name, progress: progress)
  }

  /// Makes the collection called `name` of exported files.
  static func `import`(
    from folder: URL, into name: String, encoder: (any TextEncoder)?, storage: CollectionSettings.Storage?,
    progress: @escaping ProgressHandler
  ) throws -> any PassageCollection {
    #if PostgreSQL
      if let address = try address(name) {
        return try PostgresCollection.import(
          from: folder, into: address, encoder: encoder, storage: storage, progress: progress)
      }
    #else
      try requirePath(name)
    #endif
    return try Collection.import(from: folder, into: name, encoder: encoder, storage: storage, progress: progress)
  }

  /// Opens the collections called `names`, which must exist, with one model for all that it made.
  static func open(_ names: [String]) throws -> [any DocumentStorage] {
    var encoders: [ModelIdentity: any TextEncoder] = [:]
    return try names.map { name in
      let settings = try settings(of: name)
      let encoder = try encoders[settings.model] ?? Collection.loadEncoder(settings)
      encoders[settings.model] = encoder
      #if PostgreSQL
        if let address = try address(name) { return try PostgresCollection(address, encoder: encoder, creates: false) }
      #endif
      return try Collection(name, encoder: encoder, creates: false)
    }
  }

  /// Opens the collection called `name`, which must exist.
  static func open(_ name: String) throws -> any DocumentStorage { try open([name])[0] }
}
