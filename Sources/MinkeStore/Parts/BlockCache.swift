import MinkeCore
import MinkeSearch
import Synchronization

/// Blocks of the file in memory, up to a limit. A block never changes, and its id is never used again.
///
/// Vectors are kept from the second time on that they are asked for: to take up new memory for them costs a program that
/// searches once more than it gains. When the limit is reached, blocks are read anew for each search: keeping the first
/// ones then serves scans, which go through all blocks in order, better than keeping those used last.
package final class BlockCache: Sendable {
  private struct State {
    var vectors: [Int64: VectorBlock] = [:]
    /// Blocks of vectors that were asked for and not kept.
    var seen: Set<Int64> = []
    var bytes: [Int64: SharedBuffer<UInt8>] = [:]
    var used = 0
    var limit: Int
  }

  private let state: Mutex<State>

  package init(limit: Int) { state = Mutex(State(limit: limit)) }

  package var limit: Int {
    get { state.withLock { $0.limit } }
    set {
      state.withLock { state in
        state.limit = newValue
        if state.used > newValue { (state.vectors, state.bytes, state.used) = ([:], [:], 0) }
      }
    }
  }

  /// Bytes held.
  var used: Int { state.withLock { $0.used } }

  /// How many of the blocks with these ids it does not hold.
  func missing(_ ids: some Sequence<Int64>) -> Int {
    state.withLock { state in ids.count { state.vectors[$0] == nil } }
  }

  func vectors(_ id: Int64, _ load: () throws -> VectorBlock) throws -> VectorBlock {
    if let found = state.withLock({ $0.vectors[id] }) { return found }
    let loaded = try load()
    state.withLock { state in
      guard state.vectors[id] == nil, state.seen.remove(id) != nil else {
        state.seen.insert(id)
        return
      }
      guard state.used + loaded.byteCount <= state.limit else { return }
      state.vectors[id] = loaded
      state.used += loaded.byteCount
    }
    return loaded
  }

  package func bytes(_ id: Int64, _ load: () throws -> SharedBuffer<UInt8>) throws -> SharedBuffer<UInt8> {
    if let found = state.withLock({ $0.bytes[id] }) { return found }
    let loaded = try load()
    state.withLock { state in
      guard state.used + loaded.count <= state.limit, state.bytes[id] == nil else { return }
      state.bytes[id] = loaded
      state.used += loaded.count
    }
    return loaded
  }

  /// Forgets the blocks for which `isUsed` says no.
  package func forget(unless isUsed: (Int64) -> Bool) {
    state.withLock { state in
      for (id, block) in state.vectors where !isUsed(id) {
        state.used -= block.byteCount
        state.vectors[id] = nil
      }
      state.seen = state.seen.filter(isUsed)
      for (id, block) in state.bytes where !isUsed(id) {
        state.used -= block.count
        state.bytes[id] = nil
      }
    }
  }
}
