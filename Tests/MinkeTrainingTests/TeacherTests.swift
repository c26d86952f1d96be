import Foundation
import MinkeCore
import MinkeModels
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeTraining

@Suite("Teachers") struct TeacherTests {
  @Test func axesOfAStretchedCloud() throws {
    // Points along (3, 4) / 5 with deviation 2, across it with 0.5, around (1, -1).
    var generator = SplitMix64(seed: 4)
    let points = (0..<4000).flatMap { _ -> [Float] in
      let (along, across) = (2 * generator.normal(), 0.5 * generator.normal())
      return [Float(1 + 0.6 * along - 0.8 * across), Float(-1 + 0.8 * along + 0.6 * across)]
    }
    let matrix = Matrix(points, columns: 2)
    let axes = PrincipalAxes(of: matrix.view.read)
    #expect(abs(axes.variances[0] - 4) < 0.3 && abs(axes.variances[1] - 0.25) < 0.02)
    let first = axes.axes.view
    #expect(abs(abs(first[0, 0] * 0.6 + first[0, 1] * 0.8) - 1) < 1e-3)
    let projected = axes.project(matrix.view.read, to: 1).copied()
    let mean = projected.reduce(0, +) / Float(projected.count)
    #expect(abs(mean) < 1e-3)
    extendLifetime(matrix)
  }

  @Test func eigenvectorsSatisfyTheirEquation() {
    let table = Table.random(12, 12, seed: 2)
    let symmetric = (0..<144).map { table[$0 / 12, $0 % 12] + table[$0 % 12, $0 / 12] }
    let (values, vectors) = PrincipalAxes.eigen(symmetric, size: 12)
    for axis in 0..<12 {
      for row in 0..<12 {
        let product = (0..<12).reduce(0) { $0 + symmetric[row * 12 + $1] * vectors[$1 * 12 + axis] }
        #expect(abs(product - values[axis] * vectors[row * 12 + axis]) < 1e-9)
      }
    }
  }

  @Test func tableOfATeacher() throws {
    let teacher = try ModelLibrary.textEncoder(Fixture.url("sse-tiny").path)
    let tokenizer = teacher.tokenizer
    var counts = [Int](repeating: 1, count: tokenizer.vocabularySize)
    counts[5] = 1_000_000
    let table = try TokenTable(teacher: teacher, tokenizer: tokenizer, .init(dimension: 80, counts: counts))
    #expect(table.rows.count == tokenizer.vocabularySize * 80)
    #expect(abs(table.keptVariance - 1) < 1e-6)
    let length = { (row: Int) in
      table.rows[row * 80..<(row + 1) * 80].reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
    }
    #expect(length(5) < 0.01 * length(6))
    #expect(table.rows.allSatisfy { $0.isFinite })
    #expect(TokenTable.text(of: "##ing") == "ing" && TokenTable.text(of: "sing") == "sing")
    let bits = try BinarizedEncoder(teacher)
    #expect(throws: MinkeError.self) { try TokenTable(teacher: bits, tokenizer: tokenizer, .init(dimension: 8)) }
  }
}
