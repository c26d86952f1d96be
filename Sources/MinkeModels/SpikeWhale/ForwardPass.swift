import MinkeCore
import MinkeLayers
import MinkeText

/// Tokens of one sequence that go through the model together, after those its state remembers.
struct SequenceInput {
  let tokens: ArraySlice<TokenID>
  let state: SequenceState

  init(_ tokens: some Collection<TokenID>, state: SequenceState) {
    self.tokens = ArraySlice(tokens)
    self.state = state
  }
}

/// One run of tokens through the model: its memory and where each sequence stands in it.
///
/// Row `r` of every matrix belongs to one token; the rows of a sequence stand together.
final class ForwardPass: @unchecked Sendable {
  // SAFETY of @unchecked: made and used by one caller; inside a loop each piece writes its own rows or columns.

  /// The rows of one sequence.
  struct Segment {
    let state: SequenceState
    let rows: Range<Int>
    /// The position of the first row in its sequence.
    let start: Int
  }

  let level: KernelLevel
  let segments: [Segment]
  let tokens: [TokenID]
  /// For each segment, what its state is to remember for the engram once the pass is complete.
  var recentCodes: [[Float]] = []
  var rows: Int { tokens.count }

  /// The streams of each token one under the other, `[rows * streams, hidden]`.
  let streams: MutableMatrixView
  /// What goes into a layer, `[rows, hidden]`, and what comes out of it.
  let input: MutableMatrixView
  let output: MutableMatrixView
  /// `[rows, queryRank]`
  let queryCode: MutableMatrixView
  /// `[rows, heads * headDimension]`
  let queries: MutableMatrixView
  let attended: MutableMatrixView
  /// `[rows, headDimension]`
  let keys: MutableMatrixView
  let values: MutableMatrixView
  /// `[rows, outputRank]`
  let outputCode: MutableMatrixView
  /// `[rows, feedForwardSize]`
  let gate: MutableMatrixView
  let up: MutableMatrixView
  /// `[rows, 2 * hidden]`: two vectors a token side by side, for the engram's gate and the refinement.
  let pair: MutableMatrixView
  /// `[rows, compressedSize]`
  let engramCode: MutableMatrixView
  /// `[rows, refinement size]`
  let refinementCode: MutableMatrixView

  let attention = CausalAttention.Scratch()
  private let products: Linear.Scratch
  /// What the views above look into.
  private let memory: [Matrix]

  /// - Parameter rounding: whether a single token's products with 4-bit weights may round their inputs to 8 bits.
  init(_ inputs: [SequenceInput], model: SpikeWhaleModel, rounding: Bool) {
    level = model.level
    var segments: [Segment] = []
    var tokens: [TokenID] = []
    for input in inputs where !input.tokens.isEmpty {
      let rows = tokens.count..<tokens.count + input.tokens.count
      input.state.reserve(input.state.count + rows.count)
      segments.append(Segment(state: input.state, rows: rows, start: input.state.count))
      tokens += input.tokens
    }
    self.segments = segments
    self.tokens = tokens

    let c = model.configuration
    let rows = tokens.count
    var memory: [Matrix] = []
    func matrix(_ columns: Int, rows: Int) -> MutableMatrixView {
      let matrix = Matrix(rows: rows, columns: columns)
      memory.append(matrix)
      return matrix.view
    }
    streams = matrix(c.hiddenSize, rows: rows * c.streamCount)
    input = matrix(c.hiddenSize, rows: rows)
    output = matrix(c.hiddenSize, rows: rows)
    queryCode = matrix(c.queryRank, rows: rows)
    queries = matrix(c.headCount * c.headDimension, rows: rows)
    attended = matrix(c.headCount * c.headDimension, rows: rows)
    keys = matrix(c.headDimension, rows: rows)
    values = matrix(c.headDimension, rows: rows)
    outputCode = matrix(c.outputRank, rows: rows)
    gate = matrix(c.feedForwardSize, rows: rows)
    up = matrix(c.feedForwardSize, rows: rows)
    pair = matrix(2 * c.hiddenSize, rows: rows)
    engramCode = matrix(c.engram?.compressedSize ?? 0, rows: rows)
    refinementCode = matrix(c.refinement?.size ?? 0, rows: rows)
    self.memory = memory

    let widest = max(c.feedForwardSize, 2 * c.hiddenSize, c.queryRank, c.outputRank, c.headCount * c.headDimension)
    products = Linear.Scratch(inputs: widest, precision: model.precision, rounding: rounding && rows == 1)
  }

  /// Runs products that do not depend on each other.
  func multiply(_ products: [Linear.Product]) { Linear.multiply(products, self.products) }

  /// Calls `body` for every row, on all threads.
  func forEachRow(_ body: @Sendable (_ row: Int) -> Void) {
    Workers.forEachPieceUninterrupted(of: rows, grain: 16) { piece, _ in for row in piece { body(row) } }
  }
}
