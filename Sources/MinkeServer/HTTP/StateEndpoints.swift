import Hummingbird
import Minke
import MinkeCore
import Synchronization

/// The endpoints that say how the server is.
struct StateEndpoints: Sendable {
  let holdings: Holdings
  let isStopping: @Sendable () -> Bool

  var routes: [Route] {
    [
      .get("/health", isOpen: true, health), .get("/stats", statistics), .get("/metrics", metrics),
    ]
  }

  private func health(_ exchange: Exchange) -> Response {
    isStopping()
      ? Response(json: ["status": "stopping"], status: .serviceUnavailable) : Response(json: ["status": "ok"])
  }

  private func statistics(_ exchange: Exchange) async throws -> Response {
    let encoder = holdings.encoder
    let language = holdings.chat?.language
    let last = holdings.lastQuery.map { last -> JSONValue in
      [
        "milliseconds": .number(last.milliseconds), "passages": .integer(last.passages),
        "results": .integer(last.results),
      ]
    }
    return Response(
      json: [
        "version": .string(MinkeVersion.current), "model": .string(encoder.identity.name),
        "dimension": .integer(encoder.dimension), "dimensions": .array(encoder.dimensions.map { .integer($0) }),
        "metric": .string(encoder.metric.rawValue),
        "chat_model": language.map { .string($0.identity.name) } ?? .null,
        "context_length": language.map { .integer($0.contextLength) } ?? .null,
        "read_only": .boolean(holdings.isReadOnly), "uptime_seconds": .number(holdings.metrics.uptime),
        "requests": .integer(holdings.metrics.requestCount), "queries": .integer(holdings.metrics.queryCount),
        "last_query": last ?? .null, "collections": .array(try await holdings.descriptions()),
      ])
  }

  private func metrics(_ exchange: Exchange) -> Response {
    let text = holdings.metrics.text(gauges: [
      ("minke_waiting_texts", "Texts that wait to be encoded.", holdings.encoding.waitingCount),
      ("minke_generations", "Answers being made.", holdings.chat?.gate.insideCount ?? 0),
    ])
    return Response(
      status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}
