import MinkeCore
import MinkeLayers
import Testing

/// The layers against their formulas in plain Swift.
@Suite struct LayerTests {
  private let sizes = [(rows: 1, columns: 1), (3, 5), (7, 16), (130, 33), (2, 100)]

  private func matrix(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
    var random = SplitMix64(seed: seed)
    let matrix = Matrix(rows: rows, columns: columns)
    matrix.view.apply { _ in Float(2 * random.unit() - 1) }
    return matrix
  }

  private func shared(_ numbers: [Float]) -> SharedBuffer<Float> {
    numbers.withUnsafeBufferPointer { SharedBuffer(copying: $0) }
  }

  private func expectEqual(_ found: [Float], _ wanted: [Double], within bound: Double = 2e-5) {
    #expect(found.count == wanted.count)
    for (found, wanted) in zip(found, wanted) { #expect(abs(Double(found) - wanted) <= bound * max(1, abs(wanted))) }
  }

  @Test(arguments: KernelLevel.available) func `layer norm is its formula`(level: KernelLevel) {
    for (rows, columns) in sizes {
      let (x, residual) = (matrix(rows, columns, seed: 1), matrix(rows, columns, seed: 2))
      let (weight, bias) = (matrix(1, columns, seed: 3).copied(), matrix(1, columns, seed: 4).copied())
      let norm = LayerNorm(weight: shared(weight), bias: shared(bias), epsilon: 1e-3, kernels: level)
      let y = Matrix(rows: rows, columns: columns)
      norm(x.view.read, plus: residual.view.read, into: y.view)
      let sums = zip(x.copied(), residual.copied()).map { Double($0) + Double($1) }
      var wanted: [Double] = []
      for row in 0..<rows {
        let sum = sums[row * columns..<(row + 1) * columns]
        let mean = sum.reduce(0, +) / Double(columns)
        let variance = sum.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
        for (column, value) in sum.enumerated() {
          wanted.append(
            Double(weight[column]) * (value - mean) / (variance + 1e-3).squareRoot() + Double(bias[column]))
        }
      }
      expectEqual(y.copied(), wanted)
    }
  }

  @Test(arguments: KernelLevel.available) func `RMS norm is its formula, also in place and over part of the columns`(
    level: KernelLevel
  ) {
    for (rows, columns) in sizes {
      let x = matrix(rows, columns + 3, seed: 5)
      let weight = matrix(1, columns, seed: 6).copied()
      let norm = RMSNorm(weight: shared(weight), epsilon: 1e-3, kernels: level)
      let before = x.copied()
      let part = x.view.columns(2..<columns + 2)
      norm(part.read, into: part)
      let after = x.copied()
      for row in 0..<rows {
        let start = row * (columns + 3)
        let values = before[start + 2..<start + columns + 2].map(Double.init)
        let root = (values.reduce(0) { $0 + $1 * $1 } / Double(columns) + 1e-3).squareRoot()
        expectEqual(
          Array(after[start + 2..<start + columns + 2]), zip(values, weight).map { Double($1) * $0 / root })
        #expect(after[start] == before[start] && after[start + columns + 2] == before[start + columns + 2])
      }
    }
  }

  @Test(arguments: KernelLevel.available) func `rows are scaled to length 1 and zero stays zero`(level: KernelLevel) {
    let x = matrix(40, 100, seed: 7)
    x.view.row(3).fill(0)
    let before = x.copied()
    VectorKernels(level).normalizeAll(x.view)
    let after = x.copied()
    for row in 0..<40 {
      let values = before[row * 100..<(row + 1) * 100].map(Double.init)
      let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      expectEqual(Array(after[row * 100..<(row + 1) * 100]), values.map { length > 0 ? $0 / length : 0 }, within: 1e-6)
    }
  }

  @Test(arguments: KernelLevel.available) func `attention is the softmax of the products, times the values`(
    level: KernelLevel
  ) {
    for (tokens, size) in [(1, 4), (5, 16), (70, 32), (129, 20)] {
      // The three stand side by side, as a layer projects them.
      let x = matrix(tokens, 3 * size, seed: UInt64(tokens))
      let y = Matrix(rows: tokens, columns: size)
      SelfAttention(level)(
        queries: x.view.read.columns(0..<size), keys: x.view.read.columns(size..<2 * size),
        values: x.view.read.columns(2 * size..<3 * size), into: y.view,
        SelfAttention.Scratch(tokens: tokens, headSize: size))
      let numbers = x.copied().map(Double.init)
      func part(_ token: Int, _ index: Int) -> ArraySlice<Double> {
        let start = token * 3 * size + index * size
        return numbers[start..<start + size]
      }
      var wanted: [Double] = []
      for query in 0..<tokens {
        let scores = (0..<tokens).map { key in
          zip(part(query, 0), part(key, 1)).reduce(0) { $0 + $1.0 * $1.1 } / Double(size).squareRoot()
        }
        let shares = scores.map { exponential($0) }
        let sum = shares.reduce(0, +)
        for column in 0..<size {
          wanted.append(
            (0..<tokens).reduce(0.0) { $0 + shares[$1] / sum * numbers[$1 * 3 * size + 2 * size + column] })
        }
      }
      expectEqual(y.copied(), wanted)
    }
  }

  @Test func `views stay within their matrix`() {
    let x = Matrix(rows: 4, columns: 6)
    x.view.fill(0)
    let part = x.view.rows(1..<3).columns(2..<5)
    part.fill(1)
    #expect(part.rows == 2 && part.columns == 3 && part.stride == 6)
    #expect(x.copied().enumerated().allSatisfy { $1 == ((6..<18).contains($0) && (2..<5).contains($0 % 6) ? 1 : 0) })
    #expect(x.view.read.isFinite)
    x.view.row(3).fill(.nan)
    #expect(!x.view.read.isFinite && x.view.read.rows(0..<3).isFinite)
  }

  /// The exponential by its series, which needs no C library.
  private func exponential(_ x: Double) -> Double {
    var (sum, term) = (1.0, 1.0)
    for n in 1..<60 {
      term *= x / Double(n)
      sum += term
    }
    return sum
  }
}
