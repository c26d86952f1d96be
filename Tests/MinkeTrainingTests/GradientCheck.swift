import MinkeCore
import Testing

@testable import MinkeTraining

/// Numbers in rows, in double precision, as plain forms of operations take them.
struct Table {
  var rows: Int
  var columns: Int
  var numbers: [Double]

  init(rows: Int, columns: Int, _ numbers: [Double]) {
    precondition(numbers.count == rows * columns)
    self.rows = rows
    self.columns = columns
    self.numbers = numbers
  }

  init(rows: Int, columns: Int, _ value: (Int, Int) -> Double) {
    self.init(
      rows: rows, columns: columns, (0..<rows).flatMap { row in (0..<columns).map { value(row, $0) } })
  }

  /// Numbers between -`size` and `size`.
  static func random(_ rows: Int, _ columns: Int, size: Double = 1, seed: UInt64) -> Table {
    var generator = SplitMix64(seed: seed)
    // What a float holds, so that both sides begin with the same numbers.
    return Table(rows: rows, columns: columns) { _, _ in Double(Float((generator.unit() * 2 - 1) * size)) }
  }

  subscript(row: Int, column: Int) -> Double { numbers[row * columns + column] }
  func row(_ index: Int) -> [Double] { Array(numbers[index * columns..<(index + 1) * columns]) }
}

/// Holds an operation, value and gradients, against its plain form in double precision and the finite differences of
/// that, at every kernel level and with one thread and several.
///
/// - Parameters:
///   - inputs: what goes in; a gradient is asked for each of them.
///   - tolerance: of the largest number of each value and gradient.
func expectGradients(
  _ inputs: [Table], tolerance: Double = 1e-4, isTable: Set<Int> = [],
  plain: ([Table]) -> Table, operation: (Tape, [Parameter]) -> Variable,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let expected = plain(inputs)
  var generator = SplitMix64(seed: 99)
  // What comes out is made one number by weights of its own for each.
  let weights = expected.numbers.map { _ in Double(Float(generator.unit() * 2 - 1)) }
  func total(_ inputs: [Table]) -> Double { zip(plain(inputs).numbers, weights).reduce(0) { $0 + $1.0 * $1.1 } }

  // Of large inputs some numbers only, spread over all of it.
  let places = inputs.map { input in
    Array(stride(from: 0, to: input.numbers.count, by: max(1, input.numbers.count / 40)))
  }
  let differences = inputs.indices.map { index in
    places[index].map { place in
      let step = 1e-5
      var (above, below) = (inputs, inputs)
      above[index].numbers[place] += step
      below[index].numbers[place] -= step
      return (total(above) - total(below)) / (2 * step)
    }
  }

  var bits: [KernelLevel: [[UInt32]]] = [:]
  let threads = Workers.count
  defer { Workers.count = threads }
  for level in KernelLevel.available {
    for count in [1, 3] {
      Workers.count = count
      let tape = Tape(kernels: level)
      let parameters = inputs.enumerated().map { index, input in
        Parameter(
          "input \(index)", shape: [input.rows, input.columns], input.numbers.map(Float.init),
          .init(isTable: isTable.contains(index)))
      }
      let result = operation(tape, parameters)
      expectClose(
        result.value.read.copied().map(Double.init), expected.numbers, tolerance, "value at \(level.rawValue)",
        sourceLocation: sourceLocation)
      _ = result.gradient
      for (place, weight) in weights.enumerated() {
        result.gradient[place / expected.columns, place % expected.columns] = Float(weight)
      }
      tape.backward()
      for (index, parameter) in parameters.enumerated() {
        let gradient = parameter.gradient.read.copied()
        expectClose(
          places[index].map { Double(gradient[$0]) }, differences[index], tolerance,
          "gradient of input \(index) at \(level.rawValue)", sourceLocation: sourceLocation)
      }
      let all = ([result.value] + parameters.map(\.gradient)).map { $0.read.copied().map(\.bitPattern) }
      #expect(bits[level] ?? all == all, "the same bits with any number of threads", sourceLocation: sourceLocation)
      bits[level] = all
    }
  }
}

/// Whether numbers are those expected within `tolerance` of the largest.
func expectClose(
  _ found: [Double], _ expected: [Double], _ tolerance: Double, _ what: String, absolute: Double = 1e-6,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard found.count == expected.count else {
    Issue.record("\(what): \(found.count) numbers, not \(expected.count)", sourceLocation: sourceLocation)
    return
  }
  let largest = expected.reduce(0) { max($0, abs($1)) }
  let bound = max(absolute, tolerance * largest)
  let wrong = found.indices.filter { !(abs(found[$0] - expected[$0]) <= bound) }
  if let first = wrong.first {
    Issue.record(
      "\(what): \(wrong.count) of \(found.count) beyond \(bound), the first at \(first): \(found[first]), not \(expected[first])",
      sourceLocation: sourceLocation)
  }
}
