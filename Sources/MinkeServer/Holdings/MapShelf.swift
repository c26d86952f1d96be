import MinkeCore
import MinkeStore
import NIOCore
import Synchronization

/// Maps of collections, each made once for a state of its collection, beside what else goes on.
final class MapShelf: Sendable {
  /// How far a map is.
  enum Progress: Sendable {
    case making(share: Double)
    /// Its JSON text, and a name for its state.
    case ready(ByteBuffer, tag: String)
  }

  private struct Shelf {
    var made: [String: (generation: Int64, text: ByteBuffer)] = [:]
    var making: [String: Double] = [:]
    var failures: [String: any Error] = [:]
  }

  private let shelf = Mutex(Shelf())
  /// Maps that are made at a time: one takes all cores.
  private let gate = Gate("maps", width: 1, waiting: 64)

  /// The map of the present state, or how far it is; the first to ask has it made.
  func map(of named: NamedCollection) async throws -> Progress {
    guard let collection = named.collection as? any DocumentStorage else {
      throw Failure(.notImplemented, "collection \"\(named.name)\": it cannot be drawn as a map", code: "no_map")
    }
    let generation = try await Workers.run { try collection.generation }
    let (progress, isFirst) = try shelf.withLock { shelf -> (Progress, Bool) in
      if let error = shelf.failures.removeValue(forKey: named.name) { throw error }
      if let made = shelf.made[named.name], made.generation == generation {
        return (.ready(made.text, tag: "\"\(generation)\""), false)
      }
      if let share = shelf.making[named.name] { return (.making(share: share), false) }
      shelf.making[named.name] = 0
      return (.making(share: 0), true)
    }
    if isFirst { Task { await make(collection, named) } }
    return progress
  }

  private func make(_ collection: any DocumentStorage, _ named: NamedCollection) async {
    do {
      let made = try await gate.within {
        try await Workers.run { [self] in
          let generation = try collection.generation
          let map = try collection.map { done, total in
            self.shelf.withLock { $0.making[named.name] = Double(done) / Double(max(1, total)) }
          }
          return (generation, Self.text(of: map))
        }
      }
      shelf.withLock { shelf in
        shelf.making[named.name] = nil
        shelf.made[named.name] = (made.0, made.1)
      }
    } catch {
      shelf.withLock { shelf in
        shelf.making[named.name] = nil
        shelf.failures[named.name] = error
      }
    }
  }

  private static func text(of map: PassageMap) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(map.ids.count * 27 + 1024)
    buffer.writeString("{\"count\":\(map.ids.count),\"points\":\"")
    map.points.withUnsafeBytes { buffer.writeBase64($0) }
    buffer.writeString("\",\"ids\":\"")
    // Numbers as JavaScript has them.
    map.ids.map { Double($0) }.withUnsafeBytes { buffer.writeBase64($0) }
    buffer.writeString("\",\"documents\":\"")
    map.documents.withUnsafeBytes { buffer.writeBase64($0) }
    buffer.writeString("\",\"names\":")
    buffer.writeString(JSONValue.array(map.names.map { .string($0) }).text)
    buffer.writeString("}")
    return buffer
  }
}
