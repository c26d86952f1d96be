import MinkeCheckpoints
import MinkeCore
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct QuantizationTests {
  @Test(arguments: [(Precision.int8, 0.2), (.fourBit, 2)])
  func `a quantised model is saved, loaded and near the original`(_ precision: Precision, _ bound: Double) throws {
    let original = try SpikeWhaleFixture.network()
    try SpikeWhaleFixture.withCopy { folder in
      let file = folder.url.appendingPathComponent("model.safetensors")
      try Safetensors.write(original.tensors(in: precision), to: file)
      let quantized = try SpikeWhaleFolder(folder).model(kernels: .active)
      #expect(quantized.precision == precision)
      #expect(quantized.bytesPerToken < original.bytesPerToken / (precision == .int8 ? 3 : 5))
      for level in KernelLevel.available {
        let language = try LanguageModel(spikeWhale: folder, kernels: level)
        for example in try SpikeWhaleFixture.examples() {
          let logits = try language.logits(example.ids)
          #expect(largestDifference(logits, example.lastLogits) < bound)
          var context = language.makeContext()
          var last: [Float] = []
          for id in example.ids { last = try context.append([id]) }
          // A token that comes alone has its inputs rounded to 8 bits where weights have 4.
          #expect(largestDifference(last, logits) < (precision == .fourBit ? 0.5 : 1e-4))
        }
      }
      #expect(throws: MinkeError.self) { try quantized.tensors(in: .fourBit) }
    }
  }
}
