import ArgumentParser
import Foundation
import Logging
import Minke
import MinkeServer
import MinkeStore
import ServiceLifecycle
import Synchronization

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve models and collections over HTTP: OpenAI's API, searches, tools for agents, a web page.",
    discussion: """
      The address of the page goes to standard output once it can be opened; /openapi.json there describes all endpoints. \
      Only this machine can reach the server unless --host says otherwise, and then a key is needed. Ctrl-C and SIGTERM let \
      it finish what is under way; a second ctrl-C ends it at once.

        minke serve --in notes.minke
        curl http://127.0.0.1:4141/v1/embeddings -H 'Content-Type: application/json' -d '{"input": "a whale"}'
      """)

  @OptionGroup var served: ServedOptions

  @Option(
    help: ArgumentHelp("The folder or name of a language model, for chat and answers.", valueName: "model"),
    completion: ModelCompletion.kind)
  var chatModel: String?

  @Option(help: "The address to listen on.")
  var host = "127.0.0.1"

  @Option(help: "The port to listen on; 0 for one that is free.")
  var port = 4141

  @Option(
    help: ArgumentHelp("Let in only who has one of the keys in this file, a key a line.", valueName: "file"),
    completion: .file())
  var apiKeyFile: String?

  @Flag(help: "Let everyone in whom --host lets reach the server.")
  var withoutKey = false

  @Option(
    help: ArgumentHelp(
      "Let pages of this origin use the server, such as https://example.org. May be given several times.",
      valueName: "origin"))
  var allowOrigin: [String] = []

  @Option(help: ArgumentHelp("Speak HTTPS with this certificate, in PEM.", valueName: "file"), completion: .file())
  var tlsCertificate: String?

  @Option(help: ArgumentHelp("The key of the certificate, in PEM.", valueName: "file"), completion: .file())
  var tlsKey: String?

  func validate() throws {
    if (tlsCertificate == nil) != (tlsKey == nil) {
      throw ValidationError("--tls-certificate and --tls-key go together.")
    }
  }

  func run() async throws {
    var settings = ServerSettings(
      host: host, port: port, keys: try apiKeyFile.map { try ServerSettings.keys(of: $0) } ?? [],
      allowsNoKey: withoutKey, isReadOnly: served.readOnly, allowedOrigins: allowOrigin)
    if let tlsCertificate, let tlsKey { settings.tls = (tlsCertificate, tlsKey) }
    try await served.source.fetchMissing(served.model, chatModel)
    let (encoder, collections) = try served.open()
    defer { for collection in collections { try? collection.close() } }
    let language = try chatModel.map { try LanguageModelOption.load($0) }
    let server = try ModelServer(
      encoder: encoder, language: language, collections: collections, settings: settings,
      logger: Logger(label: "minke") { StreamLogHandler.standardError(label: $0) }
    ) { address in
      var output = FileWriter()
      try? output.write("\(address)\n")
      try? output.finish()
    }
    var quiet = Logger(label: "minke.lifecycle")
    quiet.logLevel = .critical
    let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: quiet))
    let running = Task { try await group.run() }
    let ending = Ending()
    Signals.onEnd {
      // The second time, nothing is waited for.
      guard ending.begin() else { return false }
      say("minke: finishing what is under way; ctrl-C again ends at once")
      Task {
        await group.triggerGracefulShutdown()
        try? await Task.sleep(for: Self.longestEnd)
        running.cancel()
      }
      return true
    }
    defer { Signals.onEnd(nil) }
    try await running.value
  }

  /// How long requests under way are waited for.
  private static let longestEnd = Duration.seconds(30)

  /// Whether the end has begun.
  private final class Ending: Sendable {
    private let hasBegun = Atomic(false)

    /// True for the first to begin it.
    func begin() -> Bool { !hasBegun.exchange(true, ordering: .relaxed) }
  }
}

/// What is served: a model and collections.
struct ServedOptions: ParsableArguments {
  @Option(
    name: [.customShort("m"), .customLong("model")],
    help: "The model for texts; by default that of the first collection, or the built-in one.",
    completion: ModelCompletion.kind)
  var model: String?

  @OptionGroup var source: PullOption

  @Option(
    name: .customLong("in"),
    help: ArgumentHelp("A collection to search. May be given several times.", valueName: "collection"),
    completion: .file())
  var collections: [String] = []

  @Flag(help: "Refuse all that would change anything.")
  var readOnly = false

  func open() throws -> (encoder: any TextEncoder, collections: [any PassageCollection]) {
    let collections = try CollectionPlace.open(collections)
    let encoder =
      if let model {
        try ModelLibrary.textEncoder(model)
      } else if let first = collections.first {
        first.encoder
      } else {
        try ModelLibrary.textEncoder()
      }
    return (encoder, collections)
  }
}
