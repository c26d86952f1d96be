import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import Minke
import MinkeCore
import MinkeModels
import MinkeStore
import NIOCore
import NIOSSL
import ServiceLifecycle
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Models and collections over HTTP: the API of OpenAI, searches, the Model Context Protocol, and a web page.
///
/// It is a service of swift-service-lifecycle: when its group shuts down gracefully, no more connections are accepted, and
/// it ends when the requests under way are answered.
public final class ModelServer: Service {
  private let settings: ServerSettings
  private let logger: Logger
  private let holdings: Holdings
  private let page: PageFiles
  private let isStopping = Atomic(false)
  private let onListening: @Sendable (URL) -> Void

  /// A server that does not listen yet.
  ///
  /// - Parameters:
  ///   - encoder: the model that turns texts into vectors.
  ///   - language: the model that answers; nil for none.
  ///   - collections: what can be searched; all endpoints know them by the names of their files.
  ///   - settings: where it listens, and whom it lets in.
  ///   - logger: what hears of the server's own errors.
  ///   - onListening: hears the address once connections are accepted.
  /// - Throws: `MinkeError` when others could reach the server without a key, a setting is out of its range, or the
  ///   page's files are not there.
  public init(
    encoder: any TextEncoder, language: LanguageModel? = nil, collections: [any PassageCollection] = [],
    settings: ServerSettings = ServerSettings(), logger: Logger = Logger(label: "minke"),
    onListening: @escaping @Sendable (URL) -> Void = { _ in }
  ) throws {
    try settings.check()
    self.settings = settings
    self.logger = logger
    self.onListening = onListening
    page = try PageFiles()
    holdings = try Holdings(
      encoder: encoder, language: language, collections: collections, isReadOnly: settings.isReadOnly,
      limits: settings.limits, metrics: ServerMetrics())
  }

  /// All endpoints.
  static func routes(
    _ holdings: Holdings, _ page: PageFiles, _ clients: Clients, isStopping: @escaping @Sendable () -> Bool
  )
    -> [Route]
  {
    page.routes + EmbeddingEndpoints(holdings: holdings).routes
      + ChatEndpoints(holdings: holdings, clients: clients).routes + CollectionEndpoints(holdings: holdings).routes
      + IndexEndpoints(holdings: holdings).routes + AgentEndpoint(holdings, clients).routes
      + StateEndpoints(holdings: holdings, isStopping: isStopping).routes
  }

  /// Listens and answers until the task is cancelled or its group shuts down.
  ///
  /// - Throws: an error when the address cannot be listened on or the certificate cannot be read.
  public func run() async throws {
    Self.raiseOpenFiles()
    let limits = settings.limits
    let clients = Clients()
    let routes = Self.routes(holdings, page, clients) { [self] in isStopping.load(ordering: .relaxed) }
    let door = Door(
      routes: Routes(routes), access: Access(settings), metrics: holdings.metrics, limits: limits, logger: logger)
    let channel = HTTP1Channel.Configuration(
      additionalChannelHandlers: [ConnectionGuard(transferSeconds: limits.transferSeconds, clients: clients)],
      idleTimeout: .seconds(Int64(limits.idleSeconds)),
      httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
        maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes, maxHeaderFieldCount: 100))
    var server = HTTPServerBuilder { responder in
      LoopChannel(base: HTTP1Channel(responder: responder, configuration: channel))
    }
    if let tls = settings.tls {
      let chain = try NIOSSLCertificate.fromPEMFile(tls.certificate).map { NIOSSLCertificateSource.certificate($0) }
      let key = try NIOSSLPrivateKey(file: tls.key, format: .pem)
      server = try .tls(
        server, tlsConfiguration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
    }
    let (settings, onListening) = (settings, onListening)
    // What it says of its own coming and going is of no interest to others, and each request would be given a logger.
    let quiet = Logger(label: logger.label) { _ in SwiftLogNoOpLogHandler() }
    let application = Application(
      responder: door, server: server,
      configuration: ApplicationConfiguration(
        address: .hostname(settings.host, port: settings.port), backlog: 1024,
        availableConnectionsDelegate: MaximumAvailableConnections(limits.connections)),
      onServerRunning: { channel in
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        let port = channel.localAddress?.port ?? settings.port
        if let url = URL(string: "\(settings.tls == nil ? "http" : "https")://\(host):\(port)/") { onListening(url) }
      },
      logger: quiet)
    do {
      try await withGracefulShutdownHandler {
        try await application.run()
      } onGracefulShutdown: { [self] in
        isStopping.store(true, ordering: .relaxed)
      }
    } catch let error as IOError {
      throw MinkeError(
        .inputOutput, "\(settings.host), port \(settings.port)", expected: "an address to listen on",
        found: String(cString: strerror(error.errnoCode)))
    }
  }

  /// Answers an agent over standard input and output, until the input ends (Model Context Protocol).
  ///
  /// - Parameters:
  ///   - encoder: the model that turns texts into vectors.
  ///   - collections: what can be searched.
  ///   - isReadOnly: whether nothing may be changed.
  /// - Throws: `MinkeError` when the encoder cannot make an index.
  public static func serveAgent(
    encoder: any TextEncoder, collections: [any PassageCollection], isReadOnly: Bool = false
  ) async throws {
    let holdings = try Holdings(
      encoder: encoder, language: nil, collections: collections, isReadOnly: isReadOnly, limits: ServerLimits(),
      metrics: ServerMetrics())
    await AgentPipe(holdings).run()
  }

  /// Lets the process open as many files, connections among them, as the system allows it.
  private static func raiseOpenFiles() {
    var limit = rlimit()
    #if canImport(Glibc)
      let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let kind = RLIMIT_NOFILE
    #endif
    guard getrlimit(kind, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
    limit.rlim_cur = min(limit.rlim_max, 65_536)
    _ = setrlimit(kind, &limit)
  }
}
