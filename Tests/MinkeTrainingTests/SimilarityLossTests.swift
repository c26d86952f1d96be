import Foundation
import MinkeCore
import Testing

@testable import MinkeTraining

@Suite("Similarity losses against finite differences", .serialized)
struct SimilarityLossTests {
  /// The loss by its formula; `wished` rows are distributions over the columns.
  private func plain(
    _ x: Table, _ y: Table, dimensions: [Int], scale: Double, wished: Table, bothDirections: Bool,
    excludingDiagonal: Bool = false
  ) -> Double {
    dimensions.reduce(0) { total, dimension in
      func unit(_ row: [Double]) -> [Double] {
        let cut = row.prefix(dimension)
        let length = cut.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return cut.map { $0 / length }
      }
      let (units, others) = ((0..<x.rows).map { unit(x.row($0)) }, (0..<y.rows).map { unit(y.row($0)) })
      let logits = Table(rows: x.rows, columns: y.rows) { row, column in
        scale * zip(units[row], others[column]).reduce(0) { $0 + $1.0 * $1.1 }
      }
      // Where a row wishes nothing of its own column, that is left out.
      func counted(_ numbers: [Double], _ row: Int) -> [Double] {
        excludingDiagonal ? numbers.enumerated().filter { $0.offset != row }.map(\.element) : numbers
      }
      func logarithm(_ numbers: [Double]) -> Double { log(numbers.reduce(0) { $0 + exp($1) }) }
      var loss = 0.0
      for row in 0..<x.rows {
        let l = logits.row(row)
        loss += logarithm(counted(l, row)) - zip(wished.row(row), l).reduce(0) { $0 + $1.0 * $1.1 }
        if bothDirections { loss += logarithm((0..<x.rows).map { logits[$0, row] }) - logits[row, row] }
      }
      return total + loss / Double(x.rows)
    }
  }

  private func check(
    _ target: (Matrix) -> SimilarityLoss.Target, wished: Table, bothDirections: Bool, columns: Int,
    excludingDiagonal: Bool = false
  ) {
    let rows = wished.rows
    let memory = Matrix(wished.numbers.map(Float.init), columns: columns)
    expectGradients(
      [.random(rows, 24, seed: 1), .random(columns, 24, seed: 2)],
      plain: { t in
        Table(
          rows: 1, columns: 1,
          [
            plain(
              t[0], t[1], dimensions: [24, 16, 5], scale: 20, wished: wished, bothDirections: bothDirections,
              excludingDiagonal: excludingDiagonal)
          ])
      },
      operation: { tape, inputs in
        let loss = SimilarityLoss(scale: 20, dimensions: [24, 5, 16])
        return tape.sum([(loss(inputs[0], inputs[1], target(memory), on: tape), 1)])
      })
    extendLifetime(memory)
  }

  @Test(arguments: [(false, 6), (true, 6), (false, 9), (true, 9), (true, 60)])
  func diagonal(bothDirections: Bool, columns: Int) {
    let rows = columns == 60 ? 53 : 6
    check(
      { _ in .diagonal(bothDirections: bothDirections) },
      wished: Table(rows: rows, columns: columns) { $0 == $1 ? 1 : 0 }, bothDirections: bothDirections,
      columns: columns)
  }

  @Test func distributions() {
    var wished = Table.random(6, 9, seed: 7)
    wished = Table(rows: 6, columns: 9) { row, column in
      exp(2 * wished[row, column]) / wished.row(row).reduce(0) { $0 + exp(2 * $1) }
    }
    check({ .distributions($0.view.read) }, wished: wished, bothDirections: false, columns: 9)

    let others = Table(rows: 6, columns: 9) { row, column in
      row == column ? 0 : wished[row, column] / (1 - wished[row, row])
    }
    check(
      { .distributions($0.view.read, excludingDiagonal: true) }, wished: others, bothDirections: false, columns: 9,
      excludingDiagonal: true)
  }
}
