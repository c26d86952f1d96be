import MinkeCore
import MinkeKernels
import MinkeText

/// What a SpikeWhale model remembers of one sequence.
///
/// With it, tokens given one at a time have the logits they would have in the whole sequence. It grows with the
/// sequence, 8 KB a token in the published model.
package struct SpikeWhaleState: CausalState {
  private var memory: SequenceState

  init(_ memory: SequenceState) { self.memory = memory }

  /// The tokens read so far.
  package var tokens: [TokenID] { memory.tokens }

  /// The memory, for reading on: a copy of its own where another value holds it as well.
  mutating func exclusive() -> SequenceState {
    if !isKnownUniquelyReferenced(&memory) { memory = memory.copy() }
    return memory
  }
}

/// The memory of one sequence: keys and values of its tokens in each layer, and the last few compressed embeddings,
/// which the engram's windows reach back to.
final class SequenceState: @unchecked Sendable {
  // SAFETY of @unchecked: whoever writes is the only one to hold it. Outside of a call it is reached through
  // SpikeWhaleState alone, which copies what two values share before one of them writes. In a forward pass each piece
  // of work writes its own positions.

  /// The tokens so far.
  private(set) var tokens: [TokenID] = []
  var count: Int { tokens.count }

  /// Keys in panels of 32 positions, `[capacity / 32, headDimension, 32]` for each layer: how the matrix product
  /// wants the columns of its right side, here the positions.
  private(set) var keys: [AlignedStorage]
  /// Values in panels of 32 dimensions, `[headDimension / 32, capacity, 32]` for each layer.
  private(set) var values: [AlignedStorage]
  /// Compressed embeddings of the last tokens, the newest last: `[longestWindow - 1, compressedSize]`.
  private(set) var recentCodes: [Float]

  private(set) var capacity = 0
  let headDimension: Int

  static let panel = Int(MINKE_PANEL)
  private var valuePanels: Int { (headDimension + Self.panel - 1) / Self.panel }

  init(configuration: SpikeWhaleConfiguration) {
    headDimension = configuration.headDimension
    keys = []
    values = []
    recentCodes = []
    let none = AlignedStorage(count: 0)
    keys = Array(repeating: none, count: configuration.layerCount)
    values = keys
    if let engram = configuration.engram {
      recentCodes = [Float](repeating: 0, count: (engram.longestWindow - 1) * engram.compressedSize)
    }
  }

  /// A memory that goes on from here by itself.
  func copy() -> SequenceState { SequenceState(self) }

  private init(_ other: SequenceState) {
    tokens = other.tokens
    recentCodes = other.recentCodes
    headDimension = other.headDimension
    keys = other.keys
    values = other.values
    capacity = other.capacity
    // Only what is in use is copied.
    resize(to: (other.count + Self.panel - 1) / Self.panel * Self.panel)
  }

  /// Takes in `tokens`, whose keys and values are stored, and the codes that the next ones reach back to.
  func append(_ tokens: ArraySlice<TokenID>, recentCodes: [Float]?) {
    self.tokens += tokens
    if let recentCodes { self.recentCodes = recentCodes }
  }

  /// Leaves only the first `count` tokens; `recentCodes` are those of the last of them.
  func truncate(to count: Int, recentCodes: [Float]) {
    tokens.removeLast(tokens.count - count)
    self.recentCodes = recentCodes
  }

  /// Makes room for `count` tokens in all.
  func reserve(_ count: Int) {
    guard count > capacity else { return }
    resize(to: (max(count, capacity * 3 / 2) + Self.panel - 1) / Self.panel * Self.panel)
  }

  private func resize(to newCapacity: Int) {
    let kept = min(capacity, newCapacity)
    let oldCapacity = capacity
    let valuePanels = valuePanels
    for layer in keys.indices {
      let newKeys = AlignedStorage(count: newCapacity * headDimension)
      newKeys.pointer.update(from: keys[layer].pointer, count: kept * headDimension)
      keys[layer] = newKeys
      let newValues = AlignedStorage(count: newCapacity * valuePanels * Self.panel)
      for panel in 0..<valuePanels {
        (newValues.pointer + panel * newCapacity * Self.panel).update(
          from: values[layer].pointer + panel * oldCapacity * Self.panel, count: kept * Self.panel)
      }
      values[layer] = newValues
    }
    capacity = newCapacity
  }

  /// Stores the key and value of `position` in `layer`.
  func store(
    key: UnsafePointer<Float>, value: UnsafePointer<Float>, at position: Int, layer: Int
  ) {
    let panel = Self.panel
    let column = keys[layer].pointer + position / panel * panel * headDimension + position % panel
    for dimension in 0..<headDimension { column[dimension * panel] = key[dimension] }
    for dimension in 0..<headDimension {
      values[layer].pointer[(dimension / panel * capacity + position) * panel + dimension % panel] = value[dimension]
    }
  }
}

/// Zero-filled numbers that several may point to.
final class AlignedStorage: @unchecked Sendable {
  // SAFETY of @unchecked: who writes is for the owner of the storage to say.
  private let buffer: AlignedBuffer<Float>
  var pointer: UnsafeMutablePointer<Float> { buffer.baseAddress }

  init(count: Int) { buffer = AlignedBuffer(zeroed: count) }
}
