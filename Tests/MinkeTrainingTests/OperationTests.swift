import Foundation
import MinkeCore
import MinkeText
import Testing

@testable import MinkeTraining

// The number of threads is of the whole process, so these run one after the other.
@Suite("Operations against finite differences", .serialized)
struct OperationTests {
  @Test func linear() {
    expectGradients(
      [.random(50, 7, seed: 1), .random(35, 7, seed: 2), .random(1, 35, seed: 3)],
      plain: { tables in
        Table(rows: 50, columns: 35) { row, output in
          zip(tables[0].row(row), tables[1].row(output)).reduce(tables[2].numbers[output]) { $0 + $1.0 * $1.1 }
        }
      },
      operation: { $0.linear($1[0], $1[1], bias: $1[2]) })
  }

  @Test func addition() {
    expectGradients(
      [.random(4, 19, seed: 1), .random(4, 19, seed: 2)],
      plain: { tables in Table(rows: 4, columns: 19) { tables[0][$0, $1] + tables[1][$0, $1] } },
      operation: { $0.add($1[0], $1[1]) })
  }

  @Test func bagMean() {
    let texts: [[TokenID]] = [[3, 1, 3], [], [4], [0, 1, 2, 3, 4, 5, 3]]
    expectGradients(
      [.random(7, 20, seed: 5)], isTable: [0],
      plain: { tables in
        Table(rows: 4, columns: 20) { text, column in
          texts[text].reduce(0) { $0 + tables[0][Int($1), column] } / Double(max(1, texts[text].count))
        }
      },
      operation: { $0.bagMean($1[0], TokenBatch(texts)) })
  }

  @Test func dynamicTanh() {
    expectGradients(
      [.random(70, 9, size: 3, seed: 1), .random(1, 9, seed: 2), .random(1, 9, seed: 3), .random(1, 9, seed: 4)],
      plain: { t in
        Table(rows: 70, columns: 9) { t[2][0, $1] * Foundation.tanh(t[1][0, $1] * t[0][$0, $1] + t[3][0, $1]) }
      },
      operation: { $0.dynamicTanh($1[0], alpha: $1[1], beta: $1[2], bias: $1[3]) })
  }

  @Test func hyperbolicTangent() {
    expectGradients(
      [.random(5, 33, size: 4, seed: 1)],
      plain: { t in Table(rows: 5, columns: 33) { Foundation.tanh(t[0][$0, $1]) } },
      operation: { $0.tanh($1[0]) })
  }

  @Test(arguments: [1, 16, 37]) func layerNorm(columns: Int) {
    expectGradients(
      [.random(40, columns, seed: 1), .random(1, columns, seed: 2), .random(1, columns, seed: 3)],
      plain: { t in
        Table(
          rows: 40, columns: columns,
          (0..<40).flatMap { row in
            let x = t[0].row(row)
            let mean = x.reduce(0, +) / Double(columns)
            let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
            return x.indices.map { (x[$0] - mean) / (variance + 1e-5).squareRoot() * t[1][0, $0] + t[2][0, $0] }
          })
      },
      operation: { $0.layerNorm($1[0], weight: $1[1], bias: $1[2], epsilon: 1e-5) })
  }

  @Test func signGoesBackAsItself() {
    let tape = Tape()
    let x = Parameter("x", shape: [1, 4], [0.5, 0, -0.25, 2])
    let y = tape.signStraightThrough(x)
    #expect(y.value.read.copied() == [1, -1, -1, 1])
    for column in 0..<4 { y.gradient[0, column] = Float(column) }
    tape.backward()
    #expect(x.gradient.read.copied() == [0, 1, 2, 3])
  }

  @Test(arguments: KernelLevel.available) func productsOfEveryForm(level: KernelLevel) {
    let products = MatrixProducts(level)
    for (m, k, n) in [(1, 1, 1), (7, 300, 33), (97, 513, 70), (50, 20, 600)] {
      let (a, b) = (Table.random(m, k, seed: 1), Table.random(k, n, seed: 2))
      let expected = Table(rows: m, columns: n) { row, column in
        (0..<k).reduce(0) { $0 + a[row, $1] * b[$1, column] }
      }
      func matrix(_ table: Table, transposed: Bool) -> Matrix {
        transposed
          ? Matrix(
            (0..<table.columns).flatMap { c in (0..<table.rows).map { Float(table[$0, c]) } }, columns: table.rows)
          : Matrix(table.numbers.map(Float.init), columns: table.columns)
      }
      for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        let (left, right) = (matrix(a, transposed: ta), matrix(b, transposed: tb))
        let y = Matrix([Float](repeating: 1, count: m * n), columns: n)
        products(
          Factor(view: left.view.read, isTransposed: ta), Factor(view: right.view.read, isTransposed: tb),
          adding: true, into: y.view)
        expectClose(y.copied().map { Double($0) - 1 }, expected.numbers, 1e-5, "\(m) x \(k) x \(n)", absolute: 1e-5)
        extendLifetime(left)
        extendLifetime(right)
      }
    }
  }
}
