import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeModels

@Suite struct BinaryEncoderTests {
  /// What PyTorch gives for the small model in Fixtures/bne-tiny.
  private struct Golden {
    let texts: [String]
    let ids: [[Int]]
    let logits: [[Float]]
    let bits: [String]

    init() throws {
      let lines = try Fixture.json("bne-tiny/expected.json").array ?? []
      texts = lines.compactMap { $0["text"]?.string }
      ids = lines.compactMap { $0["ids"]?.array?.compactMap(\.integer) }
      logits = lines.compactMap { $0["logits"]?.array?.compactMap { $0.double.map { Float($0) } } }
      bits = lines.compactMap { $0["bits_hex_msb_first"]?.string }
      #expect(texts.count == 31 && ids.count == 31 && bits.count == 31 && logits.allSatisfy { $0.count == 128 })
    }
  }

  private static let folder = Fixture.url("bne-tiny")

  private func encoder(_ precision: Precision = .float32, _ level: KernelLevel = .active) throws -> BinaryEncoder {
    let encoder = try BinaryEncoder.load(ModelFolder(Self.folder), LoadingOptions(precision: precision, kernels: level))
    return try #require(encoder as? BinaryEncoder)
  }

  @Test(arguments: KernelLevel.available) func `logits and bits are those of PyTorch`(level: KernelLevel) throws {
    let golden = try Golden()
    let encoder = try encoder(.float32, level)
    #expect(encoder.dimension == 128 && encoder.metric == .hamming && encoder.maximumLength == 128)
    #expect(
      try encoder.tokenizer.encode(golden.texts, addingSpecialTokens: true).map { $0.map(Int.init) } == golden.ids)

    let logits = try encoder.logits(golden.texts)
    let bits = try encoder.encode(golden.texts)
    #expect(bits.packedBits != nil && bits.count == 31 && bits.byteCount == 31 * 16)
    let signs = try encoder.encode(golden.texts, options: EncodingOptions(form: .signs))
    for (index, wanted) in golden.logits.enumerated() {
      for (bit, (found, wanted)) in zip(logits[index], wanted).enumerated() {
        #expect(abs(found - wanted) <= 1e-4, "text \(index), logit \(bit)")
        #expect(signs[index][bit] == bits[index][bit])
        guard abs(wanted) > 1e-4 else { continue }
        #expect(bits[index][bit] == (wanted > 0 ? 1 : -1), "text \(index), bit \(bit)")
      }
      if wanted.allSatisfy({ abs($0) > 1e-4 }) {
        let hex = (bits.packedBits ?? [])[index * 16..<index * 16 + 16].map {
          ($0 < 16 ? "0" : "") + String($0, radix: 16)
        }
        #expect(hex.joined() == golden.bits[index])
      }
    }
  }

  @Test(arguments: KernelLevel.available, Precision.allCases)
  func `a text gives the same bytes alone and among others`(level: KernelLevel, precision: Precision) throws {
    let golden = try Golden()
    let encoder = try encoder(precision, level)
    let together = try encoder.logits(golden.texts)
    for index in [0, 7, 16, 30] {
      #expect(try encoder.logits([golden.texts[index]])[0] == together[index])
    }
    let backwards = try encoder.logits(golden.texts.reversed())
    for index in 0..<31 { #expect(backwards[30 - index] == together[index]) }
  }

  @Test(arguments: KernelLevel.available) func `int8 turns few bits`(level: KernelLevel) throws {
    let golden = try Golden()
    let full = try encoder(.float32, level).encode(golden.texts)
    let encoder = try encoder(.int8, level)
    let small = try encoder.encode(golden.texts)
    #expect(encoder.precision == .int8)
    #expect(try encoder.logits(golden.texts) != self.encoder(.float32, level).logits(golden.texts))
    for index in 0..<31 {
      let different = zip(full[index], small[index]).filter { $0 != $1 }.count
      #expect(different <= 6, "text \(index): \(different) of 128 bits")
    }
  }

  @Test func `no texts give no vectors`() throws {
    let none = try encoder().encode([])
    #expect(none.count == 0 && none.dimension == 128)
  }

  @Test func `the float baseline is a cosine encoder with one linear layer`() throws {
    let source = try Checkpoint(contentsOf: Self.folder.appendingPathComponent("binary_embedder_128.pt"))
    try Fixture.withTemporaryFolder { folder in
      for name in ["config.json", "tokenizer.json"] {
        try FileManager.default.copyItem(
          at: Self.folder.appendingPathComponent(name), to: folder.appendingPathComponent(name))
      }
      var tensors = source.tensorNames.filter { !$0.hasPrefix("projection.") }.compactMap { source.tensors[$0] }
      let weight = try source.tensor("projection.0.weight").floats(),
        bias = try source.tensor("projection.0.bias").floats()
      tensors.append(try Tensor(name: "projection.weight", shape: [128, 32], floats: weight.copied()))
      tensors.append(try Tensor(name: "projection.bias", shape: [128], floats: bias.copied()))
      try TorchArchive.write(tensors, to: folder.appendingPathComponent("float_embedder.pt"))

      let folder = try ModelFolder(folder)
      #expect(try BinaryFamily().recognizes(folder))
      let encoder = try BinaryEncoder.load(folder)
      #expect(encoder is TransformerEncoder && encoder.metric == .cosine && encoder.dimension == 128)

      // Before its norm, a binary model's logits are just that layer.
      let golden = try Golden()
      let projected = try encoder.encode(golden.texts, options: EncodingOptions(normalize: false))
      let gain = try source.tensor("projection.1.weight").floats(),
        shift = try source.tensor("projection.1.bias").floats()
      for index in 0..<31 {
        let row = projected[index]
        let mean = row.reduce(0, +) / 128
        let deviation = (row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 128 + 1e-5).squareRoot()
        for bit in 0..<128 {
          #expect(abs((row[bit] - mean) / deviation * gain[bit] + shift[bit] - golden.logits[index][bit]) <= 1e-4)
        }
      }
      let unit = try encoder.encode(golden.texts)
      #expect(unit[3].reduce(0) { $0 + $1 * $1 } > 0.9999 && unit[3].reduce(0) { $0 + $1 * $1 } < 1.0001)
    }
  }

  @Test func `an archive alone takes its sizes from the shapes and the vocabulary of bert-base-uncased`() throws {
    try Fixture.withTemporaryFolder { folder in
      let sizes = SmallBert(vocabulary: 30_522, hidden: 64, layers: 1, heads: 1, intermediate: 8, positions: 140)
      var tensors = try sizes.tensors(prefix: "encoder.")
      tensors.append(try Tensor(name: "projection.0.weight", shape: [16, 64], floats: smallNumbers(16 * 64, seed: 1)))
      tensors.append(try Tensor(name: "projection.0.bias", shape: [16], floats: smallNumbers(16, seed: 2)))
      tensors.append(try Tensor(name: "projection.1.weight", shape: [16], floats: [Float](repeating: 1, count: 16)))
      tensors.append(try Tensor(name: "projection.1.bias", shape: [16], floats: [Float](repeating: 0, count: 16)))
      let url = folder.appendingPathComponent("binary_embedder_16.pt")
      try TorchArchive.write(tensors, to: url)
      let encoder = try #require(try ModelLibrary.textEncoder(url.path) as? BinaryEncoder)
      #expect(encoder.configuration.headCount == 1 && encoder.configuration.layerCount == 1)
      #expect(encoder.configuration.positionCount == 140 && encoder.maximumLength == 128)
      #expect(encoder.tokenizer.encode("a cat", addingSpecialTokens: true) == [101, 1037, 4937, 102])
      #expect(try encoder.encode(["a cat", "a dog"]).byteCount == 4)

      try FileManager.default.copyItem(at: url, to: folder.appendingPathComponent("binary_embedder_other.pt"))
      let error = #expect(throws: MinkeError.self) { try BinaryEncoder.load(ModelFolder(folder)) }
      #expect(error?.found == "binary_embedder_16.pt, binary_embedder_other.pt")
    }
  }
}

