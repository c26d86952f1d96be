import Dispatch
import Foundation
import Logging
import Minke
import MinkeCore
import MinkeModels
import MinkeStore
import MinkeTestSupport
import ServiceLifecycle

@testable import MinkeServer

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A server on a free port, for as long as a test needs it.
struct TestServer: Sendable {
  static let encoder = Result { try ModelLibrary.textEncoder() }
  static let language = Result { try ModelLibrary.languageModel(Fixture.url("spikewhale-tiny").path) }

  let port: Int

  /// The vectors of texts, worked out on the calling thread.
  static func vectors(
    _ texts: [String], dimension: Int? = nil, by encoder: (any TextEncoder)? = nil
  ) throws -> Embeddings {
    try (encoder ?? Self.encoder.get()).encode(texts, dimension: dimension)
  }

  /// Calls `body` with a server that listens.
  static func with<Value: Sendable>(
    _ settings: ServerSettings = ServerSettings(), encoder: (any TextEncoder)? = nil, language: LanguageModel? = nil,
    collections: [MinkeStore.Collection] = [], _ body: @escaping @Sendable (TestServer) async throws -> Value
  ) async throws -> Value {
    var settings = settings
    settings.port = 0
    let (addresses, listening) = AsyncStream<URL>.makeStream()
    let server = try ModelServer(
      encoder: try encoder ?? Self.encoder.get(), language: language, collections: collections, settings: settings
    ) { listening.yield($0) }
    var quiet = Logger(label: "test")
    quiet.logLevel = .critical
    let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: quiet))
    let running = Task {
      defer { listening.finish() }
      try await group.run()
    }
    var iterator = addresses.makeAsyncIterator()
    guard let address = await iterator.next() else {
      try await running.value
      throw MinkeError(.inputOutput, "server", expected: "an address", found: "none")
    }
    // It ends as a command does, whatever the test finds.
    let result: Result<Value, any Error>
    do {
      result = .success(try await body(TestServer(port: address.port ?? 0)))
    } catch {
      result = .failure(error)
    }
    await group.triggerGracefulShutdown()
    try await running.value
    return try result.get()
  }

  /// Calls `body` with a collection of some documents.
  static func withCollection<Value: Sendable>(
    _ records: [TextRecord], name: String = "notes",
    _ body: @escaping @Sendable (MinkeStore.Collection) async throws -> Value
  ) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("minke-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("\(name).minke").path
    let collection = try await MinkeStore.Collection.open(path, encoder: encoder.get())
    defer { try? collection.close() }
    try await collection.add(records)
    return try await body(collection)
  }

  // MARK: Requests

  struct Reply: Sendable {
    let status: Int
    let headers: [String: String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSONValue { get throws { try body.withUnsafeBytes { try JSONValue(parsing: $0, subject: "reply") } } }

    /// The objects of a stream of events.
    var events: [JSONValue] {
      get throws {
        try text.split(separator: "\n").compactMap { line in
          guard line.hasPrefix("data: "), line != "data: [DONE]" else { return nil }
          return try Array(line.dropFirst(6).utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "event") }
        }
      }
    }
  }

  func get(_ path: String, _ headers: [String: String] = [:]) async throws -> Reply {
    try await send("GET", path, headers, nil)
  }

  func post(_ path: String, _ json: JSONValue, _ headers: [String: String] = [:]) async throws -> Reply {
    try await send("POST", path, headers, Array(json.text.utf8))
  }

  func send(
    _ method: String, _ path: String, _ headers: [String: String], _ body: [UInt8]?
  ) async throws -> Reply {
    var all = ["Host": "127.0.0.1:\(port)", "Connection": "close"]
    if let body {
      all["Content-Type"] = "application/json"
      all["Content-Length"] = "\(body.count)"
    }
    all.merge(headers) { $1 }
    let head = "\(method) \(path) HTTP/1.1\r\n" + all.map { "\($0): \($1)\r\n" }.joined() + "\r\n"
    return try await exchange(Array(head.utf8) + (body ?? []))
  }

  /// Sends bytes and reads until the server closes the connection.
  func exchange(_ bytes: [UInt8]) async throws -> Reply { try Self.parse(try await raw(bytes)) }

  /// Sends bytes, and gives all that comes until the server closes the connection.
  func raw(_ bytes: [UInt8], keepsOpenFor seconds: Double? = nil) async throws -> [UInt8] {
    let port = port
    // A thread that may wait, and none that the server needs.
    return try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            let socket = try ClientSocket(port: port)
            try socket.write(bytes)
            return try socket.readAll(seconds: seconds ?? 60)
          })
      }
    }
  }

  static func parse(_ bytes: [UInt8]) throws -> Reply {
    let split = Array("\r\n\r\n".utf8)
    guard let end = bytes.firstRange(of: split) else {
      throw MinkeError(.malformedFile, "reply", expected: "a head", found: String(decoding: bytes, as: UTF8.self))
    }
    let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
    }
    let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    var body = Array(bytes[end.upperBound...])
    if headers["transfer-encoding"] == "chunked" { body = try unchunked(body) }
    return Reply(status: status, headers: headers, body: body)
  }

  private static func unchunked(_ bytes: [UInt8]) throws -> [UInt8] {
    var (rest, body) = (bytes[...], [UInt8]())
    while let end = rest.firstRange(of: Array("\r\n".utf8)) {
      let size = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16) ?? 0
      if size == 0 { return body }
      body += rest[end.upperBound..<end.upperBound + size]
      rest = rest[(end.upperBound + size + 2)...]
    }
    throw MinkeError(.malformedFile, "reply", expected: "a last chunk", found: "the end")
  }
}

/// A connection to this machine.
final class ClientSocket {
  private let descriptor: Int32

  init(port: Int) throws {
    #if canImport(Darwin)
      descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #else
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else { throw MinkeError(.inputOutput, "connect", expected: "a server", found: "error \(errno)") }
  }

  deinit { close(descriptor) }

  /// Writes all, or what the server takes before it closes.
  func write(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return }
      sent += count
    }
  }

  /// Says that nothing more is to be sent.
  func closeWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// All that comes until the server closes the connection, or for so many seconds.
  func readAll(seconds: Double) throws -> [UInt8] {
    let end = ContinuousClock.now + .seconds(seconds)
    var pause = timeval(tv_sec: 0, tv_usec: 50_000)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &pause, socklen_t(MemoryLayout<timeval>.size))
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while ContinuousClock.now < end {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count < 0, errno == EAGAIN || errno == EINTR { continue }
      if count <= 0 { return all }
      all += buffer[..<count]
    }
    return all
  }
}
