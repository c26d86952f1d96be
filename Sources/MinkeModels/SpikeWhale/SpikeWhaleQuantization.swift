import MinkeCheckpoints
import MinkeCore
import MinkeKernels
import MinkeText

extension WeightMatrix {
  /// `weights` `[outputs, inputs]` in fewer bits.
  ///
  /// int8: each row divided by a scale that makes its largest magnitude 127, and rounded. 4 bits: in each group of 32,
  /// the least weight is the minimum and the scale a fifteenth of the range; both are rounded to float16 first.
  static func quantize(
    _ weights: SharedBuffer<Float>, outputs: Int, inputs: Int, to precision: WeightPrecision
  ) -> WeightMatrix {
    switch precision {
    case .float32: return WeightMatrix(outputs: outputs, inputs: inputs, storage: .float32(weights))
    case .int8:
      let q = AlignedBuffer<Int8>(uninitialized: outputs * inputs)
      let scales = AlignedBuffer<Float>(uninitialized: outputs)
      for row in 0..<outputs {
        let values = UnsafeBufferPointer(rebasing: weights.pointer[row * inputs..<(row + 1) * inputs])
        let scale = values.reduce(0) { max($0, $1.magnitude) } / 127
        scales.baseAddress[row] = scale
        let factor = scale > 0 ? 1 / scale : 0
        for k in 0..<inputs {
          q.baseAddress[row * inputs + k] = Int8(max(-127, min(127, (values[k] * factor).rounded())))
        }
      }
      return WeightMatrix(
        outputs: outputs, inputs: inputs, storage: .int8(SharedBuffer(q), scales: SharedBuffer(scales)))
    case .fourBit:
      let groups = minke_four_bit_groups(inputs)
      let q = AlignedBuffer<UInt8>(zeroed: outputs * groups * 16)
      let scales = AlignedBuffer<UInt16>(uninitialized: outputs * groups)
      let minimums = AlignedBuffer<UInt16>(uninitialized: outputs * groups)
      for row in 0..<outputs {
        for group in 0..<groups {
          let columns = group * 32..<min(inputs, group * 32 + 32)
          let values = UnsafeBufferPointer(
            rebasing: weights.pointer[row * inputs + columns.lowerBound..<row * inputs + columns.upperBound])
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
      return WeightMatrix(
        outputs: outputs, inputs: inputs,
        storage: .fourBit(SharedBuffer(q), scales: SharedBuffer(scales), minimums: SharedBuffer(minimums)))
    }
  }

  /// The tensors that hold the matrix in a file, under `name`.
  func tensors(named name: String) throws(MinkeError) -> [Tensor] {
    func tensor<Element: BitwiseCopyable & Sendable>(
      _ suffix: String, _ type: ElementType, _ shape: [Int], _ buffer: SharedBuffer<Element>
    ) throws(MinkeError) -> Tensor {
      let bytes = UnsafeRawBufferPointer(buffer.pointer).bindMemory(to: UInt8.self)
      return try Tensor(name: name + suffix, elementType: type, shape: shape, bytes: SharedBuffer(copying: bytes))
    }
    switch storage {
    case .float32(let weights): return [try tensor("", .float32, [outputs, inputs], weights)]
    case .int8(let q, let scales):
      return [
        try tensor(Part.int8, .int8, [outputs, inputs], q), try tensor(Part.scales, .float32, [outputs], scales),
      ]
    case .fourBit(let q, let scales, let minimums):
      let groups = minke_four_bit_groups(inputs)
      return [
        try tensor(Part.fourBit, .uint8, [outputs, groups * 16], q),
        try tensor(Part.scales, .float16, [outputs, groups], scales),
        try tensor(Part.minimums, .float16, [outputs, groups], minimums),
      ]
    case .packed:
      throw MinkeError(.unsupportedFile, name, expected: "weights row after row", found: "packed ones")
    }
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

extension SpikeWhaleModel {
  /// The checkpoint's tensors with every linear layer and the embedding in `precision`.
  ///
  /// Norms, hyper-connections, the engram's compressor and tables stay as they are; what inference does not use
  /// (`lm_head` where it is a copy of the embedding, `mtp_heads.*`, `jepa.*`) is left out.
  /// - Throws: ``MinkeError`` when the model is not in float32, or a weight is not finite.
  package func tensors(in precision: WeightPrecision) throws -> [Tensor] {
    guard self.precision == .float32 else {
      throw MinkeError(
        .unsupportedFile, checkpoint.path, expected: "a model in float32", found: "one in \(self.precision.rawValue)")
    }
    let table = try SpikeWhaleTensors(checkpoint, configuration)
    var uses: [String: SpikeWhaleTensor.Use] = [:]
    for tensor in SpikeWhaleTensor.all(of: configuration) {
      uses[try table.name(of: tensor)] = tensor.entry(in: configuration).use
    }
    var tensors: [Tensor] = []
    if let engram { tensors.append(try engramCodes(engram, named: table.name(of: .engramCodes))) }
    for name in checkpoint.tensorNames {
      let isForTraining = SpikeWhaleTensor.trainingPlaces.contains {
        name.hasPrefix($0) || name.hasPrefix(table.prefix + $0)
      }
      let tensor = try checkpoint.tensor(name)
      // What the table does not know is kept: it may be a head's.
      switch isForTraining ? .unused : uses[name] ?? .exact {
      case .unused: continue
      case .exact: tensors.append(tensor)
      case .matrix:
        tensors += try WeightMatrix.quantize(
          tensor.floats(requiringFinite: true), outputs: tensor.shape[0], inputs: tensor.shape[1], to: precision
        ).tensors(named: name)
      }
    }
    return tensors
  }

  /// What the engram's hashes are made of, for every token, from the embedding as it is.
  private func engramCodes(_ engram: Engram, named name: String) throws(MinkeError) -> Tensor {
    let count = configuration.vocabularySize
    let codes = (0..<count).flatMap { engram.code(of: TokenID($0), embedding: embedding, kernels: kernels.matvec) }
    return try Tensor(name: name, shape: [count, engram.sizes.compressedSize], floats: codes)
  }
}
