import HTTPTypes
import Hummingbird
import MinkeCore

/// Why a request is refused, in the shape of OpenAI's errors.
struct Failure: Error {
  let status: HTTPResponse.Status
  let message: String
  var code: String?
  /// The member of the request that is wrong.
  var parameter: String?
  var headers: HTTPFields = [:]
  /// Whether the connection is of no more use.
  var closes = false

  init(
    _ status: HTTPResponse.Status, _ message: String, code: String? = nil, parameter: String? = nil,
    headers: HTTPFields = [:], closes: Bool = false
  ) {
    (self.status, self.message, self.code, self.parameter) = (status, message, code, parameter)
    (self.headers, self.closes) = (headers, closes)
  }

  /// A member of the request that is wrong.
  static func wrong(_ parameter: String, expected: String, found: String) -> Failure {
    Failure(.badRequest, "\(parameter): expected \(expected), found \(found)", parameter: parameter)
  }

  /// More work than is taken on.
  static func busy(_ what: String) -> Failure {
    Failure(.tooManyRequests, "\(what): too many wait already; try again", code: "busy", headers: [.retryAfter: "1"])
  }

  static func notFound(_ message: String, code: String? = nil) -> Failure {
    Failure(.notFound, message, code: code)
  }

  /// What a client may know of any error: what it did wrong itself; of others, that there was one.
  init(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case let error as MinkeError:
      switch error.kind {
      case .invalidArgument, .shapeMismatch: self.init(.badRequest, error.description, parameter: error.subject)
      // Their words may tell of files.
      case .notFound, .notFinite, .inputOutput, .closedPipe, .malformedFile, .unsupportedFile, .accessDenied, .network:
        self.init(.internalServerError, "the server could not do this; its log says why")
      }
    default: self.init(.internalServerError, "the server could not do this; its log says why")
    }
  }

  private var type: String {
    switch status {
    case .unauthorized: "authentication_error"
    case .forbidden: "permission_error"
    case .notFound: "not_found_error"
    case .tooManyRequests: "rate_limit_error"
    default: status.code < 500 ? "invalid_request_error" : "server_error"
    }
  }

  var json: JSONValue {
    [
      "error": [
        "message": .string(message), "type": .string(type), "param": parameter.map { .string($0) } ?? .null,
        "code": code.map { .string($0) } ?? .null,
      ]
    ]
  }

  var response: Response {
    var response = Response(json: json, status: status)
    for field in headers { response.headers[field.name] = field.value }
    if closes { response.headers[.connection] = "close" }
    return response
  }
}

extension Response {
  /// A response of JSON text.
  init(json: JSONValue, status: HTTPResponse.Status = .ok) {
    self.init(jsonText: ByteBuffer(string: json.text), status: status)
  }

  init(jsonText: ByteBuffer, status: HTTPResponse.Status = .ok) {
    self.init(
      status: status, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: jsonText))
  }
}
