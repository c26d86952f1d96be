import MinkeCore
import Testing

@testable import MinkeCheckpoints

@Suite struct ConversionTests {
  /// The value of an IEEE binary16 number, from its definition.
  private func value(half: UInt16) -> Float {
    let exponent = Int(half >> 10 & 31)
    let fraction = Float(half & 1023)
    let sign: Float = half >> 15 == 1 ? -1 : 1
    if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
    if exponent == 0 { return sign * fraction * 0x1p-24 }
    return sign * (1 + fraction / 1024) * Float(sign: .plus, exponent: exponent - 15, significand: 1)
  }

  @Test(arguments: KernelLevel.available) func `every half is widened exactly`(level: KernelLevel) throws {
    let all = (0...UInt16.max).map { $0 }
    for (type, reference) in [
      (ElementType.float16, all.map(value(half:))),
      (.bfloat16, all.map { Float(bitPattern: UInt32($0) << 16) }),
    ] {
      let tensor = try Tensor(name: "h", elementType: type, shape: [all.count], bytes: shared(bytes(all)))
      let result = try tensor.floats(kernels: level)
      for (index, expected) in reference.enumerated() {
        let found = result[index]
        #expect(found.bitPattern == expected.bitPattern || (found.isNaN && expected.isNaN), "\(type) \(index)")
      }
    }
  }

  @Test(arguments: KernelLevel.available) func `every length is converted whole`(level: KernelLevel) throws {
    for count in 0...40 {
      let halves = (0..<count).map { UInt16(0x3c00 + $0 * 37) }
      let tensor = try Tensor(name: "h", elementType: .float16, shape: [count], bytes: shared(bytes(halves)))
      #expect(try tensor.floats(kernels: level).array == halves.map(value(half:)))
    }
  }
}
