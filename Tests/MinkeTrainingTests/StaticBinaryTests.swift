import Foundation
import MinkeCore
import MinkeModels
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeTraining

@Suite("SSE with native bits", .serialized) struct StaticBinaryTests {
  private let texts = ["a whale in the sea", "", "machine translation", "the sea"]

  private func trainee(bits: Int = 64, _ precision: Precision = .float32) throws -> StaticBinaryTrainee {
    let base = try StaticTrainee(from: ModelLibrary.textEncoder(Fixture.url("sse-tiny").path), precision: precision)
    return StaticBinaryTrainee(base: base, bits: bits, seed: 3)
  }

  private func logits(_ trainee: StaticBinaryTrainee, _ tape: Tape) throws -> Variable {
    trainee.encode(TokenBatch(try trainee.tokenization.ids(of: texts, role: nil)), on: tape)
  }

  @Test(arguments: [Precision.float32, .fourBit]) func whatIsWrittenGivesTheBitsOfTheTape(precision: Precision) throws {
    try Fixture.withTemporaryFolder { folder in
      let (trainee, tape) = (try trainee(bits: 64, precision), Tape())
      try trainee.write(to: folder)
      let encoder = try ModelLibrary.textEncoder(folder.path)
      #expect(encoder.metric == .hamming && encoder.dimensions == [64])
      #expect(encoder.facts.first?.value == "SSE with native bits")
      let numbers = try encoder.encode(texts, options: .init(form: .logits)).floats ?? []
      let bits = try encoder.encode(texts, options: .init())
      #expect(bits.packedBits?.count == texts.count * 8)
      for (index, number) in numbers.enumerated() { #expect(bits[index / 64][index % 64] == (number > 0 ? 1 : -1)) }
      let expected = try logits(trainee, tape).value.read.copied()
      expectClose(numbers.map(Double.init), expected.map(Double.init), 1e-5, "logits")
      // Written once more in the other precision, and gone on with.
      let second = folder.appendingPathComponent("second")
      try encoder.save(to: second, precision: .fourBit)
      let saved = try #require(ModelLibrary.textEncoder(second.path) as? StaticBinaryEncoder)
      let again = try StaticBinaryTrainee(from: saved)
      #expect(again.parameters.map(\.name) == trainee.parameters.map(\.name))
    }
  }

  @Test func aStartIsTheVectorAndRotationsOfIt() throws {
    let weight = try trainee(bits: 100).parameters.first { $0.columns == 64 && $0.rows == 100 }
    let rows = try #require(weight).copied()
    for first in 0..<100 {
      for second in 0..<100 where first / 64 == second / 64 {
        let product = (0..<64).reduce(Float(0)) { $0 + rows[first * 64 + $1] * rows[second * 64 + $1] }
        #expect(abs(product - (first == second ? 1 : 0)) < 1e-5)
      }
    }
  }

  @Test func firstBitsAreVectorsToo() throws {
    try Fixture.withTemporaryFolder { folder in
      try trainee(bits: 512).write(to: folder)
      let encoder = try ModelLibrary.textEncoder(folder.path)
      #expect(encoder.dimensions == [512, 256])
      let (whole, part) = (try encoder.encode(texts), try encoder.encode(texts, dimension: 256))
      for text in texts.indices { #expect(Array(whole[text].prefix(256)) == part[text]) }
      #expect(throws: MinkeError.self) { try encoder.encode(texts, dimension: 100) }
      #expect(try encoder.encode([]).count == 0)
    }
  }

  @Test func damagedFilesAreErrors() throws {
    try Fixture.withTemporaryFolder { folder in
      try trainee().write(to: folder)
      let file = folder.appendingPathComponent(StaticBinaryEncoder.fileName)
      let bytes = try Data(contentsOf: file)
      try bytes.prefix(bytes.count / 2).write(to: file)
      #expect(throws: MinkeError.self) { try ModelLibrary.textEncoder(folder.path) }
    }
  }

  /// Ten steps on one batch make its loss smaller, and leave bits that tell its pairs apart.
  @Test func learns() throws {
    let (trainee, tape) = (try trainee(bits: 256), Tape())
    let adam = Adam(trainee.parameters)
    let loss = BitLoss(.tanh, similarity: SimilarityLoss(scale: 20, dimensions: [256, 64]))
    let (anchors, positives) = (
      TokenBatch((1..<9).map { [TokenID($0 * 7), TokenID($0 * 11)] }),
      TokenBatch((1..<9).map { [TokenID($0 * 13), TokenID($0 * 17), TokenID($0)] })
    )
    var losses: [Float] = []
    for _ in 0..<10 {
      tape.reset()
      let parts = loss(trainee.encode(anchors, on: tape), trainee.encode(positives, on: tape), on: tape)
      let total = tape.sum(parts.map { ($0.loss, weight: $0.weight) })
      losses.append(total.value[0, 0])
      tape.backward(from: total)
      adam.step(rate: 0.02)
    }
    #expect(losses[9] < 0.5 * losses[0])
  }
}
