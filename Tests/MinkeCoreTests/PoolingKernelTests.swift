import Foundation
import MinkeCore
import MinkeKernels
import Testing

@Suite struct PoolingKernelTests {
  private static let columnCounts = [2, 30, 32, 64, 66, 96, 128, 130, 256, 258, 300, 384, 512, 1024]
  private static let rows = 37

  /// The sum of `count` numbers in the order that the kernels promise: 32 after each other, then these sums.
  private func sum(_ count: Int, _ value: (Int) -> Float) -> Float {
    stride(from: 0, to: count, by: 32).map { start in
      (start..<min(start + 32, count)).reduce(0) { $0 + value($1) }
    }.reduce(0, +)
  }

  private func ids(_ count: Int) -> [Int32] { (0..<count).map { Int32(($0 * 7 + 3) % Self.rows) } }

  @Test(arguments: KernelLevel.available, columnCounts)
  func `Packed rows sum as their numbers do`(level: KernelLevel, columns: Int) {
    let packed = (0..<Self.rows * columns / 2).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 / 3) }
    let scales = (0..<Self.rows).map { Float($0 + 1) / 11 }
    for count in [0, 1, 2, 5, 32, 33, 100] {
      let ids = ids(count)
      let plain = (0..<columns).map { column in
        self.sum(count) { position in
          let id = Int(ids[position])
          let byte = packed[id * columns / 2 + column / 2]
          return (Float(column % 2 == 0 ? byte >> 4 : byte & 15) / 7.5 - 1) * scales[id]
        }
      }
      var sum = [Float](repeating: .nan, count: columns + 1)
      minke_pooling(level.rawLevel).pointee.sum_packed_rows(
        packed, columns / 2, scales, ids, count, columns, &sum)
      #expect(Array(sum[..<columns]) == plain)
      #expect(sum[columns].isNaN, "nothing behind the last column is written")
    }
  }

  @Test(arguments: KernelLevel.available, columnCounts + [1, 7, 129])
  func `Rows sum in order, with weights or without`(level: KernelLevel, columns: Int) {
    let kernels = minke_pooling(level.rawLevel).pointee
    let stride = columns + 3
    let table = (0..<Self.rows * stride).map { Float(($0 * 31) % 101) / 64 - 0.7 }
    for count in [0, 1, 2, 5, 32, 33, 100] {
      let ids = ids(count)
      let weights = (0..<count).map { Float($0 % 5) / 4 }
      let plain = (0..<columns).map { column in self.sum(count) { table[Int(ids[$0]) * stride + column] } }
      let weighted = (0..<columns).map { column in
        (0..<count).reduce(0.0) { $0 + Double(weights[$1] * table[Int(ids[$1]) * stride + column]) }
      }
      var sum = [Float](repeating: .nan, count: columns + 1)
      kernels.sum_rows(table, stride, ids, count, columns, &sum)
      #expect(Array(sum[..<columns]) == plain && sum[columns].isNaN)
      kernels.sum_weighted_rows(table, stride, ids, weights, count, columns, &sum)
      #expect(zip(sum, weighted).allSatisfy { abs(Double($0) - $1) < 1e-5 } && sum[columns].isNaN)
    }
  }

  @Test(arguments: KernelLevel.available)
  func `The tanh is as near as floats allow, for all arguments`(level: KernelLevel) {
    var arguments = stride(from: Float(-12), through: 12, by: 0.001).map { $0 }
    arguments += [0, -0.0, 1e-30, -1e-30, 0.6249, 0.6251, 50, -50, 1e30, -1e30, .infinity, -.infinity]
    var y = arguments
    let (ones, zeros) = ([Float](repeating: 1, count: y.count), [Float](repeating: 0, count: y.count))
    minke_pooling(level.rawLevel).pointee.dynamic_tanh(&y, ones, ones, zeros, y.count)
    for (argument, value) in zip(arguments, y) {
      #expect(abs(Double(value) - tanh(Double(argument))) < 3e-7, "tanh(\(argument)) = \(value)")
    }
    let (alpha, beta, bias): ([Float], [Float], [Float]) = ([2, 0.5, -1], [3, -1, 0.25], [0.1, 0, -2])
    var three: [Float] = [0.3, -4, 1]
    minke_pooling(level.rawLevel).pointee.dynamic_tanh(&three, alpha, beta, bias, 3)
    for (value, expected) in zip(three, [3 * tanh(0.7), -tanh(-2.0), 0.25 * tanh(-3.0)]) {
      #expect(abs(Double(value) - expected) < 1e-6)
    }
  }

  @Test(arguments: KernelLevel.available)
  func `Sums of squares and scaling hold for every length`(level: KernelLevel) {
    let kernels = minke_pooling(level.rawLevel).pointee
    for count in 0...70 {
      var x = (0..<count).map { Float($0) - 20.5 }
      let expected = x.reduce(0) { $0 + Double($1) * Double($1) }
      #expect(abs(Double(kernels.sum_of_squares(x, count)) - expected) <= expected * 1e-6)
      let doubled = x.map { $0 * 2 }
      kernels.scale(&x, 2, count)
      #expect(x == doubled)
    }
  }
}
