import MinkeCore
import MinkeLayers
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The layers against their formulas in plain Swift.
@Suite struct LayerTests {
  private let sizes = [(rows: 1, columns: 1), (3, 5), (7, 16), (130, 33), (2, 100)]

  private func matrix(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
    var random = SplitMix64(seed: seed)
    return Matrix((0..<rows * columns).map { _ in Float(2 * random.unit() - 1) }, columns: columns)
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
    for (tokens, size) in [(1, 4), (5, 16), (70, 32), (129, 20)] { checkAttention(tokens, size, level) }
  }

  @Test(arguments: KernelLevel.available) func `attention near by sees so many tokens to both sides`(level: KernelLevel)
  {
    for window in [0, 1, 5, 33, 64, 300] {
      for (tokens, size) in [(1, 4), (9, 16), (70, 32), (200, 40)] {
        checkAttention(tokens, size, level, window: window)
      }
    }
  }

  @Test(arguments: KernelLevel.available) func `attention adds a number by head and distance to its scores`(
    level: KernelLevel
  ) {
    // The ranges of MPNet: one token wide up to 7, then ever wider, from 91 on all the same.
    let borders = [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91]
    let table = matrix(RelativePositionBias.bucketCount + 1, 3, seed: 30)
    for (tokens, size) in [(1, 4), (30, 8), (200, 20)] {
      let bias = RelativePositionBias(
        shared(table.copied()), heads: 3, positions: max(180, tokens), headSize: size)
      for head in 0..<3 {
        for window in [nil, 40] {
          checkAttention(tokens, size, level, window: window, bias: bias.head(head)) { distance in
            let range = borders.count { $0 <= abs(distance) } + (distance > 0 ? 16 : 0)
            return Double(table.view[range, head])
          }
        }
      }
    }
  }

  /// Holds the attention of one head against its formula.
  private func checkAttention(
    _ tokens: Int, _ size: Int, _ level: KernelLevel, window: Int? = nil, bias: RelativePositionBias.Head? = nil,
    added: (_ distance: Int) -> Double = { _ in 0 }
  ) {
    // The three stand side by side, as a layer projects them.
    let x = matrix(tokens, 3 * size, seed: UInt64(tokens))
    let y = Matrix(rows: tokens, columns: size)
    SelfAttention(level)(
      queries: x.view.read.columns(0..<size), keys: x.view.read.columns(size..<2 * size),
      values: x.view.read.columns(2 * size..<3 * size), window: window, bias: bias, into: y.view,
      SelfAttention.Scratch(tokens: tokens, headSize: size))
    let numbers = x.copied().map(Double.init)
    func part(_ token: Int, _ index: Int) -> ArraySlice<Double> {
      let start = token * 3 * size + index * size
      return numbers[start..<start + size]
    }
    var wanted: [Double] = []
    for query in 0..<tokens {
      let shares = (0..<tokens).map { key -> Double in
        if let window, abs(key - query) > window { return 0 }
        let product = zip(part(query, 0), part(key, 1)).reduce(0) { $0 + $1.0 * $1.1 }
        return exponential(product / Double(size).squareRoot() + added(key - query))
      }
      let sum = shares.reduce(0, +)
      for column in 0..<size {
        wanted.append((0..<tokens).reduce(0.0) { $0 + shares[$1] / sum * numbers[$1 * 3 * size + 2 * size + column] })
      }
    }
    expectEqual(y.copied(), wanted)
  }

  @Test(arguments: KernelLevel.available)
  func `causal attention is the softmax over what came before, however the tokens come`(_ level: KernelLevel) {
    let attend = CausalAttention(level)
    for (tokens, heads, width) in [(1, 1, 4), (5, 2, 16), (37, 3, 33), (70, 2, 64)] {
      let queries = matrix(tokens * heads, width, seed: 11)
      let (keys, values) = (matrix(tokens, width, seed: 12), matrix(tokens, width, seed: 13))
      var wanted: [Double] = []
      let (q, k, v) = (
        queries.copied().map(Double.init), keys.copied().map(Double.init), values.copied().map(Double.init)
      )
      for row in 0..<tokens * heads {
        let shares = (0...row / heads).map { position in
          exponential(
            (0..<width).reduce(0) { $0 + q[row * width + $1] * k[position * width + $1] } / Double(width).squareRoot())
        }
        let sum = shares.reduce(0, +)
        for column in 0..<width {
          wanted.append(shares.indices.reduce(0.0) { $0 + shares[$1] / sum * v[$1 * width + column] })
        }
      }
      for step in [tokens, 1, 3] {
        var memory = KeyValueMemory(width: width)
        let y = Matrix(rows: tokens * heads, columns: width)
        for start in stride(from: 0, to: tokens, by: step) {
          let positions = start..<min(tokens, start + step)
          memory.reserve(positions.upperBound)
          for position in positions {
            memory.store(key: keys.view.read.row(position), value: values.view.read.row(position), at: position)
          }
          let rows = positions.lowerBound * heads..<positions.upperBound * heads
          attend(
            queries.view.read.rows(rows), heads: heads, at: positions, memory, into: y.view.rows(rows),
            CausalAttention.Scratch())
          memory = memory.copy(keeping: positions.upperBound)
        }
        expectEqual(y.copied(), wanted)
      }
    }
  }

