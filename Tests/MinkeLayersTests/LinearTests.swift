import MinkeCore
import MinkeKernels
import MinkeLayers
import Testing

/// Sizes around every edge: one, below and above a tile, a panel, a vector and a group of four.
private let sizes: [(rows: Int, outputs: Int, inputs: Int)] = [
  (1, 1, 1), (1, 32, 4), (2, 33, 5), (3, 31, 16), (5, 130, 12), (6, 65, 20), (7, 64, 64), (13, 96, 7), (14, 40, 33),
  (15, 70, 37), (29, 32, 100), (43, 17, 3),
]

@Suite struct LinearTests {
  @Test(arguments: KernelLevel.available) func `a linear layer is the sum over inputs plus the bias`(
    level: KernelLevel
  ) throws {
    for (rows, outputs, inputs) in sizes {
      let problem = Problem(rows: rows, outputs: outputs, inputs: inputs)
      let y = try problem.result(.float32, level)
      for (found, wanted) in zip(y, problem.reference()) {
        #expect(abs(found - wanted) <= 1e-6 * Float(inputs).squareRoot() * 8, "\(rows) x \(outputs) x \(inputs)")
      }
    }
  }

  @Test(arguments: KernelLevel.available) func `int8 is the product of the rounded numbers`(level: KernelLevel) throws {
    for (rows, outputs, inputs) in sizes {
      let problem = Problem(rows: rows, outputs: outputs, inputs: inputs)
      let y = try problem.result(.int8, level)
      let wanted = problem.rounded().reference()
      // A number half-way between two steps may be rounded either way.
      let step = 4 / Float(255)
      for (found, wanted) in zip(y, wanted) {
        #expect(abs(found - wanted) <= step * 2, "\(rows) x \(outputs) x \(inputs)")
      }
      let different = zip(y, wanted).filter { abs($0 - $1) > 1e-5 * Float(inputs) }.count
      #expect(different <= y.count / 20, "\(rows) x \(outputs) x \(inputs): \(different) of \(y.count)")
    }
  }

  @Test(arguments: KernelLevel.available, [Precision.float32, .int8])
  func `a row of a product with packed weights does not depend on the rows beside it`(
    level: KernelLevel, precision: Precision
  ) throws {
    let problem = Problem(rows: 31, outputs: 200, inputs: 50)
    let whole = try problem.result(precision, level)
    for row in [0, 7, 30] {
      #expect(try problem.only(row).result(precision, level) == Array(whole[row * 200..<(row + 1) * 200]))
    }
  }

