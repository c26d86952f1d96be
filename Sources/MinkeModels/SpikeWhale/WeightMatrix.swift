import MinkeCheckpoints
import MinkeCore
import MinkeKernels
import MinkeLayers

/// How precisely a language model's weights are held. What goes through them stays float32.
public enum WeightPrecision: String, CaseIterable, Codable, Sendable {
  /// As trained; the weights are used where they lie in the mapped file.
  case float32
  /// 8 bits a weight and one scale a row.
  case int8
  /// 4 bits a weight, and a float16 scale and minimum for each 32.
  case fourBit = "4bit"
}

/// The weights `W` `[outputs, inputs]` of a linear layer without bias, row after row as in their file.
///
/// Nothing is repacked: a decoded token reads every weight once, where it lies. Larger batches pack 32 rows at a time
/// into panels for the matrix product, which costs little beside it.
struct WeightMatrix: Sendable {
  enum Storage: Sendable {
    case float32(SharedBuffer<Float>)
    case int8(SharedBuffer<Int8>, scales: SharedBuffer<Float>)
    case fourBit(SharedBuffer<UInt8>, scales: SharedBuffer<UInt16>, minimums: SharedBuffer<UInt16>)
    /// Packed, with activations rounded to 8 bits as they come: the fastest for many rows, and less exact.
    case packed(Linear)
  }

  let outputs: Int
  let inputs: Int
  let storage: Storage

  var precision: WeightPrecision {
    switch storage {
    case .float32: .float32
    case .int8, .packed: .int8
    case .fourBit: .fourBit
    }
  }

  /// The layer, where it does its products by itself.
  var packed: Linear? { if case .packed(let layer) = storage { layer } else { nil } }

  /// The same weights packed in 8 bits.
  func packedInt8(kernels level: KernelLevel) throws(MinkeError) -> WeightMatrix {
    guard case .float32(let weights) = storage else { return self }
    let layer = try Linear(weights: [weights], inputs: inputs, precision: .int8, kernels: level)
    return WeightMatrix(outputs: outputs, inputs: inputs, storage: .packed(layer))
  }

  /// Bytes that one product with the matrix reads.
  var byteCount: Int {
    switch storage {
    case .float32(let weights): weights.count * 4
    case .int8(let q, let scales): q.count + scales.count * 4
    case .fourBit(let q, let scales, let minimums): q.count + (scales.count + minimums.count) * 2
    case .packed(let layer): layer.byteCount
    }
  }

  /// `y = W x` for the outputs of `rows`; `y` begins with the first of them.
  func multiply(
    _ rows: Range<Int>, by x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, kernels: minke_matvec_kernels
  ) {
    let start = rows.lowerBound
    switch storage {
    case .float32(let weights):
      guard let w = weights.baseAddress else { return }
      kernels.float32(w + start * inputs, rows.count, inputs, x, y)
    case .int8(let q, let scales):
      guard let q = q.baseAddress, let scales = scales.baseAddress else { return }
      kernels.int8(q + start * inputs, scales + start, rows.count, inputs, x, y)
    case .fourBit:
      var part = fourBitRows(from: start)
      kernels.four_bit(&part, rows.count, inputs, x, y)
    case .packed: preconditionFailure("packed weights multiply by themselves")
    }
  }

  /// `y = W x` for 4-bit weights and a rounded `x`.
  func multiply(
    _ rows: Range<Int>, by x: RoundedInput, into y: UnsafeMutablePointer<Float>, kernels: minke_matvec_kernels
  ) {
    var part = fourBitRows(from: rows.lowerBound)
    var x = x.raw
    kernels.four_bit_rounded(&part, rows.count, inputs, &x, y)
  }

  /// Writes the weights of `rows` to `y` `[rows, inputs]`.
  func unpack(_ rows: Range<Int>, into y: UnsafeMutablePointer<Float>, kernels: minke_matvec_kernels) {
    let start = rows.lowerBound
    switch storage {
    case .float32(let weights):
      if let w = weights.baseAddress { y.update(from: w + start * inputs, count: rows.count * inputs) }
    case .int8(let q, let scales):
      guard let q = q.baseAddress, let scales = scales.baseAddress else { return }
      kernels.unpack_int8(q + start * inputs, scales + start, rows.count, inputs, y)
    case .fourBit:
      var part = fourBitRows(from: start)
      kernels.unpack_four_bit(&part, rows.count, inputs, y)
    case .packed: preconditionFailure("packed weights are not unpacked")
    }
  }

  /// Packs the weights of `rows`, at most 32, into one panel; `rowScratch` holds `32 * inputs` numbers.
  func packPanel(
    _ rows: Range<Int>, into panel: UnsafeMutablePointer<Float>, rowScratch: UnsafeMutablePointer<Float>,
    kernels: borrowing SpikeWhaleKernels
  ) {
    if case .float32(let weights) = storage {
      guard let w = weights.baseAddress else { return }
      kernels.gemm.pack(w + rows.lowerBound * inputs, inputs, rows.count, inputs, panel)
    } else {
      unpack(rows, into: rowScratch, kernels: kernels.matvec)
      kernels.gemm.pack(rowScratch, inputs, rows.count, inputs, panel)
    }
  }

  private func fourBitRows(from row: Int) -> minke_four_bit_rows {
    guard case .fourBit(let q, let scales, let minimums) = storage, let q = q.baseAddress,
      let scales = scales.baseAddress, let minimums = minimums.baseAddress
    else { return minke_four_bit_rows() }
    let groups = minke_four_bit_groups(inputs)
    return minke_four_bit_rows(
      q: q + row * groups * 16, scales: scales + row * groups, minimums: minimums + row * groups)
  }
}

/// The input of one product with 4-bit weights, in 8 bits: 32 numbers share a scale.
///
/// Several times as fast as with the input itself; each number is wrong by at most 1/254 of the largest beside it.
final class RoundedInput: @unchecked Sendable {
  // SAFETY of @unchecked: written by the thread that runs a pass, between its loops; read within them.
  private let q: AlignedBuffer<Int8>
  private let scales: AlignedBuffer<Float>
  private let sums: AlignedBuffer<Float>

  /// Room for up to `longest` numbers.
  init(longest: Int) {
    let groups = minke_rounded_groups(longest)
    q = AlignedBuffer(uninitialized: groups * Int(MINKE_FOUR_BIT_GROUP))
    scales = AlignedBuffer(uninitialized: groups)
    sums = AlignedBuffer(uninitialized: groups)
  }

  var raw: minke_rounded_input {
    minke_rounded_input(q: q.baseAddress, scales: scales.baseAddress, sums: sums.baseAddress)
  }

  func round(_ x: UnsafePointer<Float>, count: Int, kernels: minke_matvec_kernels) {
    var raw = raw
    kernels.round_input(x, count, &raw)
  }
}

/// The inner loops that the model uses, all of one level.
struct SpikeWhaleKernels: Sendable {
  let matvec: minke_matvec_kernels
  let gemm: minke_gemm_kernels
  let transformer: minke_transformer_kernels
  let decoder: minke_decoder_kernels

  init(_ level: KernelLevel) {
    matvec = minke_matvec(level.rawLevel).pointee
    gemm = minke_gemm(level.rawLevel).pointee
    transformer = minke_transformer(level.rawLevel).pointee
    decoder = minke_decoder(level.rawLevel).pointee
  }
}
