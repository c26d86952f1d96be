import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeTestSupport
import Testing

@testable import MinkeTraining

@Suite struct WeightAverageTests {
  private func folder(_ url: URL) throws -> ModelFolder { try ModelFolder(url) }

  /// Two models of one start, the second with other numbers.
  private func models(in folder: URL) throws -> [ModelFolder] {
    let start = try ModelLibrary.textEncoder(Fixture.url("sse-tiny").path)
    return try [1, 2].map { number in
      let model = try StaticTrainee(from: start)
      for parameter in model.parameters {
        let value = parameter.value
        for row in 0..<value.rows { for column in 0..<value.columns { value[row, column] *= Float(number) } }
      }
      let url = folder.appendingPathComponent("model-\(number)")
      try FolderWriter.write(to: url) { try model.write(to: $0) }
      return try self.folder(url)
    }
  }

  @Test func everyNumberIsTheMean() throws {
    try Fixture.withTemporaryFolder { folder in
      let models = try models(in: folder)
      let output = folder.appendingPathComponent("mean")
      try WeightAverage.write(models, to: output)
      let (one, mean) = (
        try Checkpoint(contentsOf: models[0].url.appendingPathComponent("model.safetensors")),
        try Checkpoint(contentsOf: output.appendingPathComponent("model.safetensors"))
      )
      #expect(one.tensors.keys.sorted() == mean.tensors.keys.sorted())
      for name in one.tensors.keys {
        #expect(try mean.tensor(name).floats().copied() == one.tensor(name).floats().copied().map { $0 * 1.5 })
      }
      #expect(try ModelLibrary.textEncoder(output.path).dimension == 64)
    }
  }

  @Test func whatCannotBeAveragedIsRefused() throws {
    try Fixture.withTemporaryFolder { folder in
      let models = try models(in: folder)
      let output = folder.appendingPathComponent("mean")
      #expect(throws: MinkeError.self) { try WeightAverage.write([models[0]], to: output) }
      // In 4 bits, with another tokenizer, and with other tensors.
      let packed = try self.folder(Fixture.url("sse-tiny-q4"))
      #expect(throws: MinkeError.self) { try WeightAverage.write([packed, packed], to: output) }
      #expect(throws: MinkeError.self) { try WeightAverage.write([models[0], packed], to: output) }
      try Data("{}".utf8).write(to: models[1].url.appendingPathComponent("tokenizer.json"))
      #expect(throws: MinkeError.self) { try WeightAverage.write(models, to: output) }
      #expect(!FileManager.default.fileExists(atPath: output.path))
    }
  }
}
