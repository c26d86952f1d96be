import MinkeCore
import MinkeKernels
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
  // SAFETY of @unchecked: made and used by one caller; inside a loop each piece writes its own rows or
  // columns, and a worker its own scratch.

  /// The rows of one sequence.
  struct Segment {
    let state: SequenceState
    let rows: Range<Int>
    /// The position of the first row in its sequence.
    let start: Int
  }

  let kernels: SpikeWhaleKernels
  let configuration: SpikeWhaleConfiguration
  /// Threads that there is scratch memory for.
  let workers = Workers.count
  let segments: [Segment]
  let tokens: [TokenID]
  /// For each segment, what its state is to remember for the engram once the pass is complete.
  var recentCodes: [[Float]] = []
  var rows: Int { tokens.count }

  /// `[rows, streams, hidden]`.
  let streams: UnsafeMutablePointer<Float>
  /// What goes into a layer, `[rows, hidden]`, and what comes out of it.
  let input: UnsafeMutablePointer<Float>
  let output: UnsafeMutablePointer<Float>
  /// `[rows, queryRank]`
  let queryCode: UnsafeMutablePointer<Float>
  /// `[rows, heads, headDimension]`
  let queries: UnsafeMutablePointer<Float>
  let attended: UnsafeMutablePointer<Float>
  /// `[rows, headDimension]`
  let keys: UnsafeMutablePointer<Float>
  let values: UnsafeMutablePointer<Float>
  /// `[rows, outputRank]`
  let outputCode: UnsafeMutablePointer<Float>
  /// `[rows, feedForwardSize]`
  let gate: UnsafeMutablePointer<Float>
  let up: UnsafeMutablePointer<Float>
  /// `[rows, 2 * hidden]`: two vectors a token side by side, for the engram's gate and the refinement.
  let pair: UnsafeMutablePointer<Float>
  /// `[rows, max(refinement size, compressed size)]`
  let code: UnsafeMutablePointer<Float>

  /// The input of a product of 4-bit weights, rounded; nil where products are exact.
  private let roundedInput: RoundedInput?

  private let memory: [AlignedStorage]
  /// For each worker: one panel and 32 rows of weights.
  private let panels: [AlignedStorage]
  /// For each worker: attention scores.
  private let scores: [AlignedStorage]

  /// Tokens of a sequence whose attention is computed together, so that its rows fill the matrix product.
  static let attentionBlock = 16

  /// - Parameter rounding: whether a single token's products with 4-bit weights may round their inputs to 8 bits.
  init(_ inputs: [SequenceInput], model: SpikeWhaleModel, rounding: Bool) {
    kernels = model.kernels
    configuration = model.configuration
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
    var memory: [AlignedStorage] = []
    func matrix(_ columns: Int) -> UnsafeMutablePointer<Float> {
      memory.append(AlignedStorage(count: rows * columns))
      return memory[memory.count - 1].pointer
    }
    streams = matrix(c.streamCount * c.hiddenSize)
    input = matrix(c.hiddenSize)
    output = matrix(c.hiddenSize)
    queryCode = matrix(c.queryRank)
    queries = matrix(c.headCount * c.headDimension)
    attended = matrix(c.headCount * c.headDimension)
    keys = matrix(c.headDimension)
    values = matrix(c.headDimension)
    outputCode = matrix(c.outputRank)
    gate = matrix(c.feedForwardSize)
    up = matrix(c.feedForwardSize)
    pair = matrix(2 * c.hiddenSize)
    code = matrix(max(c.refinement?.size ?? 0, c.engram?.compressedSize ?? 0))
    self.memory = memory

    let widest = max(c.feedForwardSize, 2 * c.hiddenSize, c.queryRank, c.outputRank, c.headCount * c.headDimension)
    let panelSize = 2 * SequenceState.panel * widest
    roundedInput = rounding && rows == 1 && model.precision == .fourBit ? RoundedInput(longest: widest) : nil
    panels = (0..<workers).map { _ in AlignedStorage(count: rows > 1 ? panelSize : 0) }
    let longest = segments.map { $0.start + $0.rows.count }.max() ?? 0
    let block = min(Self.attentionBlock, segments.map(\.rows.count).max() ?? 0)
    scores = (0..<workers).map { _ in
      AlignedStorage(count: block * c.headCount * Self.scoreStride(longest))
    }
  }

  /// Numbers from one row of scores for `positions` positions to the next.
  static func scoreStride(_ positions: Int) -> Int { (positions + 15) / 16 * 16 }

  func scores(of worker: Int) -> UnsafeMutablePointer<Float> { scores[worker].pointer }

  /// One matrix product `y = x W^T` of a phase: `x` `[rows, inputs]`, `y` `[rows, outputs]`.
  struct Product: @unchecked Sendable {
    // SAFETY of @unchecked: the pointers are those of the pass that runs the product.
    let weights: WeightMatrix
    let x: UnsafeMutablePointer<Float>
    let y: UnsafeMutablePointer<Float>
  }

  /// Runs `products`, which do not depend on each other, over the first `rows` rows.
  func multiply(_ products: [Product], rows: Int? = nil) {
    let rows = rows ?? self.rows
    if products.allSatisfy({ $0.weights.packed != nil }) { return multiplyPacked(products, rows: rows) }
    let rounded = rows == 1 ? round(products) : nil
    // A decoded token reads each weight once, so its pieces are pieces of memory: about as many bytes each.
    let grain = rows == 1 ? 64 : SequenceState.panel
    var ends: [Int] = []
    for product in products { ends.append((ends.last ?? 0) + (product.weights.outputs + grain - 1) / grain) }
    Workers.forEachPieceUninterrupted(of: ends.last ?? 0, grain: 1, workers: workers) { [ends] pieces, worker in
      for piece in pieces {
        guard let index = ends.firstIndex(where: { piece < $0 }) else { return }
        let product = products[index]
        let start = (piece - (index == 0 ? 0 : ends[index - 1])) * grain
        let outputs = start..<min(product.weights.outputs, start + grain)
        if let rounded {
          product.weights.multiply(outputs, by: rounded, into: product.y + start, kernels: self.kernels.matvec)
        } else if rows == 1 {
          product.weights.multiply(outputs, by: product.x, into: product.y + start, kernels: self.kernels.matvec)
        } else {
          self.multiply(product, outputs: outputs, rows: rows, worker: worker)
        }
      }
    }
  }

  /// The rounded input that `products` have in common; nil where they are to be exact.
  private func round(_ products: [Product]) -> RoundedInput? {
    guard let roundedInput, let first = products.first,
      products.allSatisfy({ $0.weights.precision == .fourBit && $0.x == first.x })
    else { return nil }
    roundedInput.round(first.x, count: first.weights.inputs, kernels: kernels.matvec)
    return roundedInput
  }

  /// Packed layers share out the rows, each of which is rounded once.
  private func multiplyPacked(_ products: [Product], rows: Int) {
    let block = 64
    Workers.forEachPieceUninterrupted(of: (rows + block - 1) / block * products.count, grain: 1) { pieces, _ in
      for piece in pieces {
        let product = products[piece % products.count]
        guard let layer = product.weights.packed else { continue }
        let first = piece / products.count * block
        let count = min(block, rows - first)
        layer(
          MatrixView(product.x + first * layer.inputs, rows: count, columns: layer.inputs),
          into: MutableMatrixView(product.y + first * layer.outputs, rows: count, columns: layer.outputs))
      }
    }
  }

  private func multiply(_ product: Product, outputs: Range<Int>, rows: Int, worker: Int) {
    let inputs = product.weights.inputs
    let panel = panels[worker].pointer
    product.weights.packPanel(
      outputs, into: panel, rowScratch: panel + SequenceState.panel * inputs, kernels: kernels)
    var call = minke_gemm_call(
      rows: rows, columns: outputs.count, depth: inputs, x: product.x, x_stride: inputs, panels: panel, bias: nil,
      y: product.y + outputs.lowerBound, y_stride: product.weights.outputs, activation: MINKE_IDENTITY)
    kernels.gemm.multiply(&call)
  }

  /// Calls `body` for every row, on all threads.
  func forEachRow(_ body: @Sendable (_ row: Int) -> Void) {
    Workers.forEachPieceUninterrupted(of: rows, grain: 16) { piece, _ in for row in piece { body(row) } }
  }

  /// `x = RMSNorm(x) * weight`, row by row.
  func normalize(_ x: UnsafeMutablePointer<Float>, by weight: SharedBuffer<Float>, rows: Range<Int>) {
    guard let weight = weight.pointer.baseAddress else { return }
    let columns = self.configuration.hiddenSize
    kernels.decoder.rms_norm(
      x + rows.lowerBound * columns, columns, weight, configuration.normEpsilon, rows.count, columns,
      x + rows.lowerBound * columns, columns)
  }
}
