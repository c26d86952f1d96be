import Minke
import MinkeCore

/// Answers the messages of the Model Context Protocol: the revisions of 2025-06-18 and 2025-11-25, which begin with a
/// handshake, and that of 2026-07-28, in which every request says what it needs.
struct AgentProtocol: Sendable {
  /// An error of JSON-RPC.
  struct Fault: Error {
    let code: Int
    let message: String
    var data: JSONValue?

    static let parse = Fault(code: -32700, message: "Parse error")
    static let invalidRequest = Fault(
      code: -32600, message: "Invalid request: expected one JSON-RPC 2.0 request or notification")

    static func unknownMethod(_ method: String) -> Fault { Fault(code: -32601, message: "Method not found: \(method)") }
    static func invalidParameters(_ message: String) -> Fault { Fault(code: -32602, message: message) }
    static func headerMismatch(_ message: String) -> Fault { Fault(code: -32020, message: message) }

    static func unsupportedVersion(_ version: String) -> Fault {
      Fault(
        code: -32022, message: "Unsupported protocol version",
        data: ["supported": [.string(statelessVersion)], "requested": .string(version)])
    }

    /// The status of HTTP in the stateless revision.
    var status: Int {
      switch code {
      case -32601: 404
      case -32603: 200
      default: 400
      }
    }
  }

  /// A request or, without an id, a notification.
  struct Message: Sendable {
    let id: JSONValue?
    let method: String
    let parameters: JSONValue

    /// - Throws: `Fault` when it is neither.
    init(_ value: JSONValue) throws(Fault) {
      guard value["jsonrpc"]?.string == "2.0", let method = value["method"]?.string else {
        throw .invalidRequest
      }
      self.method = method
      let parameters = value["params"] ?? .object([:])
      guard parameters.object != nil else { throw .invalidRequest }
      self.parameters = parameters
      switch value["id"] {
      case nil: id = nil
      case .string(let text)?: id = .string(text)
      case .integer(let number)?: id = .integer(number)
      default: throw .invalidRequest
      }
    }

    /// What a request of the stateless revision says of itself.
    var envelope: [String: JSONValue]? { parameters["_meta"]?.object }

    /// Whether it is of the stateless revision.
    var isStateless: Bool { method != "initialize" && envelope?[AgentProtocol.versionKey] != nil }
  }

  static let handshakeVersions = ["2025-06-18", "2025-11-25"]
  static let statelessVersion = "2026-07-28"
  static let versionKey = "io.modelcontextprotocol/protocolVersion"
  private static let capabilitiesKey = "io.modelcontextprotocol/clientCapabilities"
  private static let serverKey = "io.modelcontextprotocol/serverInfo"

  private let holdings: Holdings
  private let tools: [AgentTool]

  init(_ holdings: Holdings) {
    self.holdings = holdings
    tools = AgentTool.tools(of: holdings)
  }

  private var serverInfo: JSONValue {
    ["name": "minke", "title": "Minke", "version": .string(MinkeVersion.current)]
  }

  private static let capabilities: JSONValue = ["tools": ["listChanged": false]]

  private var instructions: JSONValue {
    .string(
      holdings.collections.isEmpty
        ? "Minke turns texts into vectors, compares them, and remembers texts as long as it runs."
        : "Minke finds passages in the user's own documents. Search first, then read around what was found, and say in which "
          + "file and on which lines it stands.")
  }

  /// The reply to a request: its result, or the fault.
  static func reply(_ id: JSONValue?, _ outcome: Result<JSONValue, Fault>) -> JSONValue {
    switch outcome {
    case .success(let result): return ["jsonrpc": "2.0", "id": id ?? .null, "result": result]
    case .failure(let fault):
      var error: [String: JSONValue] = ["code": .integer(fault.code), "message": .string(fault.message)]
      if let data = fault.data { error["data"] = data }
      return ["jsonrpc": "2.0", "id": id ?? .null, "error": .object(error)]
    }
  }

  /// The result of a request.
  ///
  /// - Throws: `Fault`; `CancellationError`.
  func answer(_ message: Message) async throws -> JSONValue {
    message.isStateless ? try await answerStateless(message) : try await answerAfterHandshake(message)
  }

  // MARK: With a handshake

  private func answerAfterHandshake(_ message: Message) async throws -> JSONValue {
    switch message.method {
    case "initialize":
      guard let wanted = message.parameters["protocolVersion"]?.string else {
        throw Fault.invalidParameters("initialize: expected protocolVersion")
      }
      let version = Self.handshakeVersions.contains(wanted) ? wanted : Self.handshakeVersions[1]
      return [
        "protocolVersion": .string(version), "capabilities": Self.capabilities, "serverInfo": serverInfo,
        "instructions": instructions,
      ]
    case "ping": return .object([:])
    case "tools/list": return ["tools": .array(tools.map(\.json))]
    case "tools/call": return .object(try await call(message))
    default: throw Fault.unknownMethod(message.method)
    }
  }

  // MARK: Without

  private func answerStateless(_ message: Message) async throws -> JSONValue {
    try check(message)
    var result: [String: JSONValue]
    switch message.method {
    case "server/discover":
      let versions = [Self.statelessVersion] + Self.handshakeVersions.reversed()
      result = [
        "supportedVersions": .array(versions.map { .string($0) }), "capabilities": Self.capabilities,
        "instructions": instructions, "ttlMs": 0, "cacheScope": "private",
      ]
    case "tools/list": result = ["tools": .array(tools.map(\.json)), "ttlMs": 0, "cacheScope": "private"]
    case "tools/call": result = try await call(message)
    default: throw Fault.unknownMethod(message.method)
    }
    result["resultType"] = "complete"
    result["_meta"] = [Self.serverKey: serverInfo]
    return .object(result)
  }

  /// Throws unless the request says its version, one that is known, and what its client can do.
  func check(_ message: Message) throws(Fault) {
    guard let envelope = message.envelope else {
      throw .invalidParameters("params._meta: expected \(Self.versionKey) and \(Self.capabilitiesKey), found none")
    }
    guard let version = envelope[Self.versionKey]?.string, envelope[Self.capabilitiesKey]?.object != nil else {
      throw .invalidParameters("params._meta: expected a text \(Self.versionKey) and an object \(Self.capabilitiesKey)")
    }
    guard version == Self.statelessVersion else { throw .unsupportedVersion(version) }
  }

  // MARK: Tools

  private func call(_ message: Message) async throws -> [String: JSONValue] {
    guard let name = message.parameters["name"]?.string, let tool = tools.first(where: { $0.name == name }) else {
      let names = tools.map(\.name).joined(separator: ", ")
      throw Fault.invalidParameters("tools/call: expected a name among \(names)")
    }
    do {
      let arguments = try Members(message.parameters["arguments"] ?? .object([:]), at: "")
      let result = try await tool.call(holdings, arguments)
      return [
        "content": [["type": "text", "text": .string(result.text)]], "structuredContent": result.value,
        "isError": false,
      ]
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      // An agent sees what is wrong with its call and can make a better one.
      return ["content": [["type": "text", "text": .string(Failure(error).message)]], "isError": true]
    }
  }
}
