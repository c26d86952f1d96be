import Foundation
import MinkeCore
import MinkeModels
import MinkeTestSupport
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

@testable import MinkeHub

/// A server that answers as a hub does: the hub itself on one port, and on another, as on another host, the place where
/// it keeps large files.
final class TestHub: Sendable {
  struct Request: Sendable {
    let method: HTTPMethod
    let uri: String
    let headers: HTTPHeaders
    /// Whether it came to where large files are.
    let isForStorage: Bool
  }

  struct Reply: Sendable {
    var status = 200
    var headers = HTTPHeaders()
    var body: [UInt8] = []
    /// After so many bytes of the body the connection is cut.
    var cut: Int?
    /// Milliseconds before the first byte.
    var delay = 0
  }

  /// Changes the reply to a request; `count` is how many requests like it (method and address) came before.
  typealias Change = @Sendable (_ request: Request, _ count: Int, _ reply: inout Reply) -> Void

  private struct State {
    /// The files of each commit of each repository, by path.
    var models: [String: [String: [String: [UInt8]]]] = [:]
    /// The commits of branches, tags and commits.
    var revisions: [String: String] = [:]
    var requests: [Request] = []
    /// The hub, and where large files are.
    var channels: [any Channel] = []
    var change: Change = { _, _, _ in }
  }

  private let state = Mutex(State())
  static let commit = String(repeating: "1a", count: 20)
  static let otherCommit = String(repeating: "2b", count: 20)

