import Minke
import MinkeTestSupport
import Testing

@testable import MinkeCommand

@Suite struct RandomSpikeWhaleTests {
  @Test func `a model of the published size loads, runs and has the published counts`() throws {
    try Fixture.withTemporaryFolder { folder in
      try RandomSpikeWhale.write(to: folder)
      let language = try ModelLibrary.languageModel(folder.path)
      let ids: [TokenID] = [13386, 115, 13310, 5545, 6111, 3108]
      var (together, single) = (language.makeContext(), language.makeContext())
      let whole = try together.append(ids)
      #expect(whole.count == 16512 && whole.allSatisfy { $0.isFinite })
      var last: [Float] = []
      for id in ids { last = try single.append([id]) }
      #expect(zip(whole, last).allSatisfy { abs($0 - $1) < 1e-3 })
      // Those of Byrne-86M.
      let facts = try ModelReport(folder.path).facts
      #expect(facts.first { $0.name == "tensor count" }?.value == "359")
      #expect(facts.first { $0.name == "element count" }?.value == "96944515")
    }
  }
}
