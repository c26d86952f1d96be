import Foundation
import HTTPTypes
import MinkeCore

/// Who may use a server: the names it is called by, the web pages that may ask it, and the keys that let a client in.
struct Access: Sendable {
  private let hosts: Set<String>
  private let origins: Set<Origin>
  private let keys: [[UInt8]]

  init(_ settings: ServerSettings) {
    let own = [settings.host.lowercased(), "localhost", ProcessInfo.processInfo.hostName.lowercased()]
    origins = Set(settings.allowedOrigins.compactMap { Origin($0) })
    hosts = Set(own + origins.map(\.host))
    keys = settings.keys.map(Self.hash)
  }

  /// Whether a client needs a key.
  var needsKey: Bool { !keys.isEmpty }

  /// Throws unless the server is asked by a name that is its own, and by no web page of somebody else.
  ///
  /// A page reaches a server of the visitor's own machine when it makes its own name stand for that machine's address
  /// (DNS rebinding). It cannot do so with an address or with the names here.
  ///
  /// - Returns: the origin that may read the response, where a page of another origin asks.
  func check(_ head: HTTPRequest) throws(Failure) -> String? {
    guard let authority = head.authority.flatMap({ Authority($0) }) else {
      throw Failure(.badRequest, "Host: expected the name of this server, found none")
    }
    guard authority.isAddress || hosts.contains(authority.host) else {
      throw Failure(
        .forbidden, "Host: expected the name of this server, found \"\(authority.host)\"; --allow-origin adds a name",
        code: "unknown_host")
    }
    guard let text = head.headerFields[.origin] else { return nil }
    guard let origin = Origin(text) else {
      throw Failure(.forbidden, "Origin: expected a page that may use this server", code: "unknown_origin")
    }
    if origins.contains(origin) { return text }
    guard origin.host == authority.host, origin.port == authority.port ?? (origin.scheme == "https" ? 443 : 80) else {
      throw Failure(
        .forbidden, "Origin: expected a page that may use this server, found \(origin.host); --allow-origin adds one",
        code: "unknown_origin")
    }
    return nil
  }

  /// Throws unless the request has a key.
  func checkKey(_ head: HTTPRequest) throws(Failure) {
    guard needsKey else { return }
    var given = ""
    if let field = head.headerFields[.authorization], field.count > 7, field.prefix(7).lowercased() == "bearer " {
      given = field.dropFirst(7).trimmingCharacters(in: .whitespaces)
    }
    // Hashes are of one length, and every one is compared to its end: how long it takes says nothing of the keys.
    let hash = Self.hash(given)
    var isRight: UInt8 = 0
    for key in keys {
      var difference: UInt8 = 0
      for (one, other) in zip(key, hash) { difference |= one ^ other }
      isRight |= difference == 0 ? 1 : 0
    }
    guard isRight == 1 else {
      throw Failure(
        .unauthorized, "Authorization: expected \"Bearer \" and a key of this server, found another or none",
        code: "invalid_api_key", headers: [.wwwAuthenticate: "Bearer"])
    }
  }

  private static func hash(_ key: String) -> [UInt8] {
    Array(key.utf8).withUnsafeBytes { BLAKE2b.hash($0, length: 32) }
  }
}
