import Metrics
import MinkeCore
import Synchronization

/// What a server counts: for its own `/metrics`, and for the program's own collector through swift-metrics.
final class ServerMetrics: Sendable {
  /// Upper bounds of the durations that are counted together, in seconds.
  fileprivate static let bounds: [Double] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]

  /// The counts of one endpoint.
  private struct Counts {
    var byStatus: [Int: Int] = [:]
    var durations = [Int](repeating: 0, count: ServerMetrics.bounds.count + 1)
    var seconds = 0.0
    let instruments: Instruments

    init(_ endpoint: String) { instruments = Instruments(endpoint) }

    mutating func note(status: Int, place: Int, seconds: Double) {
      byStatus[status, default: 0] += 1
      durations[place] += 1
      self.seconds += seconds
    }
  }

  /// What swift-metrics gave for an endpoint.
  private struct Instruments: Sendable {
    let timer: Metrics.Timer
    let requests: Metrics.Counter

    init(_ endpoint: String) {
      let dimensions = [("endpoint", endpoint)]
      timer = Metrics.Timer(label: "minke_request_duration", dimensions: dimensions)
      requests = Metrics.Counter(label: "minke_requests", dimensions: dimensions)
    }
  }

  private let counts = Mutex<[String: Counts]>([:])
  private let requests = Atomic(0)
  private let queries = Atomic(0)
  private let texts = Atomic(0)
  private let tokens = Atomic(0)
  private let generated = Atomic(0)
  private let started = ContinuousClock.now

  var requestCount: Int { requests.load(ordering: .relaxed) }
  var queryCount: Int { queries.load(ordering: .relaxed) }
  var uptime: Double { (ContinuousClock.now - started) / .seconds(1) }

  /// Notes a request that was answered.
  func note(_ endpoint: String, status: Int, took duration: Duration) {
    requests.wrappingAdd(1, ordering: .relaxed)
    let seconds = duration / .seconds(1)
    let place = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
    let instruments = counts.withLock { counts in
      if counts[endpoint] == nil { counts[endpoint] = Counts(endpoint) }
      counts[endpoint]?.note(status: status, place: place, seconds: seconds)
      return counts[endpoint]?.instruments
    }
    instruments?.requests.increment()
    instruments?.timer.recordNanoseconds(Int64(seconds * 1e9))
  }

  func noteQueries(_ count: Int) { queries.wrappingAdd(count, ordering: .relaxed) }

  func noteEncoded(texts count: Int, tokens: Int) {
    texts.wrappingAdd(count, ordering: .relaxed)
    self.tokens.wrappingAdd(tokens, ordering: .relaxed)
  }

  func noteGenerated(tokens: Int) { generated.wrappingAdd(tokens, ordering: .relaxed) }

  /// All counts in the text format of Prometheus.
  func text(gauges: [(name: String, help: String, value: Int)]) -> String {
    var text = ""
    func describe(_ name: String, _ type: String, _ help: String) {
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }
    let counts = counts.withLock { $0 }.sorted { $0.key < $1.key }
    describe("minke_requests_total", "counter", "Requests answered, by endpoint and status.")
    for (endpoint, counts) in counts {
      for (status, count) in counts.byStatus.sorted(by: { $0.key < $1.key }) {
        text += "minke_requests_total{endpoint=\"\(endpoint)\",status=\"\(status)\"} \(count)\n"
      }
    }
    describe("minke_request_duration_seconds", "histogram", "Time from a request's head to its response.")
    for (endpoint, counts) in counts {
      var sum = 0
      for (place, count) in counts.durations.enumerated() {
        sum += count
        let bound = place < Self.bounds.count ? "\(Self.bounds[place])" : "+Inf"
        text += "minke_request_duration_seconds_bucket{endpoint=\"\(endpoint)\",le=\"\(bound)\"} \(sum)\n"
      }
      text += "minke_request_duration_seconds_sum{endpoint=\"\(endpoint)\"} \(counts.seconds)\n"
      text += "minke_request_duration_seconds_count{endpoint=\"\(endpoint)\"} \(sum)\n"
    }
    let totals = [
      ("minke_encoded_texts_total", "Texts encoded.", texts.load(ordering: .relaxed)),
      ("minke_encoded_tokens_total", "Tokens encoded.", tokens.load(ordering: .relaxed)),
      ("minke_generated_tokens_total", "Tokens generated.", generated.load(ordering: .relaxed)),
      ("minke_queries_total", "Searches.", queryCount),
    ]
    for (name, help, value) in totals {
      describe(name, "counter", help)
      text += "\(name) \(value)\n"
    }
    for gauge in gauges {
      describe(gauge.name, "gauge", gauge.help)
      text += "\(gauge.name) \(gauge.value)\n"
    }
    describe("minke_uptime_seconds", "gauge", "Time since the server was started.")
    return text + "minke_uptime_seconds \(uptime)\n"
  }
}
