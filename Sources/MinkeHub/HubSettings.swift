import MinkeCore
import MinkeModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Which hub is asked, as whom, and where its models are put.
public struct HubSettings: Sendable {
  /// The address of the hub, such as `https://huggingface.co`, without a slash at its end.
  public let endpoint: String
  /// What tells the hub who asks; nil to ask as anybody. It is sent to the hub alone, never to where it redirects to.
  public var token: String?
  /// Whether nothing may be asked.
  public var isOffline: Bool
  /// Where models are put.
  public var cache: HubCache

  let origin: Origin
  let proxies: HubProxies
  /// The certificates to trust, in PEM, instead of the system's.
  let certificates: String?
  /// How long the first of several waits is.
  package var firstDelay = Duration.seconds(1)

  /// The settings in the environment, under the names that Python's huggingface_hub gives them: `HF_ENDPOINT`, `HF_TOKEN`
  /// (else the file that `HF_TOKEN_PATH` names, else `token` in `HF_HOME`), `HF_HUB_OFFLINE`, and the places that
  /// `HubCache.standard` heeds. `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` mean what they
  /// mean to other programs.
  ///
  /// - Parameter environment: the variables by their names.
  /// - Throws: `MinkeError` when an address or the token is malformed.
  public init(environment: [String: String] = ProcessInfo.processInfo.environment) throws(MinkeError) {
    let places = HubPlaces(environment)
    var endpoint = places.value("HF_ENDPOINT") ?? "https://huggingface.co"
    while endpoint.hasSuffix("/") { endpoint.removeLast() }
    guard let origin = URL(string: endpoint).flatMap(Origin.init) else {
      throw MinkeError(
        .invalidArgument, "HF_ENDPOINT", expected: "an address such as https://huggingface.co", found: "\"\(endpoint)\""
      )
    }
    (self.endpoint, self.origin) = (endpoint, origin)
    token = try places.isOn("HF_HUB_DISABLE_IMPLICIT_TOKEN") ? nil : Self.token(places)
    isOffline = places.isOn("HF_HUB_OFFLINE") || places.isOn("TRANSFORMERS_OFFLINE")
    cache = HubCache(places.cache)
    proxies = try HubProxies(places)
    certificates = places.value("SSL_CERT_FILE")
  }

  private static func token(_ places: HubPlaces) throws(MinkeError) -> String? {
    var (text, origin) = ("", "HF_TOKEN")
    if let value = places.value("HF_TOKEN") ?? places.value("HUGGING_FACE_HUB_TOKEN") {
      text = value
    } else {
      origin = places.token.path
      do throws(MinkeError) {
        let file = try MappedFile(places.token)
        text = withExtendedLifetime(file) { String(decoding: file.bytes.prefix(1 << 12), as: UTF8.self) }
      } catch  where error.kind == .notFound { return nil }
    }
    let token = text.filter { !$0.isWhitespace }
    // What is no plain text could end the header that it stands in.
    guard token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw MinkeError(.invalidArgument, origin, expected: "a token of a hub", found: "other characters")
    }
    return token.isEmpty ? nil : token
  }
}

/// Who answers at an address: scheme, host and port.
struct Origin: Hashable, CustomStringConvertible {
  let scheme: String
  let host: String
  let port: Int

  /// nil for what is no address of HTTP.
  init?(_ url: URL) {
    guard let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme),
      let host = url.host(percentEncoded: false)?.lowercased(), !host.isEmpty
    else { return nil }
    (self.scheme, self.host) = (scheme, host)
    port = url.port ?? (scheme == "https" ? 443 : 80)
  }

  /// What a request calls the host; one of numbers and colons stands in brackets.
  var hostHeader: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (scheme == "https" ? 443 : 80) ? name : "\(name):\(port)"
  }

  var description: String { port == (scheme == "https" ? 443 : 80) ? host : "\(host):\(port)" }
}
