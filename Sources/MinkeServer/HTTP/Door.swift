import HTTPTypes
import Hummingbird
import Logging
import MinkeCore
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Lets requests in, has them answered, and says of those that are refused why.
struct Door: HTTPResponder {
  /// What a request comes with besides itself.
  struct Visit: RequestContextSource, InitializableFromSource {
    let channel: any Channel
    let logger: Logger

    init(source: ApplicationRequestContextSource) { (channel, logger) = (source.channel, source.logger) }
  }

  typealias Context = Visit

  let routes: Routes
  let access: Access
  let metrics: ServerMetrics
  let limits: ServerLimits
  let logger: Logger

  func respond(to request: Request, context: Visit) async throws -> Response {
    let start = ContinuousClock.now
    var endpoint = "other"
    var response: Response
    var origin: String?
    var isBodyRead = false
    do {
      origin = try access.check(request.head)
      if request.method == .options, origin != nil {
        response = Self.preflight
      } else {
        let (route, parameters) = try routes.find(request.method, request.uri.path)
        endpoint = route.path
        if !route.isOpen { try access.checkKey(request.head) }
        let body = try await self.body(of: request, context, isWanted: route.method == .post)
        isBodyRead = true
        let exchange = Exchange(
          head: request.head, body: body, channel: context.channel, parameters: parameters, query: request.uri.query)
        response = try await route.handler(exchange)
        if request.method == .head { response = response.createHeadResponse() }
      }
    } catch is CancellationError {
      // The client has gone; this is for the counts.
      response = Response(status: .init(code: 499, reasonPhrase: "Client Closed Request"))
    } catch let error as HTTPParserError {
      throw error
    } catch {
      let failure = Failure(error)
      if failure.status.code >= 500 { logger.error("\(request.method) \(endpoint): \(error)") }
      response = failure.response
    }
    if !isBodyRead, request.headers[.contentLength] ?? "0" != "0" || request.headers[.transferEncoding] != nil {
      // What is not wanted is not waited for; a moment is left to the client to read the response.
      response.headers[.connection] = "close"
      let channel = context.channel
      channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
    }
    response.headers[.xContentTypeOptions] = "nosniff"
    if let origin {
      response.headers[.accessControlAllowOrigin] = origin
      response.headers[.vary] = "Origin"
    }
    metrics.note(endpoint, status: response.status.code, took: ContinuousClock.now - start)
    return response
  }

  /// The answer to a page of another origin that asks what it may send.
  private static var preflight: Response {
    var response = Response(status: .noContent)
    response.headers[.accessControlAllowMethods] = "GET, POST"
    response.headers[.accessControlAllowHeaders] =
      "Authorization, Content-Type, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name"
    response.headers[.accessControlMaxAge] = "600"
    return response
  }

  /// The whole body.
  ///
  /// - Throws: `Failure` when it is too large, breaks off, or is not said to be JSON.
  private func body(of request: Request, _ context: Visit, isWanted: Bool) async throws -> ByteBuffer {
    let most = isWanted ? limits.bodyBytes : 1 << 12
    if isWanted {
      let field = request.headers[.contentType] ?? ""
      let type = field.prefix { $0 != ";" }
      guard field == "application/json" || type.lowercased().filter({ !$0.isWhitespace }) == "application/json" else {
        throw Failure(.unsupportedMediaType, "Content-Type: expected application/json, found \"\(type)\"")
      }
    }
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > most { throw tooLarge(most) }
    if request.headers[.expect]?.lowercased() == "100-continue" {
      context.channel.writeAndFlush(HTTPResponsePart.head(HTTPResponse(status: .continue)), promise: nil)
    }
    do {
      return try await request.body.collect(upTo: most)
    } catch is NIOTooManyBytesError {
      throw tooLarge(most)
    }
  }

  private func tooLarge(_ most: Int) -> Failure {
    Failure(.contentTooLarge, "body: expected \(most) bytes at most, found more", code: "body_too_large")
  }
}

extension HTTPField.Name {
  /// A name that is none of HTTP's own.
  static func named(_ name: String) -> HTTPField.Name {
    guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no name of a header field") }
    return name
  }
}
