import MinkeCheckpoints
import MinkeCore
import MinkeKernels

extension Linear {
  /// The parts of a matrix in fewer bits, after its name.
  private enum Part {
    static let int8 = ".int8"
    static let fourBit = ".4bit"
    static let scales = ".scales"
    static let minimums = ".minimums"
  }

  /// The shape of the matrix `name` as far as the stored tensors tell; nil where there is none.
  package static func shape(_ name: String, in checkpoint: Checkpoint, inputs: Int) -> [Int]? {
    if let plain = checkpoint.tensors[name] ?? checkpoint.tensors[name + Part.int8] { return plain.shape }
    guard let packed = checkpoint.tensors[name + Part.fourBit], packed.shape.count == 2,
      packed.shape[1] == minke_four_bit_groups(inputs) * 16
    else { return nil }
    return [packed.shape[0], inputs]
  }

  /// Whether the checkpoint holds matrices in fewer bits.
  package static func areRounded(in checkpoint: Checkpoint) -> Bool {
    checkpoint.tensorNames.contains { $0.hasSuffix(Part.scales) }
  }

  /// The layer with the matrix `name`, in whichever precision it is stored, its weights where they are mapped.
  ///
  /// - Throws: `MinkeError` when it is missing or of another shape.
  package init(
    _ name: String, outputs: Int, inputs: Int, in checkpoint: Checkpoint, kernels level: KernelLevel
  ) throws(MinkeError) {
    func part<Element: BitwiseCopyable & Sendable>(
      _ suffix: String, _ type: ElementType, _ shape: [Int], as element: Element.Type
    ) throws(MinkeError) -> SharedBuffer<Element> {
      let tensor = try checkpoint.tensor(name + suffix)
      try tensor.checkShape(shape)
      guard tensor.elementType == type else {
        throw MinkeError(
          .shapeMismatch, "\(checkpoint.path): tensor \"\(name + suffix)\"", expected: type.rawValue,
          found: tensor.elementType.rawValue)
      }
      let bytes = tensor.bytes()
      let raw = UnsafeRawBufferPointer(bytes.pointer)
      if UInt(bitPattern: raw.baseAddress) % UInt(MemoryLayout<Element>.alignment) == 0 {
        return SharedBuffer(raw, within: bytes)
      }
      let copy = AlignedBuffer<Element>(uninitialized: tensor.count)
      UnsafeMutableRawBufferPointer(copy.mutablePointer).copyMemory(from: raw)
      return SharedBuffer(copy)
    }
    let storage: Storage
    if checkpoint.tensors[name + Part.int8] != nil {
      storage = .int8(
        try part(Part.int8, .int8, [outputs, inputs], as: Int8.self),
        scales: try part(Part.scales, .float32, [outputs], as: Float.self))
    } else if checkpoint.tensors[name + Part.fourBit] != nil {
      let groups = minke_four_bit_groups(inputs)
      storage = .fourBit(
        FourBitRows(
          q: try part(Part.fourBit, .uint8, [outputs, groups * 16], as: UInt8.self),
          scales: try part(Part.scales, .float16, [outputs, groups], as: UInt16.self),
          minimums: try part(Part.minimums, .float16, [outputs, groups], as: UInt16.self)))
    } else {
      storage = .float32(try checkpoint.tensor(name).floats(shape: [outputs, inputs]))
    }
    self.init(outputs: outputs, inputs: inputs, storage, kernels: level)
  }

  /// The tensors that hold the matrix in a file, under `name`.
  ///
  /// - Throws: `MinkeError` for packed weights, which have no form in files.
  package func tensors(named name: String) throws(MinkeError) -> [Tensor] {
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
    case .fourBit(let rows):
      let groups = minke_four_bit_groups(inputs)
      return [
        try tensor(Part.fourBit, .uint8, [outputs, groups * 16], rows.q),
        try tensor(Part.scales, .float16, [outputs, groups], rows.scales),
        try tensor(Part.minimums, .float16, [outputs, groups], rows.minimums),
      ]
    case .packedFloat32, .packedInt8:
      throw MinkeError(.unsupportedFile, name, expected: "weights row after row", found: "packed ones")
    }
  }
}