extension TextEncoder {
  fileprivate func logits(_ texts: [String]) throws -> Embeddings {
    try encode(texts, options: EncodingOptions(form: .logits))
  }
}

@Suite struct BitDiagnosticsTests {
  @Test func `balance, entropy, dead bits and correlation follow from counting`() throws {
    // 40 vectors of 8 bits: bit 0 always 1, bit 1 always 0, bit 2 every second, bit 3 its opposite, bit 4 like bit 2 but
    // for one vector, bits 5 and 6 by quarters, bit 7 once.
    let columns: [(Int) -> Bool] = [
      { _ in true }, { _ in false }, { $0 % 2 == 0 }, { $0 % 2 == 1 }, { $0 == 0 ? false : $0 % 2 == 0 },
      { $0 < 10 }, { $0 >= 20 }, { $0 == 39 },
    ]
    let packed = (0..<40).map { vector in
      columns.enumerated().reduce(UInt8(0)) { $0 | ($1.element(vector) ? 0x80 >> UInt8($1.offset) : 0) }
    }
    let found = try BitDiagnostics(Embeddings(packed: packed, dimension: 8))
    #expect(found.count == 40)
    #expect(found.balances == [1, 0, 0.5, 0.5, 19.0 / 40, 0.25, 0.5, 1.0 / 40])
    #expect(found.deadBits == 3)

    func entropy(_ p: Double) -> Double { p == 0 || p == 1 ? 0 : -p * log2(p) - (1 - p) * log2(1 - p) }
    #expect(abs(found.meanEntropy - found.balances.map(entropy).reduce(0, +) / 8) < 1e-12)
    func correlation(_ a: Int, _ b: Int) -> Double {
      let (x, y) = ((0..<40).map { columns[a]($0) ? 1.0 : 0 }, (0..<40).map { columns[b]($0) ? 1.0 : 0 })
      let (mx, my) = (x.reduce(0, +) / 40, y.reduce(0, +) / 40)
      let covariance = zip(x, y).reduce(0) { $0 + ($1.0 - mx) * ($1.1 - my) }
      return abs(covariance)
        / (x.reduce(0) { $0 + ($1 - mx) * ($1 - mx) } * y.reduce(0) { $0 + ($1 - my) * ($1 - my) }).squareRoot()
    }
    let pairs = (2..<8).flatMap { a in (a + 1..<8).map { (a, $0) } }.map(correlation)
    #expect(abs(found.meanCorrelation - pairs.reduce(0, +) / Double(pairs.count)) < 1e-12)
    #expect(found.maximumCorrelation == 1)
    #expect(found.meanBalance == found.balances.reduce(0, +) / 8)
  }

  @Test func `bits that never change correlate with none`() throws {
    let found = try BitDiagnostics(Embeddings(packed: [0xff, 0xff], dimension: 8))
    #expect(
      found.deadBits == 8 && found.meanEntropy == 0 && found.meanCorrelation == 0 && found.maximumCorrelation == 0)
  }

  @Test func `numbers and empty batches are errors`() throws {
    #expect(throws: MinkeError.self) { try BitDiagnostics(Embeddings(floats: [1, 2], dimension: 2)) }
    #expect(throws: MinkeError.self) { try BitDiagnostics(Embeddings(packed: [], dimension: 8)) }
  }
}
