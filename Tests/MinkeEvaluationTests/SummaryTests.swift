import MinkeEvaluation
import Testing

@Suite struct SummaryTests {
  @Test func `the deviation is that of a sample`() {
    let summary = Summary([2, 4, 4, 4, 5, 5, 7, 9])
    #expect(summary.count == 8)
    #expect(summary.mean == 5)
    #expect(abs(summary.standardDeviation - (32.0 / 7).squareRoot()) < 1e-15)
    #expect(abs(summary.standardError - (4.0 / 7).squareRoot()) < 1e-15)
  }

  @Test func `one value does not scatter, and none has no mean`() {
    #expect(Summary([3]).mean == 3)
    #expect(Summary([3]).standardDeviation.isNaN)
    #expect(Summary([]).mean.isNaN)
    #expect(Summary([1, 1, 1]).standardError == 0)
  }
}
