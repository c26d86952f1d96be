import MinkeCore

extension VectorBlock {
  /// The numbers of all vectors, `[count, dimension]`, those taken out included: as they were scored, so of 8-bit numbers
  /// what these stand for, and of bits -1 and +1.
  ///
  /// A two-stage storage knows of a number that its 8 bits round to 0 whether it was above 0; it is then given as a
  /// quarter of a step, which becomes the same bit and the same 8 bits again.
  /// - Parameter chunks: of a two-stage storage, all chunks of the block.
  /// - Throws: `MinkeError` of kind `malformedFile` when a chunk is missing or short; `CancellationError`.
  package func numbers(_ chunks: [SharedBuffer<UInt8>]) throws -> [Float] {
    let (width, segment, format) = (VectorBlockFormat.chunkVectors, segment, format)
    if format.hasRows {
      let needed = (0..<(count + width - 1) / width).map { min(width, count - $0 * width) }
      guard chunks.count == needed.count, zip(chunks, needed).allSatisfy({ $0.count == format.chunkBytes($1) }) else {
        throw MinkeError(
          .malformedFile, "vectors", expected: "chunks of \(count) vectors", found: "\(chunks.count) of other sizes")
      }
    }
    let dimension = format.dimension
    return try [Float](unsafeUninitializedCapacity: count * dimension) { result, resultCount in
      // SAFETY: every piece writes rows of its own, while the array is held.
      nonisolated(unsafe) let result = result.baseAddress
      try Workers.forEachPiece(of: count, grain: width) { piece, _ in
        guard let result else { return }
        for position in piece {
          let row = result + position * dimension
          if format.hasRows {
            format.numbers(of: position % width, in: chunks[position / width], signs: segment, position, into: row)
          } else {
            segment.numbers(at: position, into: row)
          }
        }
      }
      resultCount = count * dimension
    }
  }

  /// The positions of vectors that no encoder can have made: with numbers that are not finite, of another length than 1
  /// where they are compared by cosine, or with signs that do not agree with their numbers.
  ///
  /// - Throws: as ``numbers(_:)``.
  package func unsoundPositions(_ chunks: [SharedBuffer<UInt8>]) throws -> [Int] {
    if format.storage == .binary { return [] }
    let all = try numbers(chunks)
    let dimension = format.dimension
    let isSound = try Workers.map(count: count, grain: 256) { position in
      let vector = Array(all[position * dimension..<(position + 1) * dimension])
      guard vector.allSatisfy(\.isFinite) else { return false }
      if format.hasRows {
        let bits = packedBits(at: position)
        for (index, value) in vector.enumerated() {
          let isSet = bits[index / 8] >> (7 - UInt8(index % 8)) & 1 == 1
          if value > 0 && !isSet || value < 0 && isSet { return false }
        }
      }
      guard format.metric == .cosine else { return true }
      let length = vector.withUnsafeBufferPointer { $0.euclideanLength }
      if length == 0 { return true }
      // Each number of 8 bits is off by half a step at most.
      let step = format.storage == .float32 ? 0 : Double(vector.reduce(0) { max($0, $1.magnitude) }) / 127
      return abs(length - 1) <= 0.001 + step / 2 * Double(dimension).squareRoot()
    }
    return isSound.indices.filter { !isSound[$0] }
  }
}

extension Segment {
  /// Writes the numbers at `position` to `result`.
  fileprivate func numbers(at position: Int, into result: UnsafeMutablePointer<Float>) {
    let width = VectorFormat.blockVectors
    let place = UnsafeRawPointer(block(position / width)) + 4 * (position % width)
    switch format.scanned {
    case .float32:
      for index in 0..<format.dimension {
        result[index] = place.load(fromByteOffset: index * VectorFormat.rowBytes, as: Float.self)
      }
    case .int8:
      let scale = scales[position]
      for index in 0..<format.dimension {
        let byte = place.load(fromByteOffset: VectorFormat.byteOffset(of: index), as: UInt8.self)
        result[index] = Float(Int8(bitPattern: byte ^ 0x80)) * scale
      }
    case .bits:
      for index in 0..<format.dimension {
        let byte = place.load(fromByteOffset: VectorFormat.byteOffset(of: index / 8), as: UInt8.self)
        result[index] = byte >> (7 - UInt8(index % 8)) & 1 == 1 ? 1 : -1
      }
    }
  }
}

extension VectorBlockFormat {
  /// Writes the numbers of row `row` of a chunk to `result`; those that are 0 by the signs at `position` of `signs`.
  fileprivate func numbers(
    of row: Int, in chunk: SharedBuffer<UInt8>, signs: Segment, _ position: Int,
    into result: UnsafeMutablePointer<Float>
  ) {
    withExtendedLifetime(chunk) {
      guard let start = chunk.baseAddress.map({ UnsafeRawPointer($0) }) else { return }
      let scale = scale(of: row, in: start, rows: chunkRows(ofBytes: chunk.count))
      let width = VectorFormat.blockVectors
      let place = UnsafeRawPointer(signs.block(position / width)) + 4 * (position % width)
      for index in 0..<dimension {
        let number = start.load(fromByteOffset: row * dimension + index, as: Int8.self)
        let byte = place.load(fromByteOffset: VectorFormat.byteOffset(of: index / 8), as: UInt8.self)
        let isAbove = byte >> (7 - UInt8(index % 8)) & 1 == 1
        result[index] = (number == 0 && isAbove ? 0.25 : Float(number)) * scale
      }
    }
  }
}
