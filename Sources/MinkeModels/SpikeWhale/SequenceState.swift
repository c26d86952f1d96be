import MinkeCore
import MinkeLayers
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

  /// The keys and values of each layer.
  let layers: [KeyValueMemory]
  /// Compressed embeddings of the last tokens, the newest last: `[longestWindow - 1, compressedSize]`.
  private(set) var recentCodes: [Float]

  init(configuration: SpikeWhaleConfiguration) {
    layers = (0..<configuration.layerCount).map { _ in KeyValueMemory(width: configuration.headDimension) }
    let engram = configuration.engram
    recentCodes = [Float](repeating: 0, count: engram.map { ($0.longestWindow - 1) * $0.compressedSize } ?? 0)
  }

  /// A memory that goes on from here by itself.
  func copy() -> SequenceState { SequenceState(self) }

  private init(_ other: SequenceState) {
    tokens = other.tokens
    recentCodes = other.recentCodes
    // Only what is in use is copied.
    layers = other.layers.map { $0.copy(keeping: other.count) }
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
  func reserve(_ count: Int) { for layer in layers { layer.reserve(count) } }
}
