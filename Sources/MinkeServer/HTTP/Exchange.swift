import Foundation
import HTTPTypes
import MinkeCore
import NIOCore

/// A request that was let in, with its whole body.
struct Exchange: Sendable {
  let head: HTTPRequest
  let body: ByteBuffer
  let channel: any Channel
  /// What stood in the path where the endpoint has names in braces.
  let parameters: [String: String]
  /// What stands behind the question mark, undecoded.
  let query: String?

  /// Bodies of more bytes are read elsewhere than on the thread of the connection.
  private static let longBody = 1 << 16

  /// Reads the body where that keeps nobody waiting.
  ///
  /// - Throws: `Failure` when it is not JSON, and what `read` throws.
  func read<Result: Sendable>(
    _ read: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Result
  ) async throws -> Result {
    @Sendable func work() throws -> Result {
      do {
        return try body.withUnsafeReadableBytes { try read($0) }
      } catch let error as MinkeError where error.kind == .malformedFile {
        throw Failure(.badRequest, error.description, code: "invalid_json")
      }
    }
    return try await body.readableBytes > Self.longBody ? Workers.run { try work() } : work()
  }

  /// The body's members.
  func members() async throws -> Members {
    try await read { try Members(JSONValue(parsing: $0, subject: "body")) }
  }

  /// The value of `name` behind the question mark.
  func queryItem(_ name: String) throws(Failure) -> String? {
    guard let query else { return nil }
    for item in query.split(separator: "&") {
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts[0] == name else { continue }
      let value = parts.count > 1 ? parts[1].replacing("+", with: " ") : ""
      guard let text = value.removingPercentEncoding else {
        throw .wrong(name, expected: "percent-encoded UTF-8", found: "another encoding")
      }
      return text
    }
    return nil
  }

  /// A whole number behind the question mark.
  func queryNumber(_ name: String, in range: ClosedRange<Int>, default value: Int) throws(Failure) -> Int {
    guard let text = try queryItem(name) else { return value }
    guard let number = Int(text), range.contains(number) else {
      throw .wrong(
        name, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)", found: String(text.prefix(60))
      )
    }
    return number
  }
}
