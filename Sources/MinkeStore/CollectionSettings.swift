import GRDB
import MinkeCore
import MinkeModels
import MinkeSearch

/// What a collection is made with, written down in it and the same for all that is added.
public struct CollectionSettings: Sendable, Equatable {
  /// How vectors are kept.
  public enum Storage: String, CaseIterable, Sendable {
    /// 32-bit floats: exact, and the largest.
    case float32
    /// 8-bit integers: a quarter of the room, and scores to about 0.002.
    case int8
    /// The signs, compared by Hamming distance: a thirty-second of the room.
    case binary
    /// The signs to find candidates by, and 8-bit integers to score those by: the fastest for many passages.
    case twoStage = "two-stage"
  }

  /// The model that makes the vectors.
  public var model: ModelIdentity
  /// What the model was called when the collection was made: a built-in name or a path.
  public var modelName: String
  /// How the model's layers are held; nil for how its folder has them.
  public var precision: Precision?
  /// Numbers, or bits, of a vector.
  public var dimension: Int
  /// How the model's vectors are compared.
  public var metric: Metric
  /// How vectors are kept.
  public var storage: Storage
  /// Whether English words are reduced to their stems.
  public var stems: Bool

  package var analyzer: WordAnalyzer { WordAnalyzer(stems: stems) }

  /// Whether the signs of numbers are kept in their place.
  package var binarizes: Bool { storage == .binary && metric != .hamming }

  package func vectorFormat() throws(MinkeError) -> VectorBlockFormat {
    switch storage {
    case .float32: try VectorBlockFormat(dimension: dimension, metric: metric, storage: .float32)
    case .int8: try VectorBlockFormat(dimension: dimension, metric: metric, storage: .int8)
    case .binary: try VectorBlockFormat(dimension: dimension, metric: .hamming, storage: .binary)
    case .twoStage:
      try VectorBlockFormat(
        dimension: dimension, metric: metric, storage: .twoStage(rescoring: .int8, oversampling: 10))
    }
  }

  /// The settings of a new collection whose vectors `encoder` makes.
  package init(
    _ encoder: any TextEncoder, modelName: String?, precision: Precision?, dimension: Int?, storage: Storage?,
    stems: Bool
  ) throws {
    model = encoder.identity
    self.modelName = modelName ?? encoder.identity.name
    self.precision = precision
    self.dimension = try encoder.encode([], dimension: dimension).dimension
    metric = encoder.metric
    self.storage = storage ?? (metric == .hamming ? .binary : .int8)
    self.stems = stems
    guard metric != .hamming || self.storage == .binary else {
      throw MinkeError(
        .invalidArgument, "storage", expected: "binary for a model of bits", found: self.storage.rawValue)
    }
    _ = try vectorFormat()
  }

  /// Throws unless the collection was made with this encoder and what else is given.
  ///
  /// - Parameter place: the collection, for the error.
  package func check(
    _ encoder: any TextEncoder, of place: String, dimension: Int? = nil, storage: Storage? = nil, stems: Bool? = nil
  ) throws(MinkeError) {
    func mismatch(_ what: String, _ expected: String, _ found: String) -> MinkeError {
      MinkeError(
        .invalidArgument, "\(place): \(what)", expected: expected, found: "\(found); --reindex makes it anew with that")
    }
    guard model == encoder.identity else {
      throw mismatch("model", "\(model), which made its vectors", "\(encoder.identity)")
    }
    if let dimension, dimension != self.dimension { throw mismatch("dimension", "\(self.dimension)", "\(dimension)") }
    if let storage, storage != self.storage {
      throw mismatch("storage", self.storage.rawValue, storage.rawValue)
    }
    if let stems, stems != self.stems { throw mismatch("stems", "\(self.stems)", "\(stems)") }
  }

  /// The members that ``init(_:malformed:)`` reads.
  package var members: [String: JSONValue] {
    var members: [String: JSONValue] = [
      "model": .string(model.name), "fingerprint": .string(model.fingerprint), "model_name": .string(modelName),
      "dimension": .integer(dimension), "metric": .string(metric.rawValue), "storage": .string(storage.rawValue),
      "stems": .boolean(stems),
    ]
    if let precision { members["precision"] = .string(precision.rawValue) }
    return members
  }

  // MARK: In the file

  func write(to db: Database) throws {
    let properties: [(String, any DatabaseValueConvertible)] = [
      ("generation", Int64(1)), ("model", model.name), ("fingerprint", model.fingerprint), ("model_name", modelName),
      ("dimension", dimension), ("metric", metric.rawValue), ("storage", storage.rawValue), ("stems", stems ? 1 : 0),
      ("precision", precision?.rawValue ?? ""),
    ]
    for (name, value) in properties {
      try db.run(
        "INSERT INTO properties (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [name, value])
    }
  }

  init(reading db: Database, of path: String) throws {
    var members: [String: JSONValue] = [:]
    try db.forEachRow("SELECT name, value FROM properties", of: "\(path): properties") { row in
      let name = try row.text(0)
      if let number = try? row.integer(1) {
        members[name] = .integer(Int(number))
      } else {
        members[name] = .string(try row.text(1))
      }
    }
    members["stems"] = members["stems"]?.integer.map { .boolean($0 != 0) }
    try self.init(members) { name in
      MinkeError(.malformedFile, "\(path): properties", expected: "a right value of \"\(name)\"", found: "another")
    }
  }

  /// The settings of an exported collection, or of a collection's properties.
  package init(_ members: [String: JSONValue], malformed: (String) -> MinkeError) throws(MinkeError) {
    guard let name = members["model"]?.string, let fingerprint = members["fingerprint"]?.string,
      let modelName = members["model_name"]?.string
    else { throw malformed("model") }
    guard let dimension = members["dimension"]?.integer, (1...65_535).contains(dimension) else {
      throw malformed("dimension")
    }
    guard let metric = members["metric"]?.string.flatMap({ Metric(rawValue: $0) }) else { throw malformed("metric") }
    guard let storage = members["storage"]?.string.flatMap({ Storage(rawValue: $0) }) else {
      throw malformed("storage")
    }
    guard let stems = members["stems"]?.boolean else { throw malformed("stems") }
    precision = members["precision"]?.string.flatMap { Precision(rawValue: $0) }
    (model, self.modelName) = (ModelIdentity(name: name, fingerprint: fingerprint), modelName)
    (self.dimension, self.metric, self.storage, self.stems) = (dimension, metric, storage, stems)
    do { _ = try vectorFormat() } catch { throw malformed("storage") }
  }
}
