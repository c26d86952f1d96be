import MinkeCheckpoints
import MinkeCore
import MinkeKernels
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct QuantizationTests {
  private static func matrix(_ outputs: Int, _ inputs: Int) -> SharedBuffer<Float> {
    var random = SplitMix64(seed: UInt64(outputs * 1000 + inputs))
    let values = (0..<outputs * inputs).map { _ in Float(2 * random.unit() - 1) }
    return values.withUnsafeBufferPointer { SharedBuffer(copying: $0) }
  }

  @Test(arguments: KernelLevel.available, WeightPrecision.allCases)
  func `products with a vector are those of the unpacked weights`(
    _ level: KernelLevel, _ precision: WeightPrecision
  ) throws {
    let kernels = minke_matvec(level.rawLevel).pointee
    for (outputs, inputs) in [
      (1, 1), (2, 7), (3, 16), (4, 31), (5, 32), (6, 33), (7, 47), (8, 48), (9, 500), (64, 640),
    ] {
      let values = Self.matrix(outputs, inputs)
      let matrix = WeightMatrix.quantize(values, outputs: outputs, inputs: inputs, to: precision)
      var weights = [Float](repeating: .nan, count: outputs * inputs + 1)
      weights[outputs * inputs] = 7
      weights.withUnsafeMutableBufferPointer { matrix.unpack(0..<outputs, into: $0.baseAddress!, kernels: kernels) }
      #expect(weights[outputs * inputs] == 7, "written beyond the end")
      // Half a step of the scale is the most that rounding may cost; float16 scales cost a little more.
      let bound = [.float32: 0, .int8: 0.5 / 127, .fourBit: 1.0 / 14][precision]!
      #expect(largestDifference(weights.dropLast(), values.copied()) <= bound)

      let x = (0..<inputs).map { Float(($0 * 37) % 19) / 19 - 0.4 }
      for start in [0, outputs / 2] {
        var y = [Float](repeating: 7, count: outputs - start + 1)
        y.withUnsafeMutableBufferPointer { y in
          matrix.multiply(start..<outputs, by: x, into: y.baseAddress!, kernels: kernels)
        }
        #expect(y.last == 7, "written beyond the end")
        let expected = (start..<outputs).map { row in
          x.indices.reduce(0.0) { $0 + Double(weights[row * inputs + $1]) * Double(x[$1]) }
        }
        #expect(largestDifference(y.dropLast(), expected) < 1e-4)
      }
    }
  }

  @Test(arguments: KernelLevel.available)
  func `products with a rounded vector are those of what it was rounded to`(_ level: KernelLevel) {
    let kernels = minke_matvec(level.rawLevel).pointee
    for (outputs, inputs) in [
      (1, 1), (2, 7), (3, 31), (4, 32), (5, 33), (6, 64), (7, 65), (8, 97), (9, 128), (5, 250), (4, 500), (64, 640),
      (9, 2000),
    ] {
      let matrix = WeightMatrix.quantize(Self.matrix(outputs, inputs), outputs: outputs, inputs: inputs, to: .fourBit)
      var weights = [Float](repeating: 0, count: outputs * inputs)
      weights.withUnsafeMutableBufferPointer { matrix.unpack(0..<outputs, into: $0.baseAddress!, kernels: kernels) }
      // One group is all zeros.
      let x: [Float] = (0..<inputs).map { k in
        if k / 32 == 1 { return 0 }
        return Float((k * 37) % 19) / 19 - 0.4
      }
      let rounded = RoundedInput(longest: inputs)
      rounded.round(x, count: inputs, kernels: kernels)
      for start in [0, outputs / 2] {
        var y = [Float](repeating: 7, count: outputs - start + 1)
        y.withUnsafeMutableBufferPointer {
          matrix.multiply(start..<outputs, by: rounded, into: $0.baseAddress!, kernels: kernels)
        }
        #expect(y.last == 7, "written beyond the end")
        for row in start..<outputs {
          var (exact, bound) = (0.0, 1e-4)
          for k in 0..<inputs {
            let w = Double(weights[row * inputs + k])
            exact += w * Double(x[k])
            let group = x[k / 32 * 32..<min(inputs, k / 32 * 32 + 32)]
            // The minimum of a group is multiplied with the exact sum; what is left of a weight is at most 2.
            bound += 2 * Double(group.map(abs).max() ?? 0) / 254
          }
          #expect(abs(Double(y[row - start]) - exact) <= bound, "\(outputs) x \(inputs)")
        }
      }
    }
  }

  @Test func `rounded products are the same at every level`() {
    let (outputs, inputs) = (37, 1000)
    let matrix = WeightMatrix.quantize(Self.matrix(outputs, inputs), outputs: outputs, inputs: inputs, to: .fourBit)
    let x = (0..<inputs).map { Float(sin(Double($0 * $0))) }
    let results = KernelLevel.available.map { level in
      let kernels = minke_matvec(level.rawLevel).pointee
      let rounded = RoundedInput(longest: inputs)
      rounded.round(x, count: inputs, kernels: kernels)
      var y = [Float](repeating: 0, count: outputs)
      y.withUnsafeMutableBufferPointer {
        matrix.multiply(0..<outputs, by: rounded, into: $0.baseAddress!, kernels: kernels)
      }
      return y
    }
    for y in results { #expect(largestDifference(y, results[0]) < 1e-4) }
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
      #expect(largestDifference(y, silu) < 1e-5)
      y = x
      kernels.swiglu(&y, up, count)
      #expect(largestDifference(y, zip(silu, up).map { $0 * Double($1) }) < 1e-4)
      let scale = 1 / (x.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(count) + 1e-6).squareRoot()
      y = [Float](repeating: 0, count: 2 * count)
      kernels.rms_norm(x, 0, up, 1e-6, 2, count, &y, count)
      let expected = zip(x, up).map { Double($0) * scale * Double($1) }
      #expect(largestDifference(y, expected + expected) < 1e-5)
    }
    var extremes: [Float] = [-.infinity, -1000, 1000, .nan]
    kernels.silu(&extremes, 4)
    #expect(abs(extremes[1]) < 1e-30 && extremes[2] == 1000 && extremes[3].isNaN)
  }

  @Test func `float16 scales survive from the smallest to the largest`() {
    for scale in [0, 1e-9, 3e-8, 1e-6, 6e-5, 1e-3, 1, 300, 4000] as [Float] {
      let values = (0..<32).map { Float($0 % 16) * scale }
      let buffer = values.withUnsafeBufferPointer { SharedBuffer(copying: $0) }
      let matrix = WeightMatrix.quantize(buffer, outputs: 1, inputs: 32, to: .fourBit)
      var back = [Float](repeating: .nan, count: 32)
      back.withUnsafeMutableBufferPointer {
        matrix.unpack(0..<1, into: $0.baseAddress!, kernels: minke_matvec(KernelLevel.active.rawLevel).pointee)
      }
      #expect(largestDifference(back, values) <= max(Double(scale) * 15 / 1500, 1e-6), "\(scale)")
    }
  }

  @Test(arguments: [(WeightPrecision.int8, 0.2), (.fourBit, 2)])
  func `a quantised model is saved, loaded and near the original`(_ precision: WeightPrecision, _ bound: Double) throws
  {
    let original = try SpikeWhaleFixture.network()
    try SpikeWhaleFixture.withCopy { folder in
      let file = folder.url.appendingPathComponent("model.safetensors")
      try Safetensors.write(original.tensors(in: precision), to: file)
      let quantized = try SpikeWhaleFolder(folder).model(kernels: .active)
      #expect(quantized.precision == precision)
      #expect(quantized.bytesPerToken < original.bytesPerToken / (precision == .int8 ? 3 : 5))
      for level in KernelLevel.available {
        let language = try LanguageModel(spikeWhale: folder, kernels: level)
        for example in try SpikeWhaleFixture.examples() {
          let logits = try language.logits(example.ids)
          #expect(largestDifference(logits, example.lastLogits) < bound)
          var context = language.makeContext()
          var last: [Float] = []
          for id in example.ids { last = try context.append([id]) }
          // A token that comes alone has its inputs rounded to 8 bits where weights have 4.
          #expect(largestDifference(last, logits) < (precision == .fourBit ? 0.5 : 1e-4))
        }
      }
      #expect(throws: MinkeError.self) { try quantized.tensors(in: .fourBit) }
    }
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
