import MinkeCore
import MinkeKernels

extension Linear {
  /// Writes `activation(x W^T + b)` to `y`: `x` `[rows, inputs]`, `y` `[rows, outputs]`; on all cores.
  ///
  /// - Parameter scratch: memory in use by no one else; nil makes it anew where it is needed.
  package func callAsFunction(
    _ x: MatrixView, _ activation: Activation = .identity, into y: MutableMatrixView, _ scratch: Scratch? = nil
  ) {
    let product = Product(self, x, activation, into: y)
    switch storage {
    case .packedFloat32(let panels): product.run(packed: panels)
    case .packedInt8(let packed): product.run(packed: packed, scratch?.rows)
    case .float32, .int8, .fourBit: Self.multiplyRows([product], scratch ?? Scratch())
    }
  }

  /// One product `y = activation(x W^T + b)`.
  package struct Product: Sendable {
    fileprivate let layer: Linear
    fileprivate let x: MatrixView
    fileprivate let activation: Activation
    fileprivate let y: MutableMatrixView

    package init(
      _ layer: Linear, _ x: MatrixView, _ activation: Activation = .identity, into y: MutableMatrixView
    ) {
      precondition(x.columns == layer.inputs && y.columns == layer.outputs && x.rows == y.rows)
      self.layer = layer
      self.x = x
      self.activation = activation
      self.y = y
    }
  }

  /// Runs products over equally many rows that do not depend on each other, in one loop over all cores.
  package static func multiply(_ products: [Product], _ scratch: Scratch) {
    if products.contains(where: \.layer.isPacked) {
      multiplyPacked(products.filter(\.layer.isPacked))
      multiplyRows(products.filter { !$0.layer.isPacked }, scratch)
    } else {
      multiplyRows(products, scratch)
    }
  }

  /// Memory that products use in between.
  package final class Scratch: Sendable {
    /// Rows of x, rounded, for weights packed in 8 bits.
    fileprivate let rows: RoundedRows?
    /// A single row of x, rounded, for weights in 4 bits; nil where such products are to be exact.
    fileprivate let row: RoundedRow?
    /// For each thread that multiplies weights that lie in rows: one panel and 32 rows of weights.
    fileprivate let panels = Spares { ScratchBuffer() }

    /// - Parameters:
    ///   - rows: rows of x, where layers hold their weights packed in 8 bits.
    ///   - inputs: the most that a layer has.
    ///   - precision: how layers hold their weights.
    ///   - rounding: whether a single row of x may be rounded to 8 bits for weights in 4 bits: several times as fast, and
    ///     each number is wrong by at most 1/254 of the largest of 32 beside it.
    package init(rows: Int = 0, inputs: Int = 0, precision: Precision = .float32, rounding: Bool = false) {
      self.rows = precision == .int8 && rows > 0 ? RoundedRows(rows: rows, inputs: inputs) : nil
      row = precision == .fourBit && rounding ? RoundedRow(inputs: inputs) : nil
    }
  }
}

// MARK: Packed weights

extension Linear.Product {
  fileprivate func run(packed panels: SharedBuffer<Float>) {
    guard x.rows > 0 else { return }
    let product = MatrixProduct(layer.level)
    forEachPiece { columns in
      let y = y.columns(columns)
      guard let panels = panels.baseAddress else { return }
      product.multiply(
        x, panels + columns.lowerBound * layer.inputs, bias: layer.bias?.baseAddress.map { $0 + columns.lowerBound },
        activation.fused ?? MINKE_IDENTITY, into: y)
      if activation.fused == nil { activation(y, kernels: layer.level) }
    }
  }

  fileprivate func run(packed: Linear.PackedInt8, _ rounded: RoundedRows?) {
    guard x.rows > 0 else { return }
    let rounded = rounded ?? RoundedRows(rows: x.rows, inputs: layer.inputs)
    let kernels = minke_gemm_int8(layer.level.rawLevel).pointee
    let depth = minke_gemm_int8_depth(layer.inputs)
    rounded.round(x, factors: packed.factors, kernels)
    forEachPiece { columns in
      let y = y.columns(columns)
      let first = columns.lowerBound
      var call = minke_gemm_int8_call(
        rows: x.rows, columns: columns.count, depth: layer.inputs, x: rounded.bytes.baseAddress,
        x_scales: rounded.scales.baseAddress, x_zeros: rounded.zeros.baseAddress,
        panels: packed.panels.baseAddress.map { $0 + first * depth },
        w_scales: packed.scales.baseAddress.map { $0 + first }, w_sums: packed.sums.baseAddress.map { $0 + first },
        bias: layer.bias?.baseAddress.map { $0 + first }, y: y.start, y_stride: y.stride,
        activation: activation.fused ?? MINKE_IDENTITY)
      kernels.multiply(&call)
      if activation.fused == nil { activation(y, kernels: layer.level) }
    }
  }

