import MinkeCore
import MinkeKernels
import Testing

@testable import MinkeLayers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Layers whose weights lie row after row, in each precision.
@Suite struct LinearRowsTests {
  private static func layer(
    _ outputs: Int, _ inputs: Int, _ precision: Precision, _ level: KernelLevel = .active
  ) -> (layer: Linear, weights: [Float]) {
    let values = numbers(outputs * inputs, seed: UInt64(outputs * 1000 + inputs))
    return (
      Linear(rows: SharedBuffer(values), outputs: outputs, inputs: inputs, precision: precision, kernels: level), values
    )
  }

  private static func unpacked(_ layer: Linear) -> [Float] { (0..<layer.outputs).flatMap { layer.row($0) } }

  private static func largestDifference(_ a: [Float], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
  }

  private static func products(
    _ weights: [Float], _ x: [Float], rows: Int, outputs: Range<Int>, bias: [Float]? = nil
  ) -> [Double] {
    let inputs = x.count / rows
    return (0..<rows).flatMap { row in
      outputs.map { output in
        (0..<inputs).reduce(Double(bias?[output] ?? 0)) {
          $0 + Double(weights[output * inputs + $1]) * Double(x[row * inputs + $1])
        }
      }
    }
  }

  private static let sizes = [
    (1, 1), (2, 7), (3, 16), (4, 31), (5, 32), (6, 33), (7, 47), (8, 48), (9, 500), (64, 640), (130, 70),
  ]

