import Foundation
import MinkeCore

/// Where a server listens, whom it lets in, and how much it takes on.
public struct ServerSettings: Sendable {
  /// The address to listen on; only this machine reaches 127.0.0.1, ::1 and localhost.
  public var host: String
  /// The port to listen on; 0 for one that is free.
  public var port: Int
  /// The keys that let a client in; without any, everyone who reaches the server is let in.
  public var keys: [String]
  /// Whether a server that others reach may be without keys.
  public var allowsNoKey: Bool
  /// Whether nothing may be changed.
  public var isReadOnly: Bool
  /// The origins of other web pages that may use the server, such as `https://example.org`.
  public var allowedOrigins: [String]
  /// The certificate and its key, two files in PEM; nil for plain HTTP.
  public var tls: (certificate: String, key: String)?
  /// How much is taken on.
  public var limits: ServerLimits

  /// Settings that differ from the default where they are given.
  public init(
    host: String = "127.0.0.1", port: Int = 4141, keys: [String] = [], allowsNoKey: Bool = false,
    isReadOnly: Bool = false, allowedOrigins: [String] = [], tls: (certificate: String, key: String)? = nil,
    limits: ServerLimits = ServerLimits()
  ) {
    (self.host, self.port, self.keys, self.allowsNoKey) = (host, port, keys, allowsNoKey)
    (self.isReadOnly, self.allowedOrigins, self.tls, self.limits) = (isReadOnly, allowedOrigins, tls, limits)
  }

  /// Whether only this machine can reach the server.
  var isLoopback: Bool { ["127.0.0.1", "::1", "localhost"].contains(host) || host.hasPrefix("127.") }

  /// The keys in a file: one a line; empty lines and those that begin with # are passed over.
  ///
  /// - Throws: `MinkeError` when the file cannot be read, has no key, or one that is easily guessed.
  public static func keys(of path: String) throws -> [String] {
    let file = try MappedFile(URL(fileURLWithPath: path))
    guard let text = String(validating: file.bytes, as: UTF8.self) else {
      throw MinkeError(.malformedFile, path, expected: "UTF-8 text", found: "bytes that are not")
    }
    let keys = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty && !$0.hasPrefix("#") }
    if keys.isEmpty { throw MinkeError(.malformedFile, path, expected: "a key a line", found: "none") }
    return keys
  }

  /// - Throws: `MinkeError` when others could reach the server without a key, or something is out of its range.
  func check() throws(MinkeError) {
    guard (0...65_535).contains(port) else {
      throw MinkeError(.invalidArgument, "port", expected: "0 to 65535", found: "\(port)")
    }
    if let key = keys.first(where: { $0.utf8.count < 16 || !$0.utf8.allSatisfy { (0x21...0x7e).contains($0) } }) {
      throw MinkeError(
        .invalidArgument, "key", expected: "16 or more letters, digits and signs without spaces",
        found: "one of \(key.utf8.count)")
    }
    guard isLoopback || !keys.isEmpty || allowsNoKey else {
      throw MinkeError(
        .invalidArgument, "host \(host)",
        expected:
          "a key (--api-key-file), since other machines reach this address, or --without-key to let everyone in",
        found: "neither")
    }
    for origin in allowedOrigins where Origin(origin) == nil {
      throw MinkeError(
        .invalidArgument, "origin", expected: "a scheme and a host, such as https://example.org", found: origin)
    }
  }
}

/// How much a server takes on before it refuses.
public struct ServerLimits: Sendable {
  /// Bytes of a request's body.
  public var bodyBytes = 32 << 20
  /// Bytes of all header fields of a request together.
  public var headerBytes = 16 << 10
  /// Connections open at once; more wait to be accepted.
  public var connections = 4096
  /// Texts of a request.
  public var texts = 8192
  /// Texts that wait to be encoded, of all requests together.
  public var waitingTexts = 65_536
  /// Searches that wait.
  public var waitingSearches = 1024
  /// Answers of a language model made at once.
  public var generations = 4
  /// Answers of a language model that wait for their turn.
  public var waitingGenerations = 16
  /// Tokens of an answer, where the client asks for no number or a larger one; nil for as many as the context holds.
  public var generatedTokens: Int?
  /// Results of a search.
  public var results = 1000
  /// Documents that the index in memory takes.
  public var indexedDocuments = 1_000_000
  /// Seconds in which a request must have come whole, and a response gone.
  public var transferSeconds = 60
  /// Seconds that a connection without a request is kept open.
  public var idleSeconds = 75

  /// The limits that suit a machine of one's own.
  public init() {}
}
