import MinkeCore
import MinkeModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The proxies that the environment names, and the hosts that need none.
struct HubProxies: Sendable {
  /// A proxy that speaks HTTP.
  struct Proxy: Sendable {
    let host: String
    let port: Int
    /// `USER:PASSWORD`; nil where none is needed.
    let credentials: String?
  }

  /// By the scheme of the addresses that they are for.
  private let byScheme: [String: Proxy]
  private let exceptions: [String]

  init(_ places: HubPlaces) throws(MinkeError) {
    func value(_ name: String) -> String? { places.value(name.lowercased()) ?? places.value(name) }
    var byScheme: [String: Proxy] = [:]
    for scheme in ["http", "https"] {
      let name = "\(scheme.uppercased())_PROXY"
      if let text = value(name) ?? value("ALL_PROXY") { byScheme[scheme] = try Self.proxy(text, name) }
    }
    self.byScheme = byScheme
    exceptions = (value("NO_PROXY") ?? "").lowercased().split { $0 == "," || $0 == " " }.map(String.init)
  }

  private static func proxy(_ text: String, _ name: String) throws(MinkeError) -> Proxy {
    guard let url = URL(string: text.contains("://") ? text : "http://\(text)"), url.scheme?.lowercased() == "http",
      let host = url.host(percentEncoded: false), !host.isEmpty
    else {
      throw MinkeError(
        .invalidArgument, name, expected: "a proxy of HTTP, such as http://proxy:3128", found: "another form")
    }
    let password = url.password(percentEncoded: false) ?? ""
    return Proxy(
      host: host, port: url.port ?? 80, credentials: url.user(percentEncoded: false).map { "\($0):\(password)" })
  }

  /// The proxy by which `origin` is asked; nil for none.
  func proxy(for origin: Origin) -> Proxy? {
    guard let proxy = byScheme[origin.scheme] else { return nil }
    let isException = exceptions.contains { exception in
      if exception == "*" { return true }
      let name = exception.hasPrefix("*.") ? String(exception.dropFirst(2)) : exception
      let host = name.hasPrefix(".") ? String(name.dropFirst()) : name
      return [origin.host, "\(origin.host):\(origin.port)"].contains { $0 == host || $0.hasSuffix(".\(host)") }
    }
    return isException ? nil : proxy
  }
}
