import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeTestSupport
import Testing

@Suite struct StaticEncoderErrorTests {
  /// Copies `fixture`, lets `change` spoil it, and gives the error of loading it, or of encoding with it.
  private func error(_ fixture: String, change: (URL) throws -> Void) throws -> MinkeError? {
    try Fixture.withTemporaryFolder { folder in
      let copy = folder.appendingPathComponent("model")
      try FileManager.default.copyItem(at: Fixture.url(fixture), to: copy)
      try change(copy)
      return #expect(throws: MinkeError.self) { _ = try ModelLibrary.textEncoder(copy.path).encode(["a white whale"]) }
    }
  }

  private func tensors(_ url: URL) throws -> [String: Tensor] { try Checkpoint(contentsOf: url).tensors }

  private func rewrite(_ url: URL, _ change: (inout [String: Tensor]) throws -> Void) throws {
    var tensors = try tensors(url)
    try change(&tensors)
    let copies = try tensors.values.map {
      try Tensor(name: $0.name, shape: $0.shape, floats: $0.floats().copied())
    }
    try Safetensors.write(copies, to: url)
  }

  @Test func `A missing folder, a file and a folder of something else are told apart`() throws {
    #expect(throws: MinkeError.self) { try ModelLibrary.textEncoder("no-such-model") }
    do {
      _ = try ModelLibrary.textEncoder("no-such-model")
    } catch let error as MinkeError {
      #expect(error.kind == .notFound && error.expected.contains("minke-sse-en"))
    }
    try Fixture.withTemporaryFolder { folder in
      let empty = #expect(throws: MinkeError.self) { try ModelLibrary.textEncoder(folder.path) }
      #expect(empty?.kind == .unsupportedFile && empty?.found == "an empty folder")
      let file = folder.appendingPathComponent("file")
      try Data("x".utf8).write(to: file)
      let plain = #expect(throws: MinkeError.self) { try ModelLibrary.textEncoder(file.path) }
      #expect(plain?.found == "a file")
    }
  }

  @Test func `A missing tokenizer or tanh is named`() throws {
    let tokenizer = try error("sse-tiny-q4") {
      try FileManager.default.removeItem(at: $0.appendingPathComponent("tokenizer.json"))
    }
    #expect(tokenizer?.kind == .notFound && tokenizer?.expected.contains("tokenizer.json") == true)
    let rest = try error("sse-tiny-q4") {
      try FileManager.default.removeItem(at: $0.appendingPathComponent("model_rest.safetensors"))
    }
    #expect(rest?.expected.contains("model_rest.safetensors") == true)
    let beta = try error("sse-tiny") {
      try rewrite($0.appendingPathComponent("model.safetensors")) { $0["dyt.beta"] = nil }
    }
    #expect(beta?.subject.contains("dyt.beta") == true)
  }

  @Test func `Tensors of the wrong shape are named with both shapes`() throws {
    let short = try error("sse-tiny") {
      try rewrite($0.appendingPathComponent("model.safetensors")) {
        $0["dyt.alpha"] = try Tensor(name: "dyt.alpha", shape: [63], floats: Array(repeating: 1, count: 63))
      }
    }
    #expect(
      short?.kind == .shapeMismatch && short?.expected.contains("64") == true && short?.found.contains("63") == true)
    let flat = try error("sse-tiny") {
      try rewrite($0.appendingPathComponent("model.safetensors")) {
        let values = try #require($0["embedding.weight"])
        $0["embedding.weight"] = try Tensor(
          name: "embedding.weight", shape: [values.count], floats: values.floats().copied())
      }
    }
    #expect(flat?.kind == .shapeMismatch && flat?.expected == "[tokens, columns]")
  }

  @Test func `A table with fewer rows than tokens is refused`() throws {
    let few = try error("sse-tiny") {
      try rewrite($0.appendingPathComponent("model.safetensors")) {
        $0["embedding.weight"] = try Tensor(
          name: "embedding.weight", shape: [10, 64], floats: Array(repeating: 1, count: 640))
      }
    }
    #expect(few?.kind == .shapeMismatch && few?.found == "10")
  }

  @Test func `A packed table cut short is refused`() throws {
    let cut = try error("sse-tiny-q4") {
      let url = $0.appendingPathComponent("embedding.q4_k_m.bin")
      try Data(contentsOf: url).dropLast().write(to: url)
    }
    #expect(cut?.kind == .shapeMismatch && cut?.subject.contains("embedding.q4_k_m.bin") == true)
    let fewer = try error("sse-tiny-q4") {
      let url = $0.appendingPathComponent("embedding.q4_k_m.bin")
      try Data(contentsOf: url).prefix(36 * 100).write(to: url)
    }
    #expect(fewer?.found == "100")
  }

  @Test(arguments: [Float.nan, .infinity])
  func `Numbers that are not finite are refused, not passed on`(value: Float) throws {
    let tanh = try error("sse-tiny") {
      try rewrite($0.appendingPathComponent("model.safetensors")) {
        $0["dyt.bias"] = try Tensor(name: "dyt.bias", shape: [64], floats: Array(repeating: value, count: 64))
      }
    }
    #expect(tanh?.kind == .notFinite && tanh?.subject.contains("dyt.bias") == true)
    let table = try error("sse-tiny") {
      try rewrite($0.appendingPathComponent("model.safetensors")) {
        var floats = try #require($0["embedding.weight"]).floats().copied()
        for row in 5..<1927 { floats[row * 64 + 63] = value }
        $0["embedding.weight"] = try Tensor(name: "embedding.weight", shape: [1927, 64], floats: floats)
      }
    }
    #expect(table?.kind == .notFinite && table?.subject.contains("token table, row") == true)
    let scale = try error("sse-tiny-q4") {
      let url = $0.appendingPathComponent("embedding.q4_k_m.bin")
      var data = try Data(contentsOf: url)
      withUnsafeBytes(of: value) { data.replaceSubrange(data.count - 4..<data.count, with: $0) }
      try data.write(to: url)
    }
    #expect(scale?.kind == .notFinite)
  }

  @Test func `A dimension that is not offered is refused with those that are`() throws {
    let encoder = try ModelLibrary.textEncoder()
    for dimension in [0, -1, 33, 513] {
      let error = #expect(throws: MinkeError.self) { try encoder.encode(["a"], dimension: dimension) }
      #expect(error?.kind == .invalidArgument && error?.expected.contains("512, 256, 128, 64, 32") == true)
    }
  }

  @Test func `A modules file that leads out of the folder is refused`() throws {
    for path in ["../elsewhere", "/etc"] {
      let error = try error("sse-tiny") {
        try Data("[{\"type\":\"x\",\"path\":\"\(path)\"}]".utf8).write(to: $0.appendingPathComponent("modules.json"))
      }
      #expect(error?.kind == .malformedFile && error?.found.contains(path) == true)
    }
  }

  @Test func `A report says what is wrong with a folder that cannot be loaded`() throws {
    try Fixture.withTemporaryFolder { folder in
      let copy = folder.appendingPathComponent("model")
      try FileManager.default.copyItem(at: Fixture.url("sse-tiny"), to: copy)
      try FileManager.default.removeItem(at: copy.appendingPathComponent("tokenizer.json"))
      let report = try ModelReport(copy.path)
      #expect(report.problems.count == 1 && report.problems[0].contains("tokenizer.json"))
      #expect(report.tensors.count == 4 && report.facts.isEmpty)
    }
    let good = try ModelReport("minke-sse-en")
    #expect(good.problems.isEmpty)
    #expect(good.description.contains("30522 x 512"))
  }
}
