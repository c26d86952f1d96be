import Foundation
import MinkeCore
import MinkeKernels
import Testing

@Suite struct TransformerKernelTests {
  private static let widths = [1, 2, 15, 16, 17, 31, 32, 100, 384]

  @Test(arguments: KernelLevel.available) func `GELU is x times the normal distribution`(level: KernelLevel) {
    let kernels = minke_transformer(level.rawLevel).pointee
    let x = (-4000...4000).map { Float($0) / 250 } + [-1e6, 1e6, -1e-20, 1e-20, 0]
    var y = x
    kernels.gelu(&y, 1, y.count, y.count)
    for (x, y) in zip(x, y) { #expect(abs(gelu(x) - y) <= 1.2e-7 * max(1, abs(x)), "\(x)") }
    var broken = [Float.nan, .infinity, 1]
    kernels.gelu(&broken, 1, 3, 3)
    #expect(broken[0].isNaN && broken[1] == .infinity && broken[2].isFinite)
  }

  @Test(arguments: KernelLevel.available) func `softmax gives shares of one and leaves other rows alone`(
    level: KernelLevel
  ) {
    let kernels = minke_transformer(level.rawLevel).pointee
    for width in Self.widths {
      let stride = (width + 15) / 16 * 16
      let x = numbers(3 * stride, seed: UInt64(width)).map { $0 * 40 }
      var y = x
      kernels.softmax(&y, 2, width, stride, 0.5)
      #expect(Array(y[2 * stride..<2 * stride + width]) == Array(x[2 * stride..<2 * stride + width]))
      for row in 0..<2 {
        let powers = (0..<width).map { exp(Double(x[row * stride + $0]) * 0.5) }
        let sum = powers.reduce(0, +)
        for column in 0..<width {
          #expect(abs(Double(y[row * stride + column]) - powers[column] / sum) <= 3e-6, "width \(width)")
        }
      }
    }
  }

  @Test(arguments: KernelLevel.available) func `softmax keeps far numbers apart and NaN visible`(level: KernelLevel) {
    let kernels = minke_transformer(level.rawLevel).pointee
    var x = [Float](repeating: 0, count: 16)
    x[0] = 1e30
    x[1] = -1e30
    kernels.softmax(&x, 1, 3, 16, 1)
    #expect(Array(x[0..<3]) == [1, 0, 0])
    x[0] = .nan
    kernels.softmax(&x, 1, 3, 16, 1)
    #expect(x[0].isNaN && x[1].isNaN)
  }

  @Test(arguments: KernelLevel.available) func `layer norm gives rows of mean 0 and variance 1, scaled and shifted`(
    level: KernelLevel
  ) {
    let kernels = minke_transformer(level.rawLevel).pointee
    for width in Self.widths {
      let rows = 3
      let (x, residual) = (numbers(rows * width, seed: 1), numbers(rows * width, seed: 2))
      let (weight, bias) = (numbers(width, seed: 3), numbers(width, seed: 4))
      for useResidual in [false, true] {
        var y = [Float](repeating: 0, count: rows * width)
        kernels.layer_norm(x, useResidual ? residual : nil, weight, bias, 1e-5, rows, width, &y)
        for row in 0..<rows {
          let values = (row * width..<(row + 1) * width).map {
            Double(x[$0]) + (useResidual ? Double(residual[$0]) : 0)
          }
          let mean = values.reduce(0, +) / Double(width)
          let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
          for column in 0..<width {
            let wanted = (values[column] - mean) / (variance + 1e-5).squareRoot() * Double(weight[column])
            #expect(abs(Double(y[row * width + column]) - wanted - Double(bias[column])) <= 1e-5, "width \(width)")
          }
        }
        var inPlace = x
        inPlace.withUnsafeMutableBufferPointer {
          kernels.layer_norm(
            $0.baseAddress, useResidual ? residual : nil, weight, bias, 1e-5, rows, width, $0.baseAddress)
        }
        #expect(inPlace == y)
      }
    }
  }
}

func gelu(_ x: Float) -> Float { Float(Double(x) * 0.5 * erfc(-Double(x) * 0.5.squareRoot())) }

/// Reproducible numbers from -1 to 1.
func numbers(_ count: Int, seed: UInt64) -> [Float] {
  var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-31
  }
}