  @Test(arguments: KernelLevel.available, Precision.allCases)
  func `GELU in the product is GELU after it`(level: KernelLevel, precision: Precision) throws {
    let problem = Problem(rows: 9, outputs: 45, inputs: 30)
    let plain = try problem.result(precision, level)
    let activated = try problem.result(precision, level, activation: .gelu)
    for (x, y) in zip(plain, activated) { #expect(abs(gelu(x) - y) <= 5e-7 * max(1, abs(x))) }
  }

  @Test(arguments: KernelLevel.available) func `matrices stacked in one layer give what each gives`(
    level: KernelLevel
  ) throws {
    let (a, b) = (Problem(rows: 5, outputs: 20, inputs: 10), Problem(rows: 5, outputs: 13, inputs: 10))
    let both = try Linear(
      weights: [shared(a.weights), shared(b.weights)], biases: [shared(a.bias), shared(b.bias)], inputs: 10,
      kernels: level)
    #expect(both.outputs == 33)
    let y = try apply(both, to: a.x, rows: 5)
    let (first, second) = (try a.result(.float32, level), try b.result(.float32, level, x: a.x))
    for row in 0..<5 {
      #expect(Array(y[row * 33..<row * 33 + 20]) == Array(first[row * 20..<row * 20 + 20]))
      #expect(Array(y[row * 33 + 20..<row * 33 + 33]) == Array(second[row * 13..<row * 13 + 13]))
    }
  }

  @Test(arguments: KernelLevel.available, Precision.allCases)
  func `NaN and infinity in a row come out as NaN or infinity`(level: KernelLevel, precision: Precision) throws {
    for broken in [Float.nan, .infinity, -.infinity] {
      var problem = Problem(rows: 3, outputs: 40, inputs: 20)
      problem.x[20 + 3] = broken
      let y = try problem.result(precision, level, activation: .gelu)
      #expect(y[0..<40].allSatisfy(\.isFinite) && y[80..<120].allSatisfy(\.isFinite))
      #expect(y[40..<80].allSatisfy { !$0.isFinite || $0 == 0 } && y[40..<80].contains { !$0.isFinite })
    }
  }

  @Test(arguments: KernelLevel.available) func `the transposed packing equals the packing of the transpose`(
    level: KernelLevel
  ) {
    let gemm = minke_gemm(level.rawLevel).pointee
    for (_, columns, depth) in sizes {
      let w = numbers(columns * depth, seed: 3)
      var transposed = w
      for n in 0..<columns { for k in 0..<depth { transposed[k * columns + n] = w[n * depth + k] } }
      let count = minke_gemm_panel_count(columns, depth)
      var (a, b) = ([Float](repeating: 1, count: count), [Float](repeating: 2, count: count))
      gemm.pack(w, depth, columns, depth, &a)
      gemm.pack_transposed(transposed, columns, columns, depth, &b)
      #expect(a == b)
    }
  }

  @Test func `sizes that do not fit are errors`() {
    #expect(throws: MinkeError.self) { try Linear(weights: [shared([1, 2, 3])], inputs: 2) }
    #expect(throws: MinkeError.self) { try Linear(weights: [shared([1, 2])], biases: [shared([1, 2])], inputs: 2) }
    #expect(throws: MinkeError.self) { try Linear(weights: [], inputs: 2) }
    #expect(throws: MinkeError.self) { try Linear(weights: [shared([1])], inputs: 0) }
    #expect(throws: MinkeError.self) {
      try Linear(weights: [shared([Float](repeating: 1, count: 65_537))], inputs: 65_537, precision: .int8)
    }
  }

  @Test func `the weights come back in plain form`() throws {
    let problem = Problem(rows: 1, outputs: 70, inputs: 13)
    let balance = (0..<13).map { 0.5 + Float($0) / 5 }
    for level in KernelLevel.available {
      let plain = try Linear(
        weights: [shared(problem.weights)], biases: [shared(problem.bias)], inputs: 13, kernels: level)
      let rounded = try Linear(
        weights: [shared(problem.weights)], inputs: 13, precision: .int8, balance: balance, kernels: level)
      #expect(plain.biases == problem.bias && rounded.biases == nil)
      for output in 0..<70 {
        let row = Array(problem.weights[output * 13..<(output + 1) * 13])
        #expect(plain.row(output) == row)
        let step = (zip(row, balance).map { abs($0 * $1) }.max() ?? 0) / 127
        for (k, (found, wanted)) in zip(rounded.row(output), row).enumerated() {
          #expect(abs(found - wanted) <= step / balance[k] * 0.501)
        }
      }
    }
  }

  @Test(arguments: KernelLevel.available, Activation.allCases)
  func `every activation is applied to what the product gives`(level: KernelLevel, activation: Activation) throws {
    let problem = Problem(rows: 5, outputs: 45, inputs: 30)
    for precision in Precision.allCases {
      let plain = try problem.result(precision, level)
      let activated = try problem.result(precision, level, activation: activation)
      for (x, y) in zip(plain, activated) { #expect(abs(activation(x) - y) <= 5e-7 * max(1, abs(x))) }
    }
  }

  @Test func `int8 takes about a quarter of the memory`() throws {
    let weights = [shared(numbers(256 * 128, seed: 1))]
    let full = try Linear(weights: weights, inputs: 128),
      small = try Linear(weights: weights, inputs: 128, precision: .int8)
    #expect(full.byteCount == 256 * 128 * 4)
    #expect(small.byteCount == 256 * 128 + 256 * 8)
  }
}

/// A product with random numbers.
private struct Problem {
  let rows: Int
  let outputs: Int
  let inputs: Int
  var x: [Float]
  var weights: [Float]
  var bias: [Float]

