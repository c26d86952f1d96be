import MinkeCore
import NIOCore
import NIOExtras
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why a request came to nothing, and whether it may do better the next time.
struct RequestFailure: Error {
  let error: MinkeError
  var isPassing = false
  /// How long the server asked to wait.
  var wait: Duration?

  /// - Parameters:
  ///   - cause: what the connection to `origin` ended with.
  ///   - isKnown: whether the server has answered before, so that it can be reached.
  init(_ cause: any Error, from origin: Origin, isKnown: Bool) {
    let reached = "a host that can be reached; HF_ENDPOINT names another hub"
    switch cause {
    case let cause as NIOConnectionError where cause.connectionErrors.isEmpty:
      error = MinkeError(.network, "\(origin)", expected: reached, found: "no such host, or no network")
      isPassing = isKnown
    case let cause as NIOConnectionError:
      let reasons = Set(cause.connectionErrors.map { Self.reason($0.error) }).sorted()
      error = MinkeError(.network, "\(origin)", expected: reached, found: reasons.joined(separator: ", "))
      isPassing = isKnown
    case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
      error = MinkeError(
        .network, "\(origin)", expected: "a certificate that is trusted here; SSL_CERT_FILE names others",
        found: "\(cause)")
      isPassing = isKnown
    case is NIOHTTP1ProxyConnectHandler.Error:
      error = MinkeError(.network, "\(origin)", expected: "a proxy that leads there", found: "\(cause)")
      isPassing = isKnown
    default:
      error = MinkeError(.network, "\(origin)", expected: "a whole answer", found: Self.reason(cause))
      isPassing = true
    }
  }

  init(_ error: MinkeError, isPassing: Bool = false, wait: Duration? = nil) {
    (self.error, self.isPassing, self.wait) = (error, isPassing, wait)
  }

  private static func reason(_ error: any Error) -> String {
    switch error {
    case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
    case ChannelError.eof, HTTPParserError.invalidEOFState: "a connection that ended too early"
    case ChannelError.connectTimeout: "no answer"
    default: "\(error)"
    }
  }
}

/// The waits between tries, each twice as long as the one before.
struct Backoff {
  private static let mostTries = 5
  /// Who asks to wait longer is not waited for.
  private static let longestWait = Duration.seconds(300)

  private let firstDelay: Duration
  private var failures = 0

  init(firstDelay: Duration) { self.firstDelay = firstDelay }

  /// Forgets the failures: there was progress.
  mutating func reset() { failures = 0 }

  /// Waits before the next try.
  ///
  /// - Throws: the error of `failure` when there is no use in another try.
  mutating func wait(after failure: RequestFailure) async throws {
    failures += 1
    guard failure.isPassing, failures < Self.mostTries, failure.wait ?? .zero <= Self.longestWait else {
      throw failure.error
    }
    // Those who were turned away together shall not come back together.
    let delay = firstDelay * (1 << (failures - 1)) * Double.random(in: 1...1.25)
    try await Task.sleep(for: max(delay, failure.wait ?? .zero))
  }
}
