import MinkeCore
import MinkeKernels

extension Tensor {
  /// The elements as float32 numbers, in row-major order.
  ///
  /// Numbers that are float32 already are not copied; others are converted, rounding to nearest.
  /// - Parameters:
  ///   - expected: the shape that the tensor must have, nil standing for any length; nil for any shape.
  ///   - requiringFinite: whether NaN and infinity are an error.
  /// - Throws: `MinkeError` of kind `shapeMismatch` or `notFinite`.
  package func floats(
    shape expected: [Int?]? = nil, requiringFinite: Bool = false, kernels level: KernelLevel = .active
  ) throws(MinkeError) -> SharedBuffer<Float> {
    if let expected { try checkShape(expected) }
    let result = converted(kernels: level)
    if requiringFinite, let index = result.firstNotFinite {
      throw MinkeError(
        .notFinite, subject, expected: "finite numbers", found: "\(result[index]) at index \(position(index))")
    }
    return result
  }

  /// The elements as float32 numbers, copied, in row-major order; what is not float32 is rounded to nearest.
  public func elements() -> [Float] { converted(kernels: .active).copied() }

  /// The elements of a tensor of whole numbers or of true and false, in row-major order.
  ///
  /// - Parameter expected: the shape that the tensor must have, nil standing for any length; nil for any shape.
  /// - Throws: `MinkeError` of kind `shapeMismatch`, also for a tensor of floating-point numbers.
  public func integers(shape expected: [Int?]? = nil) throws(MinkeError) -> [Int] {
    if let expected { try checkShape(expected) }
    let bytes = bytes()
    switch elementType {
    case .bool, .uint8: return integers(bytes, as: UInt8.self)
    case .int8: return integers(bytes, as: Int8.self)
    case .int16: return integers(bytes, as: Int16.self)
    case .int32: return integers(bytes, as: Int32.self)
    case .int64: return integers(bytes, as: Int64.self)
    case .float16, .bfloat16, .float32, .float64:
      throw MinkeError(.shapeMismatch, subject, expected: "whole numbers", found: elementType.rawValue)
    }
  }

  private func integers<Element: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: SharedBuffer<UInt8>, as type: Element.Type
  ) -> [Int] {
    let raw = UnsafeRawBufferPointer(bytes.pointer)
    let stride = MemoryLayout<Element>.stride
    return (0..<count).map { Int(raw.loadUnaligned(fromByteOffset: $0 * stride, as: type)) }
  }

  private func converted(kernels level: KernelLevel) -> SharedBuffer<Float> {
    let bytes = bytes()
    let raw = UnsafeRawBufferPointer(bytes.pointer)
    switch elementType {
    case .float32:
      if UInt(bitPattern: raw.baseAddress) % UInt(MemoryLayout<Float>.alignment) == 0 {
        return SharedBuffer(raw, within: bytes)
      }
      return converted(raw, from: Float.self) { $0 }
    case .float16, .bfloat16:
      let kernels = minke_convert(level.rawLevel).pointee
      guard let convert = elementType == .float16 ? kernels.f16_to_f32 : kernels.bf16_to_f32,
        let source = raw.baseAddress
      else { break }
      let result = AlignedBuffer<Float>(uninitialized: count)
      if UInt(bitPattern: source) % 2 == 0 {
        convert(source.assumingMemoryBound(to: UInt16.self), result.baseAddress, count)
      } else {
        let aligned = AlignedBuffer<UInt16>(uninitialized: count)
        UnsafeMutableRawPointer(aligned.baseAddress).copyMemory(from: source, byteCount: raw.count)
        convert(aligned.baseAddress, result.baseAddress, count)
      }
      return SharedBuffer(result)
    case .float64: return converted(raw, from: Double.self) { Float($0) }
    case .bool, .uint8: return converted(raw, from: UInt8.self) { Float($0) }
    case .int8: return converted(raw, from: Int8.self) { Float($0) }
    case .int16: return converted(raw, from: Int16.self) { Float($0) }
    case .int32: return converted(raw, from: Int32.self) { Float($0) }
    case .int64: return converted(raw, from: Int64.self) { Float($0) }
    }
    return SharedBuffer(AlignedBuffer(zeroed: 0))
  }

  private func converted<Element: BitwiseCopyable>(
    _ raw: UnsafeRawBufferPointer, from type: Element.Type, _ convert: (Element) -> Float
  ) -> SharedBuffer<Float> {
    let result = AlignedBuffer<Float>(uninitialized: count)
    for index in 0..<count {
      result.baseAddress[index] = convert(
        raw.loadUnaligned(fromByteOffset: index * MemoryLayout<Element>.stride, as: type))
    }
    return SharedBuffer(result)
  }

  /// The index along each axis of element `index`.
  private func position(_ index: Int) -> [Int] {
    var rest = index
    return shape.reversed().map { length in
      defer { rest /= length }
      return rest % length
    }.reversed()
  }
}

extension SharedBuffer<Float> {
  /// The index of the first NaN or infinity.
  var firstNotFinite: Int? {
    // Without their sign, the bits of infinity and NaN are above those of all other numbers. Looking for the largest
    // of a block needs no branch, so that it runs at the speed of memory.
    let elements = pointer
    let block = 4096
    for start in stride(from: 0, to: elements.count, by: block) {
      let piece = UnsafeBufferPointer(rebasing: elements[start..<Swift.min(elements.count, start + block)])
      var largest: UInt32 = 0
      for element in piece { largest = Swift.max(largest, element.bitPattern & 0x7fff_ffff) }
      if largest >= Float.infinity.bitPattern { return start + (piece.firstIndex { !$0.isFinite } ?? 0) }
    }
    return nil
  }
}
