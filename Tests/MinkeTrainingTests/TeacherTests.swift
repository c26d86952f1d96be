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
    let table = try TeacherTable(teacher: teacher, tokenizer: tokenizer, .init(dimension: 80, counts: counts))
    #expect(table.rows.count == tokenizer.vocabularySize * 80)
    #expect(abs(table.keptVariance - 1) < 1e-6)
    let length = { (row: Int) in
      table.rows[row * 80..<(row + 1) * 80].reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
    }
    #expect(length(5) < 0.01 * length(6))
    #expect(!table.rows.contains { !$0.isFinite })
    #expect(TeacherTable.text(of: "##ing") == "ing" && TeacherTable.text(of: "sing") == "sing")
    let bits = try BinarizedEncoder(teacher)
    #expect(throws: MinkeError.self) { try TeacherTable(teacher: bits, tokenizer: tokenizer, .init(dimension: 8)) }
  }

  @Test func weightsFallWithTheRankAmongWords() {
    let free = (0..<1000).map { "[unused\($0)]" }
    let words = (0..<500).map { "word\($0)" }
    let options = TeacherTable.Options(dimension: 8, smoothing: 1e-4)
    let weights = TeacherTable.weights(options, ["[PAD]"] + free + ["[", "]"] + words)
    // Free places have no rank and take none.
    #expect(weights[..<1001].allSatisfy { $0 == 1 })
    #expect(Array(weights[1001...]) == TeacherTable.weights(options, ["[", "]"] + words))
    #expect(weights[1001] < 0.002 && zip(weights[1001...], weights[1002...]).allSatisfy { $0 < $1 })
    let total = (2...503).reduce(0) { $0 + 1 / Double($1) }
    #expect(abs(Double(weights[1010]) - 1e-4 / (1e-4 + 1 / 11 / total)) < 1e-6)
  }

  @Test func vectorsBeforeTheyAreNormalized() throws {
    let encoder = try TransformerEncoder(ModelFolder(Fixture.url("encoders/bert")))
    let plain = try encoder.encode(["a whale"], options: EncodingOptions(normalize: false))
    let kept = try encoder.keepingLengths().encode(["a whale"], options: EncodingOptions(normalize: false))
    func length(_ vectors: Embeddings) -> Float { vectors[0].reduce(0) { $0 + $1 * $1 }.squareRoot() }
    #expect(abs(length(plain) - 1) < 1e-5 && abs(length(kept) - 1) > 0.01)
    #expect(try kept.normalized()[0].elementsEqual(plain.normalized()[0]) { abs($0 - $1) < 1e-6 })
  }

  @Test func distillationOfATeacherAndWords() throws {
    let teacher = Fixture.url("sse-tiny").path
    let distillation = try StaticDistillation(
      teacher: teacher, words: ["qzxwhale", "two words", "QZXBoat"], dimension: 16)
    #expect(distillation.omittedWords == ["two words"])
    let plain = try ModelLibrary.textEncoder(teacher).tokenizer
    try Fixture.withTemporaryFolder { folder in
      let place = folder.appendingPathComponent("static")
      try distillation.save(to: place)
      let model = try ModelLibrary.textEncoder(place.path)
      #expect(model.dimension == 16 && model.tokenizer.vocabularySize == plain.vocabularySize + 2)
      #expect(plain.encode("qzxwhale").count > 1 && model.tokenizer.encode("qzxwhale qzxboat").count == 2)
      // One token's vector is its row, whose length does not matter.
      let row = distillation.table.rows[plain.vocabularySize * 16..<(plain.vocabularySize + 1) * 16]
      let length = row.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
      let vector = try #require(try model.encode(["qzxwhale"]).floats)
      #expect(zip(vector, row).allSatisfy { abs($0 - $1 / length) < 1e-5 })
      #expect(throws: MinkeError.self) { try distillation.save(to: place) }
    }
    #expect(throws: MinkeError.self) { try StaticDistillation(teacher: teacher, dimension: 4096) }
  }

  @Test func wordsInCommon() throws {
    // "sea" stands in all three texts, 7 in two, 9 in one.
    var set = TrainingSet(columns: ["text"])
    set.columns[0].ids = [1, 7, 7, 1, 7, 1, 9]
    set.columns[0].ends = [3, 5, 7]
    let similarity = LexicalSimilarity(set, vocabulary: 10)
    let texts = TokenBatch([[1, 7, 7], [1, 7], [1, 9], []])
    let mixed = Matrix([Float](repeating: 0.5, count: 16), columns: 4)
    similarity.mix(0.25, texts, texts, into: mixed.view)

    func weight(_ count: Double) -> Double { log(1 + (3 - count + 0.5) / (count + 0.5)) }
    let (sea, seven, nine) = (weight(3), weight(2), weight(1))
    let vectors = [[sea, (1 + log(2)) * seven, 0], [sea, seven, 0], [sea, 0, nine], [0, 0, 0]]
    for row in 0..<4 {
      for column in 0..<4 {
        let (x, y) = (vectors[row], vectors[column])
        let lengths = (zip(x, x).reduce(0) { $0 + $1.0 * $1.1 } * zip(y, y).reduce(0) { $0 + $1.0 * $1.1 }).squareRoot()
        let cosine = lengths > 0 ? zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } / lengths : 0
        #expect(abs(Double(mixed.view[row, column]) - (0.75 * 0.5 + 0.25 * cosine)) < 1e-6)
      }
    }
    extendLifetime(mixed)
  }
}