  private func start() async throws {
    for isStorage in [false, true] {
      let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.configureHTTPServerPipeline()
            try channel.pipeline.syncOperations.addHandler(Handler(self, isStorage: isStorage))
          }
        }
      let channel = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
      state.withLock { $0.channels.append(channel) }
    }
  }

  /// Calls `body` with a hub and an empty cache.
  static func with<Result: Sendable>(
    _ body: @Sendable (TestHub, URL) async throws -> Result
  ) async throws -> Result {
    let hub = TestHub()
    try await hub.start()
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("minke-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body(hub, folder)) } catch { result = .failure(error) }
    try? FileManager.default.removeItem(at: folder)
    for channel in hub.state.withLock({ $0.channels }) { try? await channel.close().get() }
    return try result.get()
  }

  var address: String { address(ofPlace: 0) }
  private var storage: String { address(ofPlace: 1) }

  private func address(ofPlace place: Int) -> String {
    "http://127.0.0.1:\(state.withLock { $0.channels[place].localAddress?.port ?? 0 })"
  }

  /// A client of this hub with its cache in `folder`.
  func client(_ folder: URL, _ environment: [String: String] = [:]) throws -> Hub {
    let basis = ["HF_ENDPOINT": address, "HF_HOME": folder.path, "HOME": folder.path]
    var settings = try HubSettings(environment: basis.merging(environment) { $1 })
    settings.firstDelay = .milliseconds(1)
    return Hub(settings)
  }

  // MARK: What there is

  func publish(
    _ files: [String: [UInt8]], of repository: String = "org/tiny", commit: String = commit, as revisions: String...
  ) {
    state.withLock { state in
      state.models[repository, default: [:]][commit] = files
      for revision in revisions + [commit] { state.revisions["\(repository)@\(revision)"] = commit }
    }
  }

  /// The files of a fixture, with some that no one needs.
  static func files(_ fixture: String) throws -> [String: [UInt8]] {
    let folder = Fixture.url(fixture)
    var files: [String: [UInt8]] = ["README.md": Array("# A model".utf8), "onnx/model.onnx": [1, 2, 3]]
    for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path) where path != "expected.json" {
      if let bytes = try? Data(contentsOf: folder.appendingPathComponent(path)) { files[path] = Array(bytes) }
    }
    return files
  }

  func change(_ change: @escaping Change) { state.withLock { $0.change = change } }

  /// The requests so far.
  var requests: [Request] { state.withLock { $0.requests } }

  /// How often the bytes of files were asked for.
  var fetches: [Request] { requests.filter { $0.method == .GET && !$0.uri.hasPrefix("/api/models/") } }

  static func isLarge(_ path: String) -> Bool { [".safetensors", ".bin", ".pt"].contains(where: path.hasSuffix) }

  static func hash(_ path: String, _ bytes: [UInt8]) -> String {
    var hasher =
      isLarge(path) ? BlobHash.content("").hasher(size: bytes.count) : BlobHash.git("").hasher(size: bytes.count)
    bytes.withUnsafeBytes { hasher.update($0) }
    return hasher.digits
  }

  // MARK: Answers

  private func reply(to request: Request) -> Reply {
    let (change, count) = state.withLock { state in
      let count = state.requests.count { $0.uri == request.uri && $0.method == request.method }
      state.requests.append(request)
      return (state.change, count)
    }
    var reply = request.isForStorage ? stored(request) : answer(request)
    change(request, count, &reply)
    return reply
  }

  private func answer(_ request: Request) -> Reply {
    let parts = request.uri.split(separator: "/").map { $0.removingPercentEncoding ?? "" }
    if parts.count == 6, parts[0] == "api", parts[1] == "models", parts[4] == "revision" {
      return listing("\(parts[2])/\(parts[3])", parts[5])
    }
    let isSecond = parts.first == "api"
    let rest = isSecond ? Array(parts.dropFirst(3)) : parts
    guard rest.count >= 4 else { return Reply(status: 404) }
    let (repository, commit) = ("\(rest[0])/\(rest[1])", isSecond ? rest[2] : rest[3])
    let path = rest.dropFirst(isSecond ? 3 : 4).joined(separator: "/")
    var reply = Reply()
    guard let bytes = state.withLock({ $0.models[repository]?[commit]?[path] }) else {
      reply.status = 404
      reply.headers = ["X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit]
      return reply
    }
    let hash = Self.hash(path, bytes)
    reply.headers = ["X-Repo-Commit": commit]
    if Self.isLarge(path) {
      reply.status = 302
      reply.headers.add(name: "X-Linked-Etag", value: "\"\(hash)\"")
      reply.headers.add(name: "X-Linked-Size", value: "\(bytes.count)")
      reply.headers.add(name: "ETag", value: "\"of the pointer\"")
      reply.headers.add(name: "Location", value: "\(storage)/blobs/\(hash)?Signature=a%2Bb~&Expires=1")
    } else if !isSecond {
      reply.status = 307
      reply.headers.add(name: "Location", value: "/api/resolve-cache/models/\(repository)/\(commit)/\(path)")
    } else {
      reply.headers.add(name: "ETag", value: "W/\"\(hash)\"")
      Self.give(bytes, request, &reply)
    }
    return reply
  }

  private func listing(_ repository: String, _ revision: String) -> Reply {
    let found = state.withLock { state in
      (state.models[repository] != nil, state.revisions["\(repository)@\(revision)"], state.models[repository])
    }
    guard found.0 else { return Reply(status: 404, headers: ["X-Error-Code": "RepoNotFound"]) }
    guard let commit = found.1, let files = found.2?[commit] else {
      return Reply(status: 404, headers: ["X-Error-Code": "RevisionNotFound"])
    }
    let siblings = files.keys.sorted().map { JSONValue.object(["rfilename": .string($0)]) }
    let json: JSONValue = ["id": .string(repository), "sha": .string(commit), "siblings": .array(siblings)]
    return Reply(headers: ["Content-Type": "application/json"], body: Array(json.text.utf8))
  }

  /// What the place of large files answers, which refuses who shows a token.
  private func stored(_ request: Request) -> Reply {
    if request.headers.contains(name: "authorization") { return Reply(status: 400) }
    guard request.uri.hasSuffix("?Signature=a%2Bb~&Expires=1") else { return Reply(status: 403) }
    let hash = request.uri.split(separator: "?")[0].split(separator: "/").last.map(String.init) ?? ""
    let files = state.withLock { $0.models.values.flatMap { $0.values.flatMap { $0 } } }
    guard let bytes = files.first(where: { Self.hash($0.key, $0.value) == hash })?.value else {
      return Reply(status: 404)
    }
    var reply = Reply(headers: ["ETag": "\"of the storage\""])
    Self.give(bytes, request, &reply)
    return reply
  }

  /// Answers with `bytes`, or the part of them that is asked for.
  private static func give(_ bytes: [UInt8], _ request: Request, _ reply: inout Reply) {
    reply.body = bytes
    guard let range = request.headers.first(name: "range") else { return }
    guard let start = Int(range.dropFirst("bytes=".count).dropLast()), start < bytes.count else {
      reply.status = 416
      reply.headers.add(name: "Content-Range", value: "bytes */\(bytes.count)")
      reply.body = []
      return
    }
    reply.status = 206
    reply.headers.add(name: "Content-Range", value: "bytes \(start)-\(bytes.count - 1)/\(bytes.count)")
    reply.body = Array(bytes[start...])
  }

  /// Speaks HTTP with one client.
  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let hub: TestHub
    private let isStorage: Bool
    private var request: Request?

    init(_ hub: TestHub, isStorage: Bool) { (self.hub, self.isStorage) = (hub, isStorage) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head):
        request = Request(method: head.method, uri: head.uri, headers: head.headers, isForStorage: isStorage)
      case .body: break
      case .end:
        guard let request else { return }
        let reply = hub.reply(to: request)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(Int64(reply.delay))) {
          bound.value.0.write(reply, to: request, bound.value.1)
        }
      }
    }

    private func write(_ reply: Reply, to request: Request, _ context: ChannelHandlerContext) {
      var headers = reply.headers
      if !headers.contains(name: "content-length") {
        headers.add(name: "content-length", value: "\(reply.body.count)")
      }
      let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: reply.status), headers: headers)
      context.write(wrapOutboundOut(.head(head)), promise: nil)
      let body = request.method == .HEAD ? [] : reply.body.prefix(reply.cut ?? Int.max)
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
      if reply.cut == nil {
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      } else {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.flush()
        // What was written shall arrive first.
        context.eventLoop.scheduleTask(in: .milliseconds(20)) { bound.value.close(promise: nil) }
      }
    }
  }
}
