import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeTestSupport
import Testing

/// What the reference gave for one text.
private struct Golden {
  let text: String
  let ids: [Int]
  let vector, unit, unit32: [Float]

  static func read(_ fixture: String) throws -> [Golden] {
    try #require(Fixture.json("\(fixture)/expected.json").array).map { row in
      func floats(_ key: String) -> [Float] { (row[key]?.array ?? []).compactMap { $0.double.map(Float.init) } }
      return Golden(
        text: try #require(row["text"]?.string), ids: (row["ids"]?.array ?? []).compactMap(\.integer),
        vector: floats("vector"), unit: floats("unit"), unit32: floats("unit32"))
    }
  }
}

private func load(_ fixture: String, _ level: KernelLevel) throws -> StaticEncoder {
  try StaticEncoder(ModelFolder(Fixture.url(fixture)), kernels: level)
}

private func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
  a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
}

@Suite struct StaticEncoderTests {
  @Test(arguments: ["sse-tiny", "sse-tiny-q4"], KernelLevel.available)
  func `SSE vectors equal the reference`(fixture: String, level: KernelLevel) throws {
    let encoder = try load(fixture, level)
    #expect(encoder.kind == (fixture == "sse-tiny" ? .sse : .sseFourBit))
    #expect(encoder.dimensions == [64, 32])
    let golden = try Golden.read(fixture)
    #expect(golden.count == 31)
    let texts = golden.map(\.text)
    let raw = try encoder.encode(texts, options: EncodingOptions(normalize: false))
    let unit = try encoder.encode(texts)
    let short = try encoder.encode(texts, dimension: 32)
    for (index, row) in golden.enumerated() {
      #expect(encoder.tokenizer.encode(row.text).map(Int.init) == row.ids)
      #expect(largestDifference(raw[index], row.vector) < 1e-5)
      #expect(largestDifference(unit[index], row.unit) < 1e-5)
      #expect(largestDifference(short[index], row.unit32) < 1e-5)
    }
  }

  @Test(arguments: ["model2vec-tiny", "static-embedding-tiny"], KernelLevel.available)
  func `Static embeddings of other packages equal those packages`(fixture: String, level: KernelLevel) throws {
    let encoder = try load(fixture, level)
    #expect(encoder.kind == (fixture == "model2vec-tiny" ? .model2vec : .sentenceTransformers))
    let golden = try Golden.read(fixture)
    let vectors = try encoder.encode(golden.map(\.text))
    for (index, row) in golden.enumerated() {
      #expect(largestDifference(vectors[index], row.vector) < 1e-5, "\(row.text.prefix(40))")
    }
  }

  @Test func `Files are found in the sub-folder that modules.json names`() throws {
    try Fixture.withTemporaryFolder { folder in
      let inner = folder.appendingPathComponent("0_StaticEmbedding")
      try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
      for file in ["model.safetensors", "tokenizer.json"] {
        try FileManager.default.copyItem(
          at: Fixture.url("static-embedding-tiny/\(file)"), to: inner.appendingPathComponent(file))
      }
      let modules =
        #"[{"idx":0,"name":"0","path":"0_StaticEmbedding","type":"sentence_transformers.models.StaticEmbedding"},"#
        + #"{"idx":1,"name":"1","path":"1_Normalize","type":"sentence_transformers.models.Normalize"}]"#
      try Data(modules.utf8).write(to: folder.appendingPathComponent("modules.json"))
      let encoder = try ModelLibrary.textEncoder(folder.path)
      let direct = try load("static-embedding-tiny", .active)
      #expect(try encoder.encode(["a whale"]) == direct.encode(["a whale"]))
      #expect(encoder.identity.fingerprint == direct.identity.fingerprint)
    }
  }

  @Test(arguments: KernelLevel.available)
  func `Packed rows sum to what their numbers sum to`(level: KernelLevel) throws {
    let encoder = try load("sse-tiny-q4", level)
    let folder = Fixture.url("sse-tiny-q4")
    let table = try FourBitTable(contentsOf: folder.appendingPathComponent("embedding.q4_k_m.bin"), columns: 64)
    let rest = try Checkpoint(contentsOf: folder.appendingPathComponent("model_rest.safetensors"))
    let (alpha, beta, bias) = (
      try rest.tensor("dyt.alpha").floats(), try rest.tensor("dyt.beta").floats(), try rest.tensor("dyt.bias").floats()
    )
    // Long and short texts, so that every way through the loops is taken, against plain arithmetic in double.
    for words in [0, 1, 2, 3, 7, 60] {
      let text = Array(repeating: "sea whale ship of unbelievable white", count: words).joined(separator: " ")
      let ids = encoder.tokenizer.encode(text)
      var mean = [Double](repeating: 0, count: 64)
      for id in ids { for (column, value) in table.row(Int(id)).enumerated() { mean[column] += Double(value) } }
      let expected = mean.enumerated().map { column, sum in
        let x = ids.isEmpty ? 0 : sum / Double(ids.count)
        return Float(Double(beta[column]) * tanh(Double(alpha[column]) * x + Double(bias[column])))
      }
      let vector = try encoder.encode([text], options: EncodingOptions(normalize: false))
      #expect(largestDifference(vector[0], expected) < 5e-6)
    }
  }

  @Test func `A text gives the same bytes alone and among others`() throws {
    let encoder = try ModelLibrary.textEncoder()
    let texts = (0..<300).map { "passage \($0) about whales, ships and \($0 * 7) captains" }
    let together = try encoder.encode(texts)
    #expect(together.count == 300 && together.dimension == 512)
    for index in stride(from: 0, to: 300, by: 37) {
      #expect(try encoder.encode([texts[index]])[0] == together[index])
    }
  }

  @Test func `The built-in model finds related texts closer than others`() throws {
    let encoder = try ModelLibrary.textEncoder("minke-sse-en")
    #expect(encoder.dimensions == [512, 256, 128, 64, 32])
    let vectors = try encoder.encode([
      "The captain hunts the white whale.", "A sailor pursues a pale sea monster.", "Bread rises because of yeast.",
    ])
    let similarity = try vectors.similarities(to: vectors)
    #expect(similarity[1] > similarity[2] + 0.1)
  }

  @Test func `A text without tokens has a vector`() throws {
    let vector = try ModelLibrary.textEncoder().encode([""])[0]
    #expect(vector.allSatisfy { $0.isFinite })
    #expect(vector.contains { $0 != 0 })
    #expect(try ModelLibrary.textEncoder().encode([]).count == 0)
  }

  @Test func `Encoding stops when its task is cancelled`() async throws {
    let encoder = try await ModelLibrary.textEncoder()
    let texts = [String](repeating: "the sea and the ship and the whale", count: 200_000)
    @Sendable func countNow() throws -> Int { try encoder.encode(texts).count }
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try countNow()
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func `Progress reaches the number of texts`() throws {
    let steps = Steps()
    let options = EncodingOptions(progress: { completed, total in steps.add(completed, total) })
    _ = try ModelLibrary.textEncoder().encode([String](repeating: "a", count: 1000), options: options)
    #expect(steps.completed.last == 1000)
    #expect(steps.completed == steps.completed.sorted())
    #expect(steps.totals == [1000])
  }
}

/// The progress heard of. The handler is called one call at a time, and read after the work.
private final class Steps: @unchecked Sendable {
  var completed: [Int] = []
  var totals: Set<Int> = []
  func add(_ completed: Int, _ total: Int) {
    self.completed.append(completed)
    totals.insert(total)
  }
}