  init(rows: Int, outputs: Int, inputs: Int) {
    (self.rows, self.outputs, self.inputs) = (rows, outputs, inputs)
    x = numbers(rows * inputs, seed: UInt64(rows))
    weights = numbers(outputs * inputs, seed: UInt64(outputs + 1000))
    bias = numbers(outputs, seed: UInt64(inputs + 2000))
  }

  func only(_ row: Int) -> Problem {
    var problem = Problem(rows: 1, outputs: outputs, inputs: inputs)
    (problem.weights, problem.bias) = (weights, bias)
    problem.x = Array(x[row * inputs..<(row + 1) * inputs])
    return problem
  }

  /// The same problem with its numbers rounded as int8 rounds them.
  func rounded() -> Problem {
    var problem = self
    for row in 0..<rows {
      let range = row * inputs..<(row + 1) * inputs
      let (low, high) = (min(0, x[range].min() ?? 0), max(0, x[range].max() ?? 0))
      let scale = (high - low) / 255
      let zero = scale > 0 ? (-low / scale).rounded(.toNearestOrEven) : 0
      for index in range where scale > 0 {
        let q = min(255, max(0, (x[index] / scale).rounded(.toNearestOrEven) + zero))
        problem.x[index] = scale * (q - zero)
      }
    }
    for row in 0..<outputs {
      let range = row * inputs..<(row + 1) * inputs
      let scale = (weights[range].map(abs).max() ?? 0) / 127
      for index in range { problem.weights[index] = scale * (weights[index] / scale).rounded(.toNearestOrEven) }
    }
    return problem
  }

  func reference() -> [Float] {
    var y: [Float] = []
    for m in 0..<rows {
      for n in 0..<outputs {
        let products = (0..<inputs).map { Double(x[m * inputs + $0]) * Double(weights[n * inputs + $0]) }
        y.append(Float(products.reduce(Double(bias[n]), +)))
      }
    }
    return y
  }

  func result(
    _ precision: Precision, _ level: KernelLevel, x: [Float]? = nil, activation: Activation = .identity
  ) throws -> [Float] {
    let layer = try Linear(
      weights: [shared(weights)], biases: [shared(bias)], inputs: inputs, precision: precision, kernels: level)
    #expect(layer.precision == precision)
    return try apply(layer, to: x ?? self.x, rows: rows, activation: activation)
  }
}

private func apply(
  _ layer: Linear, to x: [Float], rows: Int, activation: Activation = .identity
) throws -> [Float] {
  // Rows lie apart, and what lies between must stay untouched.
  let (inputStride, outputStride) = (layer.inputs + 3, layer.outputs + 2)
  var wide = [Float](repeating: .nan, count: rows * inputStride)
  for row in 0..<rows {
    for k in 0..<layer.inputs { wide[row * inputStride + k] = x[row * layer.inputs + k] }
  }
  var y = [Float](repeating: 77, count: rows * outputStride)
  wide.withUnsafeBufferPointer { wide in
    y.withUnsafeMutableBufferPointer { y in
      guard let wide = wide.baseAddress, let y = y.baseAddress else { return }
      layer(
        MatrixView(wide, rows: rows, columns: layer.inputs, stride: inputStride), activation,
        into: MutableMatrixView(y, rows: rows, columns: layer.outputs, stride: outputStride))
    }
  }
  for row in 0..<rows { #expect(y[row * outputStride + layer.outputs..<(row + 1) * outputStride] == [77, 77]) }
  return (0..<rows).flatMap { y[$0 * outputStride..<$0 * outputStride + layer.outputs] }
}

private func shared(_ numbers: [Float]) -> SharedBuffer<Float> {
  let buffer = AlignedBuffer<Float>(uninitialized: numbers.count)
  _ = buffer.mutablePointer.initialize(fromContentsOf: numbers)
  return SharedBuffer(buffer)
}
