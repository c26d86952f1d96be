import Foundation
import HTTPTypes
import Hummingbird

/// An endpoint: what is asked of it, and what answers.
struct Route: Sendable {
  typealias Handler = @Sendable (Exchange) async throws -> Response

  let method: HTTPRequest.Method
  /// The path, with names in braces for what may stand there.
  let path: String
  /// Whether a client needs no key.
  var isOpen = false
  let handler: Handler

  static func get(_ path: String, isOpen: Bool = false, _ handler: @escaping Handler) -> Route {
    Route(method: .get, path: path, isOpen: isOpen, handler: handler)
  }

  static func post(_ path: String, _ handler: @escaping Handler) -> Route {
    Route(method: .post, path: path, handler: handler)
  }
}

/// All endpoints of a server, found by method and path.
struct Routes: Sendable {
  let all: [Route]
  private let exact: [String: [Route]]
  private let patterns: [(parts: [Substring], routes: [Route])]

  init(_ routes: [Route]) {
    all = routes
    let paths = Dictionary(grouping: routes, by: \.path)
    exact = paths.filter { !$0.key.contains("{") }
    patterns = paths.filter { $0.key.contains("{") }.sorted { $0.key < $1.key }
      .map { ($0.key.split(separator: "/"), $0.value) }
  }

  /// The endpoint for a request, with what stands in its path.
  ///
  /// - Throws: `Failure` when there is none, or not with this method.
  func find(_ method: HTTPRequest.Method, _ path: String) throws(Failure) -> (Route, [String: String]) {
    if let routes = exact[path] { return (try choose(routes, method), [:]) }
    let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    patterns: for pattern in patterns where pattern.parts.count == parts.count {
      var parameters: [String: String] = [:]
      for (wanted, part) in zip(pattern.parts, parts) {
        if wanted.first == "{" {
          guard let text = part.removingPercentEncoding, !text.isEmpty else { continue patterns }
          parameters[String(wanted.dropFirst().dropLast())] = text
        } else if wanted != part {
          continue patterns
        }
      }
      return (try choose(pattern.routes, method), parameters)
    }
    throw .notFound("path: expected an endpoint of /openapi.json, found another", code: "unknown_url")
  }

  private func choose(_ routes: [Route], _ method: HTTPRequest.Method) throws(Failure) -> Route {
    let wanted = method == .head ? .get : method
    if let route = routes.first(where: { $0.method == wanted }) { return route }
    let allowed = routes.map(\.method.rawValue).sorted().joined(separator: ", ")
    throw Failure(
      .methodNotAllowed, "method: expected \(allowed), found \(method.rawValue)", code: "method_not_allowed",
      headers: [.allow: allowed])
  }
}
