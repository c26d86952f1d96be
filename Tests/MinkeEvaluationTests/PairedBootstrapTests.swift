import MinkeCore
import MinkeEvaluation
import MinkeTestSupport
import Testing

@Suite struct PairedBootstrapTests {
  private let first = (0..<50).map { Double($0 * 37 % 11) / 10 }
  private let second = (0..<50).map { Double($0 * 29 % 13) / 10 }

  @Test func `the resamples are those of a plain loop`() throws {
    let found = try PairedBootstrap(first, second, resamples: 1001, seed: 5)
    var seeds = SplitMix64(seed: 5)
    var sums: [Double] = []
    for _ in 0..<1001 {
      var generator = SplitMix64(seed: seeds.next())
      var sum = 0.0
      for _ in first.indices {
        let item = generator.below(first.count)
        sum += second[item] - first[item]
      }
      sums.append(sum)
    }
    let total = zip(first, second).reduce(0) { $0 + ($1.1 - $1.0) }
    #expect(found.difference == total / 50)
    #expect(found.p == Double(1 + sums.count { abs($0 - total) >= abs(total) }) / 1002)
    // With 1001 resamples the quantiles fall on the 26th from either end.
    let sorted = sums.sorted()
    #expect(abs(found.interval.lowerBound - sorted[25] / 50) < 1e-12)
    #expect(abs(found.interval.upperBound - sorted[975] / 50) < 1e-12)
  }

  @Test func `the number of threads changes nothing`() throws {
    let threads = Workers.count
    defer { Workers.count = threads }
    Workers.count = 1
    let alone = try PairedBootstrap(first, second)
    Workers.count = 3
    #expect(try PairedBootstrap(first, second) == alone)
    #expect(try PairedBootstrap(first, second, seed: 1) != alone)
  }

  @Test func `the interval and p are SciPy's but for chance`() throws {
    let golden = try Fixture.json("bootstrap.json")
    func numbers(_ name: String) -> [Double] { golden[name]?.array?.compactMap(\.double) ?? [] }
    let found = try PairedBootstrap(numbers("first"), numbers("second"))
    #expect(found.count == 80)
    #expect(abs(found.difference - (golden["difference"]?.double ?? 9)) < 1e-12)
    // The scatter of a quantile of 10,000 resamples is about a hundredth of the interval's width.
    let width = found.interval.upperBound - found.interval.lowerBound
    #expect(abs(found.interval.lowerBound - numbers("interval")[0]) < 0.04 * width)
    #expect(abs(found.interval.upperBound - numbers("interval")[1]) < 0.04 * width)
    #expect(abs(found.p - (golden["p"]?.double ?? 9)) < 0.01)
  }

  @Test func `equal runs do not differ, and runs that always do differ surely`() throws {
    let same = try PairedBootstrap(first, first)
    #expect(same.difference == 0)
    #expect(same.interval == 0...0)
    #expect(same.p == 1)
    let better = try PairedBootstrap(first, first.map { $0 + 1 }, resamples: 999)
    #expect(abs(better.difference - 1) < 1e-12)
    #expect(better.p == 0.001)
  }

  @Test func `what cannot be compared is an error`() {
    #expect(throws: MinkeError.self) { try PairedBootstrap([1, 2], [1]) }
    #expect(throws: MinkeError.self) { try PairedBootstrap([1], [2]) }
    #expect(throws: MinkeError.self) { try PairedBootstrap([1, .nan], [1, 2]) }
    #expect(throws: MinkeError.self) { try PairedBootstrap([1, 2], [.infinity, 2]) }
    #expect(throws: MinkeError.self) { try PairedBootstrap([1, 2], [1, 2], resamples: 0) }
  }
}
