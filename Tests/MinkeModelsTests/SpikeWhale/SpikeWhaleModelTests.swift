import MinkeCheckpoints
import MinkeCore
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeModels

@Suite struct SpikeWhaleModelTests {
  static func load(_ level: KernelLevel = .active) throws -> SpikeWhaleModel {
    let json = try Fixture.json("spikewhale-tiny/config.json")
    return try SpikeWhaleModel(
      SpikeWhaleConfiguration(json, subject: "config.json"),
      checkpoint: Checkpoint(contentsOf: Fixture.url("spikewhale-tiny/model.safetensors")),
      connections: .init(form: .likeliest, measurement: nil), kernels: level)
  }

  @Test(arguments: KernelLevel.available) func `logits and hidden states are those of PyTorch`(_ level: KernelLevel) throws {
    let model = try Self.load(level)
    let cases = try #require(try Fixture.json("spikewhale-tiny/expected.json").array)
    #expect(cases.count == 16)
    for example in cases {
      let ids = try #require(example["ids"]?.array).compactMap(\.integer).map { TokenID($0) }
      let logits = try #require(example["last_logits"]?.array).compactMap(\.double)
      let found = try model.logits(ids, after: model.makeState())
      #expect(found.count == logits.count)
      let difference = zip(found, logits).map { abs(Double($0) - $1) }.max() ?? .infinity
      #expect(difference < 2e-4, "\(difference)")
      let mean = try #require(example["hidden_mean"]?.array).compactMap(\.double)
      let states = try model.hiddenStates(ids)
      for (column, expected) in mean.enumerated() {
        let sum = ids.indices.reduce(0.0) { $0 + Double(states[$1 * mean.count + column]) }
        #expect(abs(sum / Double(ids.count) - expected) < 1e-4)
      }
    }
  }
}
