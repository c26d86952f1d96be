import MinkeCore
import MinkeKernels

extension Linear {
  /// The layer with the weights `[outputs, inputs]`, row after row, in fewer bits.
  ///
  /// int8: each row divided by a scale that makes its largest magnitude 127, and rounded. 4 bits: in each group of 32,
  /// the least weight is the minimum and the scale a fifteenth of the range; both are rounded to float16 first.
  package init(
    rows weights: SharedBuffer<Float>, outputs: Int, inputs: Int, precision: Precision = .float32,
    kernels level: KernelLevel = .active
  ) {
    precondition(weights.count == outputs * inputs)
    let storage: Storage =
      switch precision {
      case .float32: .float32(weights)
      case .int8: Self.int8Rows(weights.rows(of: inputs))
      case .fourBit: .fourBit(Self.fourBitRows(weights.rows(of: inputs)))
      }
    self.init(outputs: outputs, inputs: inputs, storage, kernels: level)
  }

  private static func int8Rows(_ weights: MatrixView) -> Storage {
    let (outputs, inputs) = (weights.rows, weights.columns)
    let q = AlignedBuffer<Int8>(uninitialized: outputs * inputs)
    let scales = AlignedBuffer<Float>(uninitialized: outputs)
    for row in 0..<outputs {
      let values = weights.row(row).numbers
      let scale = values.reduce(0) { max($0, $1.magnitude) } / 127
      scales.baseAddress[row] = scale
      let factor = scale > 0 ? 1 / scale : 0
      for k in 0..<inputs {
        q.baseAddress[row * inputs + k] = Int8(max(-127, min(127, (values[k] * factor).rounded())))
      }
    }
    return .int8(SharedBuffer(q), scales: SharedBuffer(scales))
  }

  static func fourBitRows(_ weights: MatrixView) -> FourBitRows {
    let (outputs, inputs) = (weights.rows, weights.columns)
    let groups = minke_four_bit_groups(inputs)
    let q = AlignedBuffer<UInt8>(zeroed: outputs * groups * 16)
    let scales = AlignedBuffer<UInt16>(uninitialized: outputs * groups)
    let minimums = AlignedBuffer<UInt16>(uninitialized: outputs * groups)
    for row in 0..<outputs {
      for group in 0..<groups {
        let values = weights.row(row).columns(group * 32..<min(inputs, group * 32 + 32)).numbers
        let least = Half(values.min() ?? 0)
        let scale = Half(((values.max() ?? 0) - least.value) / 15)
        let at = row * groups + group
        scales.baseAddress[at] = scale.bits
        minimums.baseAddress[at] = least.bits
        let factor = scale.value > 0 ? 1 / scale.value : 0
        for (k, value) in values.enumerated() {
          let level = UInt8(max(0, min(15, ((value - least.value) * factor).rounded())))
          q.baseAddress[at * 16 + k % 16] |= k < 16 ? level : level << 4
        }
      }
    }
    return FourBitRows(q: SharedBuffer(q), scales: SharedBuffer(scales), minimums: SharedBuffer(minimums))
  }
}

extension MatrixView {
  /// The numbers of a view of one row.
  fileprivate var numbers: UnsafeBufferPointer<Float> {
    precondition(rows == 1)
    return UnsafeBufferPointer(start: start, count: columns)
  }
}

/// A float16 number by its bits, for processors whose compiler has no such type.
private struct Half {
  let bits: UInt16

  /// The nearest float16 number; beyond its range the largest.
  init(_ value: Float) {
    let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
    let magnitude = min(value.magnitude, 65_504)
    // Below 2^-14 steps are 2^-24 wide; above, 10 bits follow the first.
    if magnitude < 0x1p-14 {
      bits = sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven))
    } else {
      let pattern = magnitude.bitPattern
      let rounded = pattern + 0xfff + ((pattern >> 13) & 1)
      bits = sign | UInt16(min(0x7bff, (rounded >> 13) - (112 << 10)))
    }
  }

  var value: Float {
    let magnitude = Float(bitPattern: UInt32(bits & 0x7fff) << 13) * 0x1p112
    return bits & 0x8000 == 0 ? magnitude : -magnitude
  }
}
