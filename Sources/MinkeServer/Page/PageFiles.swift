import Foundation
import HTTPTypes
import Hummingbird
import MinkeCore

/// The files of the web page and of the description of all endpoints, read once.
struct PageFiles: Sendable {
  private struct File: Sendable {
    let type: String
    let bytes: ByteBuffer
    let tag: String
  }

  private let files: [String: File]
  private let description: File

  /// What a browser may do on the page: nothing from elsewhere, and no code but the page's own files.
  private static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

  private static let types = [
    "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml", "png": "image/png", "ico": "image/x-icon", "json": "application/json",
    "txt": "text/plain; charset=utf-8",
  ]

  /// - Throws: `MinkeError` of kind `notFound` with the places looked at.
  init() throws {
    let places = PackageResources.places(of: "MinkeServer") + [PackageResources.sources("MinkeServer/Resources")]
    guard
      let folder = places.first(where: {
        FileManager.default.fileExists(atPath: $0.appendingPathComponent("page/index.html").path)
      })
    else {
      throw MinkeError(
        .notFound, "the server's page",
        expected: "its folder in one of \(places.map(\.path).joined(separator: ", "))", found: "none of them")
    }
    description = try Self.file(folder.appendingPathComponent("openapi.json"))
    var files: [String: File] = [:]
    let page = folder.appendingPathComponent("page")
    for name in try FileManager.default.contentsOfDirectory(atPath: page.path) {
      let url = page.appendingPathComponent(name)
      if Self.types[url.pathExtension] != nil { files[name] = try Self.file(url) }
    }
    self.files = files
  }

  private static func file(_ url: URL) throws -> File {
    let file = try MappedFile(url)
    let hash = BLAKE2b.hash(file.bytes, length: 8).map { String($0, radix: 16) }.joined()
    return File(
      type: types[url.pathExtension] ?? "application/octet-stream", bytes: ByteBuffer(bytes: file.bytes),
      tag: "\"\(hash)\"")
  }

  var routes: [Route] {
    [
      .get("/", isOpen: true) { try give("index.html", $0) },
      .get("/index.html", isOpen: true) { try give("index.html", $0) },
      .get("/favicon.ico", isOpen: true) { try give("icon.svg", $0) },
      .get("/page/{file}", isOpen: true) { try give($0.parameters["file"] ?? "", $0) },
      .get("/openapi.json", isOpen: true) { give(description, $0) },
    ]
  }

  private func give(_ name: String, _ exchange: Exchange) throws -> Response {
    guard let file = files[name] else { throw Failure.notFound("file: expected one of the page's, found another") }
    return give(file, exchange)
  }

  private func give(_ file: File, _ exchange: Exchange) -> Response {
    if exchange.head.headerFields[.ifNoneMatch] == file.tag {
      return Response(status: .notModified, headers: [.eTag: file.tag])
    }
    return Response(
      status: .ok,
      headers: [
        .contentType: file.type, .eTag: file.tag, .cacheControl: "no-cache", .contentSecurityPolicy: Self.policy,
        .referrerPolicy: "no-referrer",
      ], body: ResponseBody(byteBuffer: file.bytes))
  }
}

extension HTTPField.Name {
  static let referrerPolicy = named("Referrer-Policy")
}
