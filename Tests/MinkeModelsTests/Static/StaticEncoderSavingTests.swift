import Foundation
import MinkeCore
import MinkeModels
import MinkeTestSupport
import Testing

@Suite struct StaticEncoderSavingTests {
  private func bytes(_ url: URL) throws -> Data { try Data(contentsOf: url) }

  @Test func `Float to 4 bits writes what the published recipe writes`() throws {
    try Fixture.withTemporaryFolder { folder in
      let encoder = try StaticEncoder(ModelFolder(Fixture.url("sse-tiny")))
      let saved = folder.appendingPathComponent("packed")
      try encoder.save(to: saved, precision: .fourBit)
      for name in ["embedding.q4_k_m.bin", "tokenizer.json"] {
        let expected = try bytes(Fixture.url("sse-tiny-q4/\(name)"))
        #expect(try bytes(saved.appendingPathComponent(name)) == expected, "\(name)")
      }
      let texts = ["a white whale", "", "the sea"]
      let golden = try StaticEncoder(ModelFolder(Fixture.url("sse-tiny-q4"))).encode(texts)
      #expect(try ModelLibrary.textEncoder(saved.path).encode(texts) == golden)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["packed"])
    }
  }

  @Test func `4 bits to float and back changes no byte`() throws {
    try Fixture.withTemporaryFolder { folder in
      let (wide, packed) = (folder.appendingPathComponent("wide"), folder.appendingPathComponent("packed"))
      let original = try StaticEncoder(ModelFolder(Fixture.url("sse-tiny-q4")))
      try original.save(to: wide, precision: .float32)
      let expanded = try StaticEncoder(ModelFolder(wide))
      #expect(expanded.kind == .sse)
      // A float table is summed in another order of operations than a packed one, never to other bits.
      #expect(try expanded.encode(["a whale at sea"]) == original.encode(["a whale at sea"]))
      try original.save(to: packed, precision: .fourBit)
      for name in ["embedding.q4_k_m.bin", "model_rest.safetensors"] {
        #expect(try bytes(packed.appendingPathComponent(name)).count == bytes(Fixture.url("sse-tiny-q4/\(name)")).count)
      }
      #expect(
        try bytes(packed.appendingPathComponent("embedding.q4_k_m.bin"))
          == bytes(Fixture.url("sse-tiny-q4/embedding.q4_k_m.bin")))
    }
  }

  @Test func `Saving never touches what is there already`() throws {
    try Fixture.withTemporaryFolder { folder in
      let encoder = try StaticEncoder(ModelFolder(Fixture.url("sse-tiny")))
      #expect(throws: MinkeError.self) { try encoder.save(to: folder, precision: .fourBit) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }

  @Test func `A model without the tanh is not saved as SSE`() throws {
    try Fixture.withTemporaryFolder { folder in
      let encoder = try StaticEncoder(ModelFolder(Fixture.url("model2vec-tiny")))
      let error = #expect(throws: MinkeError.self) {
        try encoder.save(to: folder.appendingPathComponent("new"), precision: .fourBit)
      }
      #expect(error?.kind == .unsupportedFile)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }
}
