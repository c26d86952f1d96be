import ArgumentParser
import Foundation
import Minke
import MinkeServer
import MinkeStore

struct AgentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mcp",
    abstract: "Give an agent tools to search collections, over standard input and output.",
    discussion: """
      Speaks the Model Context Protocol. The agent's program starts the command itself; --print-config prints what to paste \
      into its settings.

        minke mcp --in notes.minke --print-config
      """)

  @OptionGroup var served: ServedOptions

  @Flag(help: "Print what to paste into the settings of the usual programs, and end.")
  var printConfig = false

  func run() async throws {
    if printConfig { return try printConfiguration() }
    try await served.source.fetchMissing(served.model)
    let (encoder, collections) = try served.open()
    defer { for collection in collections { try? collection.close() } }
    try await ModelServer.serveAgent(encoder: encoder, collections: collections, isReadOnly: served.readOnly)
  }

  private func printConfiguration() throws {
    func absolute(_ path: String) -> String { "\(FilePath(path).absolute)" }
    var arguments = ["mcp"]
    for path in served.collections {
      // A mistake is better found here than by the agent's program.
      _ = try CollectionPlace.settings(of: path)
      arguments += ["--in", CollectionPlace.isAddress(path) ? path : absolute(path)]
    }
    if let model = served.model {
      arguments += ["--model", try ModelSource(model).absoluteName]
    }
    if served.readOnly { arguments.append("--read-only") }
    let server: [String: JSONValue] = [
      "command": .string(Self.program), "args": .array(arguments.map { .string($0) }),
    ]
    var typed = server
    typed["type"] = "stdio"
    var output = FileWriter()
    try output.write(
      """
      Most programs, in their file mcp.json or among their settings:

        \(JSONValue.object(["mcpServers": ["minke": .object(server)]]).text)

      Visual Studio Code, in .vscode/mcp.json:

        \(JSONValue.object(["servers": ["minke": .object(typed)]]).text)

      Programs that speak HTTP, with minke serve running:

        {"mcpServers":{"minke":{"type":"http","url":"http://127.0.0.1:4141/mcp"}}}

      """)
    try output.finish()
  }

  /// The path of this program.
  private static var program: String {
    Bundle.main.executablePath ?? CommandLine.arguments[0]
  }
}
