/// How long a piece of work takes, run again and again.
struct Timing {
  /// Seconds of the middle run.
  let median: Double

  /// One run to warm up, then at least 7 and at least one second's worth, but no more than 200.
  init(_ work: () throws -> Void) throws {
    try work()
    let clock = ContinuousClock()
    var seconds: [Double] = []
    var total = 0.0
    while seconds.count < 7 || (total < 1 && seconds.count < 200) {
      let time = try clock.measure(work) / .seconds(1)
      seconds.append(time)
      total += time
    }
    median = seconds.median
  }
}
