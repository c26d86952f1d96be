import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct ByrneEncoderTests {
  private static func expected() throws -> [(text: String, unit: [Double])] {
    (try Fixture.json("byrne-embed-tiny/expected.json").array ?? []).map {
      ($0["text"]?.string ?? "", $0["unit"]?.array?.compactMap(\.double) ?? [])
    }
  }

  private static func check(_ encoder: any TextEncoder) throws {
    let examples = try expected()
    #expect(examples.count > 10)
    let vectors = try encoder.encode(examples.map(\.text))
    for (index, example) in examples.enumerated() {
      #expect(largestDifference(vectors[index], example.unit) < 1e-5)
      #expect(largestDifference(try encoder.encode([example.text])[0], example.unit) < 1e-5)
    }
  }

  @Test(arguments: KernelLevel.available) func `vectors are those of PyTorch`(_ level: KernelLevel) throws {
    let encoder = try ModelLibrary.textEncoder(Fixture.url("byrne-embed-tiny").path, kernels: level)
    #expect(encoder.dimension == 96 && encoder.dimensions == [96] && encoder.metric == .cosine)
    #expect((encoder as? ByrneEncoder)?.activation == .gelu)
    try Self.check(encoder)
  }

  @Test(arguments: KernelLevel.available) func `vectors of 8-bit layers are near those of PyTorch`(_ level: KernelLevel)
    throws
  {
    let path = Fixture.url("byrne-embed-tiny").path
    let encoder = try ModelLibrary.textEncoder(path, precision: .int8, kernels: level)
    let examples = try Self.expected()
    let vectors = try encoder.encode(examples.map(\.text))
    for (index, example) in examples.enumerated() {
      let cosine = zip(vectors[index], example.unit).reduce(0) { $0 + Double($1.0) * $1.1 }
      #expect(cosine > 0.99)
    }
  }

  @Test func `a fused file gives the same vectors`() throws {
    let head = try Checkpoint(contentsOf: Fixture.url("byrne-embed-tiny/embed_head.pt"))
    try SpikeWhaleFixture.withCopy(
      of: "byrne-embed-tiny", configuration: ["embed_head_activation": "gelu"],
      tensors: { tensors in
        for (name, tensor) in head.tensors {
          tensors["embed_head.\(name)"] = try SpikeWhaleFixture.renamed(tensor, "embed_head.\(name)")
        }
      }
    ) { folder in
      try FileManager.default.removeItem(at: folder.url.appendingPathComponent("embed_head.pt"))
      let encoder = try ByrneEncoder(folder)
      #expect(encoder.assumptions.isEmpty)
      try Self.check(encoder)
    }
  }

  @Test func `the activation is the one that gives the card's cosines`() throws {
    // Two pairs of means whose cosines after the head are the card's only under one activation: a head that passes its
    // input on, and vectors in which the negative numbers matter.
    let angle = { (cosine: Float) -> [Float] in [cosine, -(1 - cosine * cosine).squareRoot()] }
    let identity = try Linear(
      weights: [SharedBuffer([1, 0, 0, 1])], biases: [SharedBuffer([0, 0])], inputs: 2)
    let head = EmbeddingHead(first: identity, second: identity)
    let means: [Float] = [1, 0] + angle(0.83) + [1, 0] + angle(0.28)
    let measured = head.likeliestActivation(means: Matrix(means, columns: 2))
    #expect(measured.finding.hasPrefix("measured") && measured.activation == .identity)
    let assumed = head.likeliestActivation(means: Matrix([1, 0, 1, 0, 1, 0, 1, 0], columns: 2))
    #expect(assumed.finding.hasPrefix("assumed") && assumed.activation == .gelu)
  }

  @Test func `a text counts up to 128 tokens and an empty one has a vector`() throws {
    let encoder = try ModelLibrary.textEncoder(Fixture.url("byrne-embed-tiny").path)
    let long = String(repeating: "Q", count: 128)
    let vectors = try encoder.encode([long, long + "zzzz", "", long])
    #expect(largestDifference(vectors[0], vectors[1]) == 0)
    #expect(largestDifference(vectors[0], vectors[3]) < 1e-6)
    #expect(vectors[2].allSatisfy { $0.isFinite })
    #expect(try encoder.encode([]).count == 0)
    #expect(throws: MinkeError.self) { try encoder.encode(["a"], dimension: 32) }
  }

  @Test func `a head of the wrong size is an error`() throws {
    try SpikeWhaleFixture.withCopy { folder in
      let head = try [
        Tensor(name: "0.weight", shape: [8, 63], floats: [Float](repeating: 0, count: 8 * 63)),
        Tensor(name: "0.bias", shape: [8], floats: [Float](repeating: 0, count: 8)),
        Tensor(name: "2.weight", shape: [8, 8], floats: [Float](repeating: 0, count: 64)),
        Tensor(name: "2.bias", shape: [8], floats: [Float](repeating: 0, count: 8)),
      ]
      // The content tells the format, not the name.
      try Safetensors.write(head, to: folder.url.appendingPathComponent("embed_head.pt"))
      #expect(throws: MinkeError.self) { try ByrneEncoder(folder) }
    }
  }
}