  @Test(arguments: KernelLevel.available, Precision.allCases)
  func `products with a row are those of the unpacked weights`(_ level: KernelLevel, _ precision: Precision) {
    for (outputs, inputs) in Self.sizes {
      let (layer, values) = Self.layer(outputs, inputs, precision, level)
      let weights = Self.unpacked(layer)
      // Half a step of the scale is the most that rounding may cost; float16 scales cost a little more.
      let bound: Double =
        switch precision {
        case .float32: 0
        case .int8: 0.5 / 127
        case .fourBit: 1.0 / 14
        }
      #expect(layer.precision == precision)
      #expect(Self.largestDifference(weights, values.map(Double.init)) <= bound)
      let x = (0..<inputs).map { Float(($0 * 37) % 19) / 19 - 0.4 }
      let buffer = SharedBuffer(x)
      for start in [0, outputs / 2] {
        let y = Matrix(rows: 1, columns: outputs - start + 1)
        y.view.fill(7)
        layer.multiply(start..<outputs, by: buffer.rows(of: inputs), into: y.view.columns(0..<outputs - start))
        let found = y.copied()
        #expect(found.last == 7, "written beyond the end")
        #expect(
          Self.largestDifference(found.dropLast(), Self.products(weights, x, rows: 1, outputs: start..<outputs)) < 1e-4)
      }
    }
  }

  @Test(arguments: KernelLevel.available, Precision.allCases)
  func `products with several rows, together with others, are those of the unpacked weights`(
    _ level: KernelLevel, _ precision: Precision
  ) throws {
    for rows in [1, 2, 17] {
      for (outputs, inputs) in Self.sizes {
        let (layer, _) = Self.layer(outputs, inputs, precision, level)
        let (other, _) = Self.layer(70, inputs, .float32, level)
        let bias = numbers(outputs, seed: 9)
        let packed = try Linear(
          weights: [SharedBuffer(Self.unpacked(layer))], biases: [SharedBuffer(bias)], inputs: inputs,
          precision: precision, kernels: level)
        let x = numbers(rows * inputs, seed: UInt64(inputs))
        let buffer = SharedBuffer(x)
        let (first, second) = (Matrix(rows: rows, columns: outputs), Matrix(rows: rows, columns: 70))
        let third = Matrix(rows: rows, columns: outputs)
        Linear.multiply(
          [
            .init(layer, buffer.rows(of: inputs), into: first.view),
            .init(other, buffer.rows(of: inputs), into: second.view),
            .init(packed, buffer.rows(of: inputs), .relu, into: third.view),
          ], Linear.Scratch())
        let wanted = Self.products(Self.unpacked(layer), x, rows: rows, outputs: 0..<outputs)
        #expect(Self.largestDifference(first.copied(), wanted) < 1e-4)
        #expect(
          Self.largestDifference(
            second.copied(), Self.products(Self.unpacked(other), x, rows: rows, outputs: 0..<70)) < 1e-4)
        let third3 = Self.products(Self.unpacked(packed), x, rows: rows, outputs: 0..<outputs, bias: bias)
        // Rows of x are rounded, too, where weights are packed in 8 bits.
        #expect(
          Self.largestDifference(third.copied(), third3.map { max(0, $0) })
            < (precision == .int8 ? 0.01 * Double(inputs).squareRoot() : 1e-4))
      }
    }
  }

  @Test(arguments: KernelLevel.available)
  func `products with a rounded row are those of what it was rounded to`(_ level: KernelLevel) {
    for (outputs, inputs) in [
      (1, 1), (2, 7), (3, 31), (4, 32), (5, 33), (6, 64), (7, 65), (8, 97), (9, 128), (5, 250), (4, 500), (64, 640),
      (9, 2000),
    ] {
      let (layer, _) = Self.layer(outputs, inputs, .fourBit, level)
      let weights = Self.unpacked(layer)
      // One group is all zeros.
      let x: [Float] = (0..<inputs).map { k in k / 32 == 1 ? 0 : Float((k * 37) % 19) / 19 - 0.4 }
      let buffer = SharedBuffer(x)
      let rounded = RoundedRow(inputs: inputs)
      rounded.round(buffer.rows(of: inputs), kernels: level)
      for start in [0, outputs / 2] {
        let y = Matrix(rows: 1, columns: outputs - start + 1)
        y.view.fill(7)
        layer.multiply(
          start..<outputs, by: buffer.rows(of: inputs), rounded, into: y.view.columns(0..<outputs - start))
        let found = y.copied()
        #expect(found.last == 7, "written beyond the end")
        for row in start..<outputs {
          var (exact, bound) = (0.0, 1e-4)
          for k in 0..<inputs {
            exact += Double(weights[row * inputs + k]) * Double(x[k])
            let group = x[k / 32 * 32..<min(inputs, k / 32 * 32 + 32)]
            // The minimum of a group is multiplied with the exact sum; what is left of a weight is at most 2.
            bound += 2 * Double(group.map(abs).max() ?? 0) / 254
          }
          #expect(abs(Double(found[row - start]) - exact) <= bound, "\(outputs) x \(inputs)")
        }
      }
    }
  }

  @Test func `only a single row is rounded, only for 4 bits, and only where it may be`() {
    let x = numbers(2 * 64, seed: 5)
    let buffer = SharedBuffer(x)
    func result(_ precision: Precision, rows: Int, rounding: Bool) -> [Float] {
      let (layer, _) = Self.layer(40, 64, precision)
      let y = Matrix(rows: rows, columns: 40)
      Linear.multiply(
        [.init(layer, buffer.rows(of: 64).rows(0..<rows), into: y.view)],
        Linear.Scratch(inputs: 64, precision: precision, rounding: rounding))
      return y.copied()
    }
    for precision in Precision.allCases {
      let (rounded, exact) = (result(precision, rows: 1, rounding: true), result(precision, rows: 1, rounding: false))
      #expect((rounded != exact) == (precision == .fourBit))
      #expect(result(precision, rows: 2, rounding: true) == result(precision, rows: 2, rounding: false))
    }
  }

  @Test func `rounded products are the same at every level`() {
    let (outputs, inputs) = (37, 1000)
    let x = SharedBuffer((0..<inputs).map { Float(sin(Double($0 * $0))) })
    let results = KernelLevel.available.map { level in
      let rounded = RoundedRow(inputs: inputs)
      rounded.round(x.rows(of: inputs), kernels: level)
      let y = Matrix(rows: 1, columns: outputs)
      Self.layer(outputs, inputs, .fourBit, level).layer.multiply(
        0..<outputs, by: x.rows(of: inputs), rounded, into: y.view)
      return y.copied()
    }
    for y in results { #expect(Self.largestDifference(y, results[0].map(Double.init)) < 1e-4) }
  }

  @Test(arguments: KernelLevel.available)
  func `norm and gate functions are as written`(_ level: KernelLevel) {
    let kernels = minke_decoder(level.rawLevel).pointee
    for count in [1, 15, 16, 17, 64, 100] {
      let x = (0..<count).map { Float($0 % 13) * 3 - 17 }
      let up = (0..<count).map { Float($0 % 7) - 3 }
      let silu = x.map { Double($0) / (1 + exp(-Double($0))) }
      var y = x
      kernels.silu(&y, count)
      #expect(Self.largestDifference(y, silu) < 1e-5)
      y = x
      kernels.swiglu(&y, up, count)
      #expect(Self.largestDifference(y, zip(silu, up).map { $0 * Double($1) }) < 1e-4)
      let scale = 1 / (x.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(count) + 1e-6).squareRoot()
      y = [Float](repeating: 0, count: 2 * count)
      kernels.rms_norm(x, 0, up, 1e-6, 2, count, &y, count)
      let expected = zip(x, up).map { Double($0) * scale * Double($1) }
      #expect(Self.largestDifference(y, expected + expected) < 1e-5)
    }
    var extremes: [Float] = [-.infinity, -1000, 1000, .nan]
    kernels.silu(&extremes, 4)
    #expect(abs(extremes[1]) < 1e-30 && extremes[2] == 1000 && extremes[3].isNaN)
  }

  @Test func `float16 scales survive from the smallest to the largest`() {
    for scale in [0, 1e-9, 3e-8, 1e-6, 6e-5, 1e-3, 1, 300, 4000] as [Float] {
      let values = (0..<32).map { Float($0 % 16) * scale }
      let layer = Linear(rows: SharedBuffer(values), outputs: 1, inputs: 32, precision: .fourBit)
      let difference = Self.largestDifference(layer.row(0), values.map(Double.init))
      #expect(difference <= max(Double(scale) * 15 / 1500, 1e-6), "\(scale)")
    }
  }
}
