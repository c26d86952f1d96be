import MinkeCore
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeModels

@Suite struct RandomSpikeWhaleTests {
  @Test func `a model of the published size loads, runs and has the published counts`() throws {
    try Fixture.withTemporaryFolder { folder in
      try RandomSpikeWhale.write(to: folder)
      let language = try LanguageModel(spikeWhale: ModelFolder(folder))
      let ids: [TokenID] = [13386, 115, 13310, 5545, 6111, 3108]
      var context = language.makeContext()
      let whole = try language.logits(ids)
      #expect(whole.count == 16512 && whole.allSatisfy { $0.isFinite })
      var last: [Float] = []
      for id in ids { last = try context.append([id]) }
      #expect(largestDifference(whole, last) < 1e-3)
      let facts = try ModelReport(folder.path).facts
      #expect(facts.first { $0.name == "tensor count" }?.value == "359")
      #expect(facts.first { $0.name == "element count" }?.value == "96944515")
    }
  }
}
