extension Embeddings {
  /// The first `dimension` numbers, or bits, of every vector, as they are. Takes time proportional to what is kept, on all
  /// cores.
  ///
  /// - Throws: ``MinkeError`` when `dimension` is not between 1 and the present one (for bits, a multiple of 8);
  ///   `CancellationError` when the calling task was cancelled.
  public func truncated(to dimension: Int) throws -> Embeddings {
    guard dimension > 0, dimension <= self.dimension else {
      throw MinkeError(.invalidArgument, "dimension", expected: "1 to \(self.dimension)", found: "\(dimension)")
    }
    if dimension == self.dimension { return self }
    switch values {
    case .float32(let floats):
      let kept = try Self.rows(count, from: floats, width: self.dimension, to: dimension) { source, kept in
        kept.update(from: source, count: dimension)
      }
      return Embeddings(count: count, dimension: dimension, values: .float32(kept))
    case .bits(let bytes):
      guard dimension.isMultiple(of: 8) else {
        throw MinkeError(.invalidArgument, "dimension", expected: "a multiple of 8 bits", found: "\(dimension)")
      }
      let kept = try Self.rows(count, from: bytes, width: self.dimension / 8, to: dimension / 8) { source, kept in
        kept.update(from: source, count: dimension / 8)
      }
      return Embeddings(count: count, dimension: dimension, values: .bits(kept))
    }
  }

  /// Every vector scaled to length 1, on all cores; a zero vector stays zero, and bits stay as they are.
  ///
  /// Lengths are summed in double precision.
  /// - Throws: `CancellationError` when the calling task was cancelled.
  public func normalized() throws -> Embeddings {
    guard case .float32(let floats) = values else { return self }
    let dimension = dimension
    let scaled = try Self.rows(count, from: floats, width: dimension, to: dimension) { source, scaled in
      let length = UnsafeBufferPointer(start: source, count: dimension).euclideanLength
      guard length > 0 else { return scaled.update(from: source, count: dimension) }
      for index in 0..<dimension { scaled[index] = Float(Double(source[index]) / length) }
    }
    return Embeddings(count: count, dimension: dimension, values: .float32(scaled))
  }

  /// One bit a number, set where the number is above 0 (post-hoc binarization), on all cores. The dimension must be a
  /// multiple of 8. Bits stay as they are.
  ///
  /// - Throws: ``MinkeError`` of kind `shapeMismatch` for another dimension; `CancellationError` when the calling task was
  ///   cancelled.
  public func binarized() throws -> Embeddings {
    guard case .float32(let floats) = values else { return self }
    guard dimension.isMultiple(of: 8) else {
      throw MinkeError(.shapeMismatch, "embeddings", expected: "a multiple of 8 numbers", found: "\(dimension)")
    }
    let width = dimension / 8
    let packed: [UInt8] = try Self.rows(count, from: floats, width: dimension, to: width) { source, bytes in
      let bits = SIMD8<UInt8>(0x80, 0x40, 0x20, 0x10, 8, 4, 2, 1)
      for byte in 0..<width {
        let numbers = UnsafeRawPointer(source + 8 * byte).loadUnaligned(as: SIMD8<Float>.self)
        let isSet = unsafeBitCast(numbers .> 0, to: SIMD8<Int32>.self)
        bytes[byte] = (SIMD8<UInt8>(truncatingIfNeeded: isSet) & bits).wrappedSum()
      }
    }
    return Embeddings(count: count, dimension: dimension, values: .bits(packed))
  }

  /// `count` rows of `newWidth` elements, each made by `make` from the row of `width` elements that it is given.
  private static func rows<Source: BitwiseCopyable & Sendable, Element: BitwiseCopyable & Sendable>(
    _ count: Int, from source: [Source], width: Int, to newWidth: Int,
    _ make: @Sendable (UnsafePointer<Source>, UnsafeMutablePointer<Element>) -> Void
  ) throws -> [Element] {
    try [Element](unsafeUninitializedCapacity: count * newWidth) { result, resultCount in
      try source.withUnsafeBufferPointer { source in
        // SAFETY: every piece reads and writes rows of its own, while both arrays are held.
        nonisolated(unsafe) let (from, to) = (source.baseAddress, result.baseAddress)
        try Workers.forEachPiece(of: count, grain: max(1, (1 << 16) / width)) { piece, _ in
          guard let from, let to else { return }
          for row in piece { make(from + row * width, to + row * newWidth) }
        }
      }
      resultCount = count * newWidth
    }
  }
}
