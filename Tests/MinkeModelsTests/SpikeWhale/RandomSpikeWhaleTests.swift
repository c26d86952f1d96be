import MinkeCore
import MinkeTestSupport
import MinkeText
import Testing

@testable import MinkeModels

@Suite struct RandomSpikeWhaleTests {
  @Test func `a model of the published size loads, runs and has the published counts`() throws {
    try Fixture.withTemporaryFolder { folder in
      try RandomSpikeWhale.write(to: folder)
      let language = try LanguageModel(ModelFolder(folder))
      #expect(language.model.tensorCount == 359)
      #expect(language.model.elementCount == 96_944_515)
      let ids: [TokenID] = [13386, 115, 13310, 5545, 6111, 3108]
      let state = language.model.makeState()
      let whole = try language.model.logits(ids, after: language.model.makeState())
      #expect(whole.count == 16512 && whole.allSatisfy { $0.isFinite })
      var last: [Float] = []
      for id in ids { last = try language.model.logits([id], after: state) }
      #expect(largestDifference(whole, last) < 1e-3)
      let facts = try ModelReport(folder.path).facts
      #expect(facts.first { $0.name == "tensor count" }?.value == "359")
      #expect(facts.first { $0.name == "element count" }?.value == "96944515")
    }
  }
}
