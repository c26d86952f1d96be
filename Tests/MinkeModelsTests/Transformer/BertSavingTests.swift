import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeModels

/// BERT models written in 8 bits.
@Suite struct BertSavingTests {
  private let texts = (0..<40).map { index in
    (0..<index % 9).map { "w\(5 + (index * 7 + $0) % 50)" }.joined(separator: " ")
  }

  /// Writes a folder of sentence-transformers with a `Dense` module, its transformer in the sub-folder `place`.
  private func write(_ bert: SmallBert, to folder: URL, place: String) throws {
    func make(_ name: String) throws -> URL {
      let url = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      return url
    }
    func put(_ json: JSONValue, _ name: String, in place: URL) throws {
      try Data(json.text.utf8).write(to: place.appendingPathComponent(name))
    }
    let transformer = try make(place)
    try bert.write(to: transformer, prefix: "bert.")
    try put(["max_seq_length": 7], "sentence_bert_config.json", in: transformer)
    try put(["pooling_mode": "cls"], "config.json", in: make("1_Pooling"))
    let dense = try make("2_Dense")
    try put(
      ["in_features": .integer(bert.hidden), "out_features": 5, "activation_function": "torch.nn.Tanh"], "config.json",
      in: dense)
    try Safetensors.write(
      [Tensor(name: "linear.weight", shape: [5, bert.hidden], floats: smallNumbers(5 * bert.hidden, seed: 3))],
      to: dense.appendingPathComponent("model.safetensors"))
    let modules = [(place, "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense")]
    try put(
      .array(
        modules.map { ["path": .string($0.0), "type": .string("sentence_transformers.models.\($0.1)")] }),
      "modules.json", in: folder)
    try put(
      ["prompts": ["query": "w5 "], "default_prompt_name": "query"], "config_sentence_transformers.json", in: folder)
  }

  @Test(arguments: ["", "0_Transformer"])
  func `a folder in 8 bits gives what its float folder gives in int8`(place: String) throws {
    try Fixture.withTemporaryFolder { parent in
      let (folder, saved) = (parent.appendingPathComponent("float"), parent.appendingPathComponent("int8"))
      let bert = SmallBert(vocabulary: 60, hidden: 48, layers: 2, heads: 3, intermediate: 70)
      try write(bert, to: folder, place: place)
      let encoder = try ModelLibrary.textEncoder(folder.path)
      #expect(encoder.savablePrecisions == [.int8])
      #expect(try encoder.save(to: saved, precision: .int8).isEmpty)
      for level in KernelLevel.available {
        let expected = try ModelLibrary.textEncoder(folder.path, precision: .int8, kernels: level)
        let found = try ModelLibrary.textEncoder(saved.path, kernels: level)
        #expect((found as? TransformerEncoder)?.precision == .int8)
        #expect(try found.encode(texts) == expected.encode(texts), "\(level)")
        #expect(found.tokenization.prompts == expected.tokenization.prompts)
      }
      func size(_ folder: URL) throws -> Int {
        let path = folder.appendingPathComponent(place).appendingPathComponent("model.safetensors").path
        return try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
      }
      #expect(try size(saved) < size(folder) / 2)
      #expect(try ModelReport(saved.path).problems.isEmpty)

      // What was rounded once is neither rounded again nor unrounded, and nothing is written over.
      let again = try ModelLibrary.textEncoder(saved.path)
      #expect(again.savablePrecisions.isEmpty)
      #expect(throws: MinkeError.self) { try again.save(to: parent.appendingPathComponent("x"), precision: .int8) }
      #expect(throws: MinkeError.self) { try ModelLibrary.textEncoder(saved.path, precision: .float32) }
      #expect(throws: MinkeError.self) { try encoder.save(to: saved, precision: .int8) }
      #expect(throws: MinkeError.self) { try encoder.save(to: parent.appendingPathComponent("x"), precision: .fourBit) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: parent.path).sorted() == ["float", "int8"])
    }
  }

  @Test func `BNE in 8 bits gives the bits that it gives in int8`() throws {
    try Fixture.withTemporaryFolder { parent in
      let saved = parent.appendingPathComponent("int8")
      let archive = Fixture.url("bne-tiny/binary_embedder_128.pt")
      try ModelLibrary.textEncoder(archive.path).save(to: saved, precision: .int8)
      let expected = try ModelLibrary.textEncoder(archive.path, precision: .int8)
      let found = try ModelLibrary.textEncoder(saved.path)
      #expect((found as? BinaryEncoder)?.precision == .int8)
      let options = EncodingOptions(form: .logits)
      #expect(try found.encode(texts, options: options) == expected.encode(texts, options: options))
    }
  }

  @Test func `an archive alone is saved with the sizes that its tensors tell`() throws {
    try Fixture.withTemporaryFolder { parent in
      let folder = parent.appendingPathComponent("alone")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let vocabulary = try ModelLibrary.tokenizer().vocabularySize
      let bert = SmallBert(vocabulary: vocabulary, hidden: 64, layers: 1, heads: 1, intermediate: 70)
      let head = try [
        Tensor(name: "projection.weight", shape: [8, 64], floats: smallNumbers(512, seed: 4)),
        Tensor(name: "projection.bias", shape: [8], floats: smallNumbers(8, seed: 5)),
      ]
      try TorchArchive.write(bert.tensors(prefix: "encoder.") + head, to: folder.appendingPathComponent("float.pt"))
      let saved = parent.appendingPathComponent("int8")
      try ModelLibrary.textEncoder(folder.path).save(to: saved, precision: .int8)
      let expected = try ModelLibrary.textEncoder(folder.path, precision: .int8).encode(["the sea", "a ship"])
      #expect(try ModelLibrary.textEncoder(saved.path).encode(["the sea", "a ship"]) == expected)
    }
  }
}