  @Test func `rotary embeddings turn pairs of the last dimensions by the position`() {
    let (half, positions, width) = (4, 9, 11)
    let rotary = RotaryEmbedding(positions: positions, half: half, theta: 100)
    for position in 0..<positions {
      let x = matrix(3, width, seed: UInt64(position))
      let before = x.copied().map(Double.init)
      rotary(x.view, at: position)
      for row in 0..<3 {
        for j in 0..<half {
          let angle = Double(position) * pow(100, -Double(j) / Double(half))
          let (a, b) = (before[row * width + 3 + j], before[row * width + 3 + half + j])
          #expect(abs(Double(x.view[row, 3 + j]) - (a * cos(angle) - b * sin(angle))) < 1e-5)
          #expect(abs(Double(x.view[row, 3 + half + j]) - (a * sin(angle) + b * cos(angle))) < 1e-5)
        }
        for column in 0..<3 { #expect(Double(x.view[row, column]) == before[row * width + column]) }
      }
    }
  }

  @Test(arguments: KernelLevel.available, Activation.allCases)
  func `an activation of a view is that of its numbers`(_ level: KernelLevel, _ activation: Activation) {
    for (rows, columns) in sizes {
      let x = matrix(rows, columns + 2, seed: 21)
      x.view.scale(by: 9)
      let before = x.copied()
      activation(x.view.columns(0..<columns), kernels: level)
      for (index, (before, after)) in zip(before, x.copied()).enumerated() {
        let wanted = index % (columns + 2) < columns ? activation(before) : before
        #expect(abs(after - wanted) <= 1e-6 * max(1, abs(before)))
      }
    }
  }

  @Test(arguments: Activation.allCases) func `an activation is its formula`(_ activation: Activation) {
    func held(_ x: Double, _ least: Double, _ greatest: Double) -> Double { min(max(x, least), greatest) }
    for step in -120...120 {
      let number = Float(step) / 8
      let x = Double(number)
      let exact = 0.5 * x * erfc(-x * 0.5.squareRoot())
      let wanted =
        switch activation {
        case .identity: x
        case .gelu: exact
        case .geluTanh: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .geluClipped: held(exact, -10, 10)
        case .quickGELU: x / (1 + exp(-1.702 * x))
        case .silu: x / (1 + exp(-x))
        case .mish: x * tanh(log(1 + exp(x)))
        case .relu: max(0, x)
        case .reluSquared: max(0, x) * max(0, x)
        case .relu6: held(x, 0, 6)
        case .leakyReLU: max(0, x) + 0.01 * min(0, x)
        case .hardSwish: x * held(x + 3, 0, 6) / 6
        case .tanh: tanh(x)
        case .sigmoid: 1 / (1 + exp(-x))
        }
      #expect(abs(Double(activation(number)) - wanted) <= 2e-6 * max(1, abs(x)), "\(x)")
    }
  }

  @Test(arguments: KernelLevel.available, Activation.allCases)
  func `an activation keeps NaN and is finite for all that is not huge`(_ level: KernelLevel, _ activation: Activation)
  {
    let x = Matrix([.nan, 1e8, -1e8, 0, 90, -90], columns: 6)
    activation(x.view, kernels: level)
    let y = x.copied()
    #expect(y[0].isNaN && y.dropFirst().allSatisfy(\.isFinite))
    #expect(activation(.nan).isNaN && [1e8, -1e8, 90, -90].allSatisfy { activation($0).isFinite })
  }

  @Test(arguments: KernelLevel.available) func `a gate multiplies what is activated`(level: KernelLevel) {
    let gelu = Activation.gelu
    for (rows, columns) in sizes {
      let x = matrix(rows, 2 * columns, seed: 22)
      let before = x.copied()
      gelu.gate(
        x.view.columns(0..<columns), by: x.view.read.columns(columns..<2 * columns), kernels: level)
      for row in 0..<rows {
        for column in 0..<columns {
          let wanted = gelu(before[row * 2 * columns + column]) * before[(2 * row + 1) * columns + column]
          #expect(abs(x.view[row, column] - wanted) <= 1e-6)
          #expect(x.view[row, columns + column] == before[(2 * row + 1) * columns + column])
        }
      }
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
