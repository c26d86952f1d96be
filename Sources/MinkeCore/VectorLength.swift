extension UnsafeBufferPointer<Float> {
  /// The Euclidean length of a vector, in double precision, where no square of a float is lost.
  package var euclideanLength: Double {
    var sums = SIMD8<Double>()
    let whole = count / 8 * 8
    for index in stride(from: 0, to: whole, by: 8) {
      let part = UnsafeRawBufferPointer(self).loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self)
      let wide = SIMD8<Double>(part)
      sums += wide * wide
    }
    var sum = sums.sum()
    for index in whole..<count { sum += Double(self[index]) * Double(self[index]) }
    return sum.squareRoot()
  }
}
