import Foundation
import HTTPTypes
import Hummingbird
import MinkeCore

/// The Model Context Protocol over HTTP ("Streamable HTTP"): a request a POST, its reply as JSON, and no sessions.
struct AgentEndpoint: Sendable {
  let holdings: Holdings
  let clients: Clients
  private let agent: AgentProtocol

  init(_ holdings: Holdings, _ clients: Clients) {
    (self.holdings, self.clients) = (holdings, clients)
    agent = AgentProtocol(holdings)
  }

  var routes: [Route] { [.post("/mcp", post)] }

  private static let version = HTTPField.Name.named("MCP-Protocol-Version")
  private static let method = HTTPField.Name.named("Mcp-Method")
  private static let name = HTTPField.Name.named("Mcp-Name")

  private func post(_ exchange: Exchange) async throws -> Response {
    let stated = exchange.head.headerFields[Self.version]
    // A version that has no handshake, known or not, is answered as the stateless revision wants it.
    let isStateless = stated.map { !["2024-11-05", "2025-03-26"].contains($0) && !Self.isHandshake($0) } ?? false
    var id: JSONValue?
    do {
      let value: JSONValue
      do {
        value = try await exchange.read { try JSONValue(parsing: $0, subject: "body") }
      } catch is Failure {
        throw AgentProtocol.Fault.parse
      }
      if case .object(let members) = value { id = members["id"].flatMap { Self.isID($0) ? $0 : nil } }
      // A reply of the client to what was never asked.
      if !isStateless, value["method"] == nil, value["result"] != nil || value["error"] != nil {
        return Response(status: .accepted)
      }
      let message = try AgentProtocol.Message(value)
      if message.id == nil {
        if isStateless, let stated, stated != AgentProtocol.statelessVersion {
          throw AgentProtocol.Fault.unsupportedVersion(stated)
        }
        return Response(status: .accepted)
      }
      if isStateless || message.isStateless { try check(message, exchange.head) }
      let agent = agent
      let result = try await clients.whileHere(exchange.channel) { try await agent.answer(message) }
      return Response(json: AgentProtocol.reply(id, .success(result)))
    } catch let fault as AgentProtocol.Fault {
      let isBroken = [-32700, -32600].contains(fault.code)
      return Response(
        json: AgentProtocol.reply(id, .failure(fault)),
        status: isStateless || isBroken ? .init(code: fault.status) : .ok)
    }
  }

  private static func isHandshake(_ version: String) -> Bool { AgentProtocol.handshakeVersions.contains(version) }

  private static func isID(_ value: JSONValue) -> Bool { value.string != nil || value.integer != nil }

  /// Throws unless the fields of the head, by which others route requests, say what the body says.
  private func check(_ message: AgentProtocol.Message, _ head: HTTPRequest) throws(AgentProtocol.Fault) {
    let fields = head.headerFields
    for name in [Self.version, Self.method, Self.name] where fields[fields: name].count > 1 {
      throw .headerMismatch("\(name.rawName): expected once, found several times")
    }
    guard message.envelope?[AgentProtocol.versionKey] != nil else { return try agent.check(message) }
    guard fields[Self.version] == message.envelope?[AgentProtocol.versionKey]?.string else {
      throw .headerMismatch("MCP-Protocol-Version: expected the version of the body's _meta, found another")
    }
    guard fields[Self.method] == message.method else {
      throw .headerMismatch("Mcp-Method: expected the body's method, found another")
    }
    // The stateless revision knows no handshake.
    if message.method == "initialize" { throw .unknownMethod(message.method) }
    if message.method == "tools/call", let name = message.parameters["name"]?.string {
      guard fields[Self.name].flatMap(Self.decoded) == name else {
        throw .headerMismatch("Mcp-Name: expected the body's name, found another")
      }
    }
  }

  /// A value that may stand in base64 between `=?base64?` and `?=`.
  private static func decoded(_ value: String) -> String? {
    guard value.hasPrefix("=?base64?"), value.hasSuffix("?="), value.utf8.count >= 11 else { return value }
    return Data(base64Encoded: String(value.dropFirst(9).dropLast(2))).flatMap { String(validating: $0, as: UTF8.self) }
  }
}