  /// Calls `body` for ranges of outputs, on all cores. Each writes columns of its own.
  private func forEachPiece(_ body: @Sendable (_ columns: Range<Int>) -> Void) {
    let panel = MatrixProduct.panel
    // Pieces of some tens of microseconds; two panels at once are faster than one where there are few rows.
    let grain = max(2, (1 << 20) / (2 * panel * x.rows * layer.inputs))
    let outputs = layer.outputs
    Workers.forEachPieceUninterrupted(of: (outputs + panel - 1) / panel, grain: grain) { piece, _ in
      body(piece.lowerBound * panel..<min(outputs, piece.upperBound * panel))
    }
  }
}

extension Linear {
  /// Packed layers share out the rows, each of which is rounded once.
  private static func multiplyPacked(_ products: [Product]) {
    guard let rows = products.first?.x.rows else { return }
    let block = 64
    Workers.forEachPieceUninterrupted(of: (rows + block - 1) / block * products.count, grain: 1) { pieces, _ in
      for piece in pieces {
        let product = products[piece % products.count]
        let first = piece / products.count * block
        let range = first..<min(rows, first + block)
        product.layer(product.x.rows(range), product.activation, into: product.y.rows(range))
      }
    }
  }
}

/// Rows of x rounded to 8 bits, a scale and a zero point each.
// SAFETY of @unchecked: written by the thread that runs a product before its loop begins, read within it.
private final class RoundedRows: @unchecked Sendable {
  let bytes: AlignedBuffer<UInt8>
  let scales: AlignedBuffer<Float>
  let zeros: AlignedBuffer<Int32>

  init(rows: Int, inputs: Int) {
    bytes = AlignedBuffer(uninitialized: rows * minke_gemm_int8_depth(inputs))
    scales = AlignedBuffer(uninitialized: rows)
    zeros = AlignedBuffer(uninitialized: rows)
  }

  func round(_ x: MatrixView, factors: SharedBuffer<Float>?, _ kernels: minke_gemm_int8_kernels) {
    precondition(scales.count >= x.rows && bytes.count >= x.rows * minke_gemm_int8_depth(x.columns))
    kernels.quantize(
      x.start, x.stride, factors?.baseAddress, x.rows, x.columns, bytes.baseAddress, scales.baseAddress,
      zeros.baseAddress)
  }
}

// MARK: Weights in rows

extension Linear {
  private static func multiplyRows(_ products: [Product], _ scratch: Scratch) {
    guard let rows = products.first?.x.rows, rows > 0 else { return }
    precondition(products.allSatisfy { $0.x.rows == rows })
    if rows == 1 {
      let rounded = round(products, scratch)
      let row = products.map { RowProduct($0.layer, $0.x, rounded, $0.activation) }
      let y = products.map(\.y)
      // A piece reads each of its weights once, so pieces are pieces of memory.
      withExtendedLifetime((products, rounded)) {
        forEachPiece(of: products, grain: 64) { row[$0](outputs: $1, into: y[$0].columns($1)) }
      }
    } else {
      forEachPiece(of: products, grain: MatrixProduct.panel) { index, outputs in
        let product = products[index]
        scratch.panels.use {
          product.layer.multiply(
            outputs, by: product.x, product.activation, into: product.y.columns(outputs), $0)
        }
      }
    }
  }

  /// Calls `body` with the numbers of products and ranges of `grain` of their outputs, on all cores.
  private static func forEachPiece(
    of products: [Product], grain: Int, _ body: @Sendable (_ product: Int, _ outputs: Range<Int>) -> Void
  ) {
    let outputs = products.map(\.layer.outputs)
    var ends: [Int] = []
    for count in outputs { ends.append((ends.last ?? 0) + (count + grain - 1) / grain) }
    Workers.forEachPieceUninterrupted(of: ends.last ?? 0, grain: 1) { [ends] pieces, _ in
      for piece in pieces {
        guard let index = ends.firstIndex(where: { piece < $0 }) else { return }
        let start = (piece - (index == 0 ? 0 : ends[index - 1])) * grain
        body(index, start..<min(outputs[index], start + grain))
      }
    }
  }

  /// The rounded row of x that `products` have in common; nil where they are to be exact.
  private static func round(_ products: [Product], _ scratch: Scratch) -> RoundedRow? {
    guard let row = scratch.row, let first = products.first,
      products.allSatisfy({ $0.layer.precision == .fourBit && $0.x.start == first.x.start })
    else { return nil }
    row.round(first.x, kernels: first.layer.level)
    return row
  }

  /// `y = activation(W x + b)` for the outputs `range` and a single row of x, which may come rounded.
  func multiply(
    _ range: Range<Int>, by x: MatrixView, _ rounded: RoundedRow? = nil, _ activation: Activation = .identity,
    into y: MutableMatrixView
  ) {
    withExtendedLifetime((self, rounded)) { RowProduct(self, x, rounded, activation)(outputs: range, into: y) }
  }

