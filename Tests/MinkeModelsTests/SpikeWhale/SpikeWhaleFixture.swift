import MinkeCheckpoints
import MinkeCore
import MinkeTestSupport
import MinkeText

@testable import MinkeModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The tiny SpikeWhale models with the outputs of plain PyTorch for them.
enum SpikeWhaleFixture {
  struct Example {
    let text: String
    let ids: [TokenID]
    let lastLogits: [Double]
    let hiddenMean: [Double]
    let logLikelihood: Double
    let greedy: [TokenID]
  }

  static func model(_ level: KernelLevel = .active) throws -> LanguageModel {
    try LanguageModel(spikeWhale: ModelFolder(Fixture.url("spikewhale-tiny")), kernels: level)
  }

  /// The network alone.
  static func network(_ level: KernelLevel = .active) throws -> SpikeWhaleModel {
    try SpikeWhaleFolder(ModelFolder(Fixture.url("spikewhale-tiny"))).model(kernels: level)
  }

  static func examples() throws -> [Example] {
    (try Fixture.json("spikewhale-tiny/expected.json").array ?? []).map { json in
      func numbers(_ key: String) -> [Double] { json[key]?.array?.compactMap(\.double) ?? [] }
      return Example(
        text: json["text"]?.string ?? "", ids: numbers("ids").map { TokenID($0) }, lastLogits: numbers("last_logits"),
        hiddenMean: numbers("hidden_mean"), logLikelihood: json["logprob_sum"]?.double ?? .nan,
        greedy: numbers("greedy12_full_sequence").map { TokenID($0) })
    }
  }

  /// Calls `body` with a copy of the fixture folder in which `changes` were made to the configuration and `tensors` to
  /// the weights.
  @discardableResult
  static func withCopy<Result>(
    of name: String = "spikewhale-tiny", configuration changes: [String: JSONValue?] = [:],
    tensors change: ((inout [String: Tensor]) throws -> Void)? = nil, _ body: (ModelFolder) throws -> Result
  ) throws -> Result {
    try Fixture.withTemporaryFolder { folder in
      for file in ["tokenizer.json", "embed_head.pt"] {
        let source = Fixture.url(name).appendingPathComponent(file)
        guard FileManager.default.fileExists(atPath: source.path) else { continue }
        try FileManager.default.copyItem(at: source, to: folder.appendingPathComponent(file))
      }
      var configuration = try Fixture.json("\(name)/config.json").object ?? [:]
      for (key, value) in changes { configuration[key] = value }
      try Data(JSONValue.object(configuration).text.utf8).write(to: folder.appendingPathComponent("config.json"))
      var tensors = try Checkpoint(contentsOf: Fixture.url("\(name)/model.safetensors")).tensors
      try change?(&tensors)
      try Safetensors.write(Array(tensors.values), to: folder.appendingPathComponent("model.safetensors"))
      return try body(ModelFolder(folder))
    }
  }

  /// `tensor` under another name.
  static func renamed(_ tensor: Tensor, _ name: String) throws -> Tensor {
    try Tensor(name: name, elementType: tensor.elementType, shape: tensor.shape, bytes: tensor.bytes())
  }
}

extension LanguageModel {
  /// The logits after `tokens` alone.
  func logits(_ tokens: some Collection<TokenID>) throws -> [Float] {
    var context = makeContext()
    return try context.append(tokens)
  }
}

/// The largest difference of two equally long lists; infinite for others.
func largestDifference(_ a: some Collection<some BinaryFloatingPoint>, _ b: some Collection<some BinaryFloatingPoint>)
  -> Double
{
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { max($0, abs(Double($1.0) - Double($1.1))) }
}
