import Minke
import MinkeCore
import MinkeModels
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Requests to a hub and to where it redirects to.
final class HubClient: Sendable {
  let settings: HubSettings
  private var hub: Origin { settings.origin }
  private let tls: NIOSSLContext
  private let hasAnswered = Atomic(false)

  /// - Throws: `MinkeError` when the certificates cannot be read.
  init(_ settings: HubSettings) throws(MinkeError) {
    self.settings = settings
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.applicationProtocols = ["http/1.1"]
    do {
      if let path = settings.certificates {
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(path))
      }
      tls = try NIOSSLContext(configuration: configuration)
    } catch {
      throw MinkeError(
        .invalidArgument, settings.certificates ?? "TLS", expected: "certificates in PEM, as SSL_CERT_FILE says",
        found: "\(error)")
    }
  }

  /// What came back, redirects followed.
  struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    /// What the hub said of the file on the way, whoever answered in the end.
    let notes: HTTPHeaders
    let origin: Origin

    /// What the hub, or else the last answer, says under `name`.
    func value(_ name: String) -> String? { notes.first(name: name) ?? headers.first(name: name) }
  }

  /// What the hub says of files and errors.
  private static let noted = ["x-repo-commit", "x-linked-etag", "x-linked-size", "x-error-code", "x-error-message"]

  /// Asks for `path`, which is percent-encoded, at the hub, and calls `receive` with the answer.
  ///
  /// - Parameters:
  ///   - offset: the first byte that is wanted.
  ///   - leavesHub: whether a redirect to another host is followed; else it is the answer. The token never goes there.
  /// - Throws: `RequestFailure` when there is no answer, `CancellationError`, and whatever `receive` throws.
  func send<Result: Sendable>(
    _ method: HTTPMethod, _ path: String, from offset: Int = 0, leavesHub: Bool,
    _ receive: (Answer, inout HubConnection.Body) async throws -> Result
  ) async throws -> Result {
    guard var url = URL(string: settings.endpoint + path) else {
      throw RequestFailure(MinkeError(.invalidArgument, path, expected: "a path at the hub", found: "another form"))
    }
    var notes = HTTPHeaders()
    for _ in 0..<10 {
      guard let origin = Origin(url) else { break }
      let next = try await step(method, url, origin, from: offset) { head, body in
        if origin == hub {
          for name in Self.noted where !notes.contains(name: name) {
            if let value = head.headers.first(name: name) { notes.add(name: name, value: value) }
          }
        }
        let answer = Answer(
          status: Int(head.status.code), headers: head.headers, notes: notes, origin: origin)
        if let target = try Self.redirect(answer, from: url), leavesHub || Origin(target) == hub {
          return Next<Result>.redirect(target)
        }
        return .result(try await receive(answer, &body))
      }
      switch next {
      case .redirect(let target): url = target
      case .result(let result): return result
      }
    }
    throw Self.lost(at: hub)
  }

  private enum Next<Result: Sendable>: Sendable {
    case redirect(URL)
    case result(Result)
  }

  /// Where `answer` to a request for `url` leads to; nil where it leads nowhere else.
  private static func redirect(_ answer: Answer, from url: URL) throws -> URL? {
    guard [301, 302, 303, 307, 308].contains(answer.status), let location = answer.headers.first(name: "location")
    else { return nil }
    guard let target = URL(string: location, relativeTo: url)?.absoluteURL, let next = Origin(target),
      // What was asked for in secret is not told to all.
      next.scheme == "https" || answer.origin.scheme == "http"
    else { throw lost(at: answer.origin) }
    return target
  }

  private static func lost(at origin: Origin) -> RequestFailure {
    RequestFailure(
      MinkeError(.network, "\(origin)", expected: "a file at the end of at most 10 redirects", found: "none"))
  }

  /// One request, no redirects followed.
  private func step<Result: Sendable>(
    _ method: HTTPMethod, _ url: URL, _ origin: Origin, from offset: Int,
    _ receive: (HTTPResponseHead, inout HubConnection.Body) async throws -> Result
  ) async throws -> Result {
    var headers: HTTPHeaders = [
      "host": origin.hostHeader, "user-agent": "minke/\(MinkeVersion.current)", "accept": "*/*",
      "accept-encoding": "identity", "connection": "close",
    ]
    if offset > 0 { headers.add(name: "range", value: "bytes=\(offset)-") }
    if let token = settings.token, origin == hub { headers.add(name: "authorization", value: "Bearer \(token)") }
    let path = url.path(percentEncoded: true)
    let target = (path.isEmpty ? "/" : path) + (url.query(percentEncoded: true).map { "?\($0)" } ?? "")
    let head = HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: headers)
    do {
      return try await HubConnection.send(head, to: origin, by: settings.proxies.proxy(for: origin), tls: tls) {
        hasAnswered.store(true, ordering: .relaxed)
        return try await receive($0, &$1)
      }
    } catch {
      throw failure(error, from: origin)
    }
  }

  /// The failure that `error`, thrown by a connection, is; what was thrown on purpose stays what it is.
  private func failure(_ error: any Error, from origin: Origin) -> any Error {
    if Task.isCancelled || error is CancellationError { return CancellationError() }
    if error is MinkeError || error is RequestFailure { return error }
    return RequestFailure(error, from: origin, isKnown: hasAnswered.load(ordering: .relaxed))
  }

  /// Calls `attempt` until it succeeds or there is no use in another try.
  func retrying<Result>(_ attempt: () async throws -> Result) async throws -> Result {
    var backoff = Backoff(firstDelay: settings.firstDelay)
    while true {
      do { return try await attempt() } catch let failure as RequestFailure {
        try await backoff.wait(after: failure)
      }
    }
  }
}

/// `text` with all but letters, digits and `-._~` percent-encoded; `/` too, unless it is to stay.
func percentEncoded(_ text: String, keepingSlashes: Bool = false) -> String {
  var result = ""
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "~"):
      result.unicodeScalars.append(Unicode.Scalar(byte))
    case UInt8(ascii: "/") where keepingSlashes: result += "/"
    default: result += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
    }
  }
  return result
}