  /// `y = activation(x W^T + b)` for the outputs `range`, at most as many as a panel has.
  private func multiply(
    _ range: Range<Int>, by x: MatrixView, _ activation: Activation, into y: MutableMatrixView, _ scratch: ScratchBuffer
  ) {
    let product = MatrixProduct(level)
    let size = MatrixProduct.packedCount(columns: range.count, depth: inputs)
    let panel = scratch.memory(2 * size)
    if case .float32(let weights) = storage {
      product.pack(weights.rows(of: inputs).rows(range), into: panel)
    } else {
      let rows = MutableMatrixView(panel + size, rows: range.count, columns: inputs)
      unpack(range, into: rows)
      product.pack(rows.read, into: panel)
    }
    product.multiply(
      x, panel, bias: bias?.baseAddress.map { $0 + range.lowerBound }, activation.fused ?? MINKE_IDENTITY, into: y)
    if activation.fused == nil { activation(y, kernels: level) }
  }
}

/// A layer's weights in rows and a single row of x, as the kernels take them.
///
/// These are bare addresses: the threads would take turns at the reference counts of what owns them, some microseconds'
/// work apart.
// SAFETY of @unchecked: only read; whoever makes one holds the layer and the rounded row for as long.
private struct RowProduct: @unchecked Sendable {
  private enum Weights {
    case float32(UnsafePointer<Float>)
    case int8(UnsafePointer<Int8>, scales: UnsafePointer<Float>)
    case fourBit(minke_four_bit_rows)
  }

  private let weights: Weights?
  private let (inputs, allOutputs): (Int, Int)
  private let bias: MatrixView?
  private let x: MatrixView
  private let rounded: minke_rounded_input?
  private let activation: Activation
  private let level: KernelLevel

  init(_ layer: Linear, _ x: MatrixView, _ rounded: RoundedRow?, _ activation: Activation) {
    precondition(x.rows == 1 && x.columns == layer.inputs)
    switch layer.storage {
    case .float32(let rows): weights = rows.baseAddress.map { .float32($0) }
    case .int8(let q, let scales):
      weights = q.baseAddress.flatMap { q in scales.baseAddress.map { .int8(q, scales: $0) } }
    case .fourBit(let rows): weights = .fourBit(rows.raw)
    case .packedFloat32, .packedInt8: preconditionFailure("packed weights multiply all their outputs at once")
    }
    (inputs, allOutputs) = (layer.inputs, layer.outputs)
    bias = layer.bias?.rows(of: layer.outputs)
    (self.x, self.rounded, self.activation, level) = (x, rounded?.raw, activation, layer.level)
  }

  func callAsFunction(outputs: Range<Int>, into y: MutableMatrixView) {
    precondition(outputs.lowerBound >= 0 && outputs.upperBound <= allOutputs)
    precondition(y.rows == 1 && y.columns == outputs.count)
    let (first, count) = (outputs.lowerBound, outputs.count)
    let kernels = minke_matvec(level.rawLevel).pointee
    switch weights {
    case nil: return
    case .float32(let w): kernels.float32(w + first * inputs, count, inputs, x.start, y.start)
    case .int8(let q, let scales): kernels.int8(q + first * inputs, scales + first, count, inputs, x.start, y.start)
    case .fourBit(let all):
      var rows = all.rows(from: first, inputs: inputs)
      if var rounded {
        kernels.four_bit_rounded(&rows, count, inputs, &rounded, y.start)
      } else {
        kernels.four_bit(&rows, count, inputs, x.start, y.start)
      }
    }
    if let bias { y.add(bias.columns(outputs)) }
    activation(y, kernels: level)
  }
}

/// A row of x in 8 bits for weights in 4: 32 numbers share a scale.
// SAFETY of @unchecked: written by the thread that runs a product before its loop begins, read within it.
final class RoundedRow: @unchecked Sendable {
  private let q: AlignedBuffer<Int8>
  private let scales: AlignedBuffer<Float>
  private let sums: AlignedBuffer<Float>

  /// Room for a row of up to `inputs` numbers.
  init(inputs: Int) {
    let groups = minke_rounded_groups(inputs)
    q = AlignedBuffer(uninitialized: groups * Int(MINKE_FOUR_BIT_GROUP))
    scales = AlignedBuffer(uninitialized: groups)
    sums = AlignedBuffer(uninitialized: groups)
  }

  var raw: minke_rounded_input {
    minke_rounded_input(q: q.baseAddress, scales: scales.baseAddress, sums: sums.baseAddress)
  }

  func round(_ x: MatrixView, kernels level: KernelLevel) {
    precondition(x.rows == 1 && minke_rounded_groups(x.columns) <= scales.count)
    var raw = raw
    minke_matvec(level.rawLevel).pointee.round_input(x.start, x.columns, &raw)
  }
}
