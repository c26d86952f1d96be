import Foundation
import GRDB
import Minke
import MinkeCore
import MinkeModels
import MinkeSearch
import Synchronization

/// Documents kept in one file with their passages, vectors and words, to be searched by meaning and by words.
///
/// It may be used from any task or thread, several processes at once included: searches never wait, and see each change
/// whole or not at all; changes come one after the other. What a call that writes has returned from is on disk.
/// What is in memory is a copy of parts of the file, and follows it.
public final class Collection: PassageCollection {
  /// What turns passages and queries into vectors.
  public let encoder: any TextEncoder
  /// The path of the file.
  public var path: String { file.path }
  /// The path of the file.
  public var location: String { file.path }
  /// The name of the file, without `.minke`.
  public var name: String {
    let name = (path as NSString).lastPathComponent
    return name.hasSuffix(".minke") && name.count > 6 ? String(name.dropLast(6)) : name
  }

  let file: CollectionFile
  let cache: BlockCache
  private let known = Mutex<CollectionState?>(nil)

  /// Opens the collection at `path`, or makes one where there is none.
  ///
  /// - Parameters:
  ///   - path: the file; beside it lie two more while it is open.
  ///   - encoder: the model that made the collection's vectors; for a new collection, the one that will.
  ///   - dimension: of a new collection, how many leading numbers of each vector to keep; nil keeps all.
  ///   - storage: of a new collection, how vectors are kept; nil for 8-bit integers, or bits for a model of bits.
  ///   - stems: of a new collection, whether English words are reduced to their stems.
  /// - Throws: `MinkeError` when the file is no collection, is damaged, was made by a newer Minke or with another model,
  ///   dimension or storage than those given.
  public static func open(
    _ path: String, encoder: any TextEncoder, dimension: Int? = nil, storage: CollectionSettings.Storage? = nil,
    stems: Bool? = nil
  ) throws -> Collection {
    try Collection(
      path, encoder: encoder, dimension: dimension, storage: storage, stems: stems, creates: true)
  }

  /// Opens the collection at `path`, which must exist, with the model that made it.
  ///
  /// - Throws: as ``open(_:encoder:dimension:storage:stems:)``, and when the model is not at hand any more.
  public static func open(_ path: String) throws -> Collection {
    let settings = try settings(of: path)
    return try Collection(path, encoder: loadEncoder(settings), creates: false)
  }

  /// What the collection at `path` was made with.
  ///
  /// - Throws: as ``open(_:)``.
  public static func settings(of path: String) throws -> CollectionSettings {
    let file = try CollectionFile(path, creates: false, readOnly: true)
    defer { try? file.close() }
    return try file.read { try CollectionSettings(reading: $0, of: path) }
  }

  /// Loads the model that `settings` name.
  package static func loadEncoder(_ settings: CollectionSettings) throws -> any TextEncoder {
    do {
      return try ModelLibrary.textEncoder(settings.modelName, precision: settings.precision)
    } catch let error as MinkeError where error.kind == .notFound {
      let fetching = settings.modelName.contains("@") ? "; to fetch it, run: minke pull \(settings.modelName)" : ""
      throw MinkeError(
        .notFound, settings.modelName,
        expected: "the model that made the collection, \(settings.model.name)\(fetching)",
        found: "none; name it with --model")
    }
  }

  package init(
    _ path: String, encoder: any TextEncoder, modelName: String? = nil, precision: Precision? = nil,
    dimension: Int? = nil, storage: CollectionSettings.Storage? = nil, stems: Bool? = nil, creates: Bool,
    readOnly: Bool = false
  ) throws {
    self.encoder = encoder
    file = try CollectionFile(path, creates: creates, readOnly: readOnly)
    cache = BlockCache(limit: Self.defaultMemory)
    do {
      let isNew = try file.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM properties") == 0 }
      if isNew {
        guard creates else {
          throw MinkeError(.malformedFile, path, expected: "a collection", found: "one that was never filled")
        }
        let settings = try CollectionSettings(
          encoder, modelName: modelName, precision: precision, dimension: dimension, storage: storage,
          stems: stems ?? true)
        try file.write { db in
          // Another process may have made it meanwhile.
          if try Int.fetchOne(db, sql: "SELECT count(*) FROM properties") == 0 { try settings.write(to: db) }
        }
      }
      try file.read { try CollectionSettings(reading: $0, of: path) }
        .check(encoder, of: path, dimension: dimension, storage: storage, stems: stems)
    } catch {
      try? file.close()
      throw error
    }
  }

  /// Half of the machine's memory.
  private static var defaultMemory: Int { Int(clamping: ProcessInfo.processInfo.physicalMemory / 2) }

  /// Closes the file. Using the collection afterwards throws; without this, the file is closed with the last use of the
  /// collection, and what lies beside the file may stay.
  public func close() throws { try file.close() }

  /// The memory, in bytes, that parts of the file may take; half of the machine's at first. With less than the
  /// collection takes, searches read from the file what they need, and give the same results.
  public var memoryLimit: Int {
    get { cache.limit }
    set { cache.limit = newValue }
  }

  // MARK: State

  /// Calls `body` with the present state of the file.
  func withState<Result>(_ body: (Database, CollectionState) throws -> Result) throws -> Result {
    try file.read { db in try body(db, try state(in: db)) }
  }

  /// The state that `db` sees.
  func state(in db: Database) throws -> CollectionState {
    let before = known.withLock { $0 }
    let state = try CollectionState.read(db, file, cache, known: before)
    if let before, before.generation == state.generation { return before }
    let isLatest = known.withLock { known in
      guard known.map({ $0.generation < state.generation }) ?? true else { return false }
      known = state
      return true
    }
    if isLatest {
      try state.settings.check(encoder, of: path)
      let (vectors, words) = (state.vectors, state.words)
      cache.forget { id in
        vectors.contains { $0.block == id || (id >= $0.chunks && id < $0.chunks + Int64($0.chunkCount)) }
          || words.contains { id >= $0.block && id < $0.block + Int64($0.blocks) }
      }
    }
    return state
  }

  /// Documents held.
  public var documentCount: Int {
    get throws { try file.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM documents") ?? 0 } }
  }

  /// Passages held.
  public var passageCount: Int { get throws { try withState { $1.passageCount } } }

  /// Bytes of the file.
  public var byteCount: Int {
    get throws {
      (try FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.intValue ?? 0
    }
  }

  /// A number that rises with every change.
  package var generation: Int64 { get throws { try withState { $1.generation } } }

  /// Whether the file may only be read.
  public var isReadOnly: Bool { file.isReadOnly }

  /// What the collection was made with.
  public var settings: CollectionSettings { get throws { try withState { $1.settings } } }
}
