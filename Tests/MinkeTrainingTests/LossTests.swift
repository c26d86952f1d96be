import Foundation
import MinkeCore
import MinkeModels
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeTraining

@Suite("Losses against finite differences", .serialized)
struct LossTests {
  private func cosine(_ x: [Double], _ y: [Double], _ size: Int? = nil) -> Double {
    let (x, y) = (x.prefix(size ?? x.count), y.prefix(size ?? y.count))
    let product = zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
    return product / (x.reduce(0) { $0 + $1 * $1 } * y.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }
  private func one(_ number: Double) -> Table { Table(rows: 1, columns: 1, [number]) }
  private let pairs = [Table.random(7, 19, seed: 1), .random(7, 19, seed: 2)]
  private let scores: [Float] = [0.1, 0.9, 0.5, 0.5, 0.3, 1, 0]

  @Test(arguments: [nil, 5, 19] as [Int?]) func cosineOfScoredPairs(size: Int?) {
    expectGradients(
      pairs,
      plain: { t in
        one((0..<7).reduce(0) { $0 + pow(cosine(t[0].row($1), t[1].row($1), size) - Double(scores[$1]), 2) } / 7)
      },
      operation: { $0.cosineLoss($1[0], $1[1], scores: scores, size: size) })
  }

  @Test(arguments: [nil, 5] as [Int?]) func orderOfScoredPairs(size: Int?) {
    expectGradients(
      pairs,
      plain: { t in
        var sum = 1.0
        for low in 0..<7 {
          for high in 0..<7 where scores[low] < scores[high] {
            let (less, more) = (
              cosine(t[0].row(low), t[1].row(low), size), cosine(t[0].row(high), t[1].row(high), size)
            )
            sum += exp(20 * (less - more))
          }
        }
        return one(log(sum))
      },
      operation: { $0.orderLoss($1[0], $1[1], scores: scores, size: size) })
  }

  @Test(arguments: [nil, 5] as [Int?]) func distillationOfVectors(size: Int?) {
    let teacher = Matrix(pairs[1].numbers.map(Float.init), columns: 19)
    expectGradients(
      [pairs[0]],
      plain: { t in one((0..<7).reduce(0) { $0 + 1 - cosine(t[0].row($1), pairs[1].row($1), size) } / 7) },
      operation: { $0.distillationLoss($1[0], teacher: teacher.view.read, size: size) })
    extendLifetime(teacher)
  }

  @Test func targetsAreTheTeachersSoftmax() throws {
    let x = Matrix([1, 0, 0.6, 0.8], columns: 2)
    let tape = Tape()
    let found = tape.similarityTargets(x.view.read, x.view.read, temperature: 0.5).copied().map(Double.init)
    let near = exp(1 / 0.5) / (exp(1 / 0.5) + exp(0.6 / 0.5))
    expectClose(found, [near, 1 - near, 1 - near, near], 1e-6, "targets")
    extendLifetime(x)
  }

  @Test func cachedChunksGiveTheGradientsOfTheWhole() throws {
    let golden = try Fixture.json("training/sse.json")
    let columns = try ["anchors", "positives"].map { name in
      TokenBatch(
        try #require(golden["batches"]?.array?.first?[name]?.array).map {
          ($0.array ?? []).compactMap { $0.integer.map { TokenID($0) } }
        })
    }
    let loss = SimilarityLoss(scale: 20, dimensions: [64, 32])
    let encoder = try ModelLibrary.textEncoder(Fixture.url("sse-tiny").path)
    let (whole, cached) = (try StaticTrainee(from: encoder), try StaticTrainee(from: encoder))
    let tape = Tape()
    let total = tape.sum([
      (
        loss(
          whole.encode(columns[0], on: tape), whole.encode(columns[1], on: tape), .diagonal(bothDirections: true),
          on: tape), 1
      )
    ])
    let expected = total.value[0, 0]
    tape.backward(from: total)
    var found: Float = 0
    CachedEncoding(chunk: 3)(cached, columns, on: tape, reading: { found = $0.value[0, 0] }) { vectors in
      tape.sum([(loss(vectors[0], vectors[1], .diagonal(bothDirections: true), on: tape), 1)])
    }
    #expect(found == expected)
    for (one, other) in zip(whole.parameters, cached.parameters) {
      expectClose(
        other.gradient.read.copied().map(Double.init), one.gradient.read.copied().map(Double.init), 1e-5, one.name)
      #expect(one.touched == other.touched)
    }
  }
}
