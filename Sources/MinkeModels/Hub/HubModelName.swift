import MinkeCore

/// The name of a model on a hub: `ORG/NAME`, or `ORG/NAME@REVISION` for a branch, a tag or a commit of it.
public struct HubModelName: Sendable, Hashable, CustomStringConvertible {
  /// `ORG/NAME`, or `NAME` alone for the few that have no organization.
  public let repository: String
  /// The branch, tag or commit; nil for the branch `main`.
  public let revision: String?

  /// The name that `text` spells.
  ///
  /// - Throws: `MinkeError` of kind `invalidArgument` where a hub has no such names. None that passes leads out of the
  ///   folder that it becomes a path in.
  public init(_ text: String) throws(MinkeError) {
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let repository = parts.first, Self.isRepository(repository), parts.count < 2 || Self.isRevision(parts[1])
    else {
      throw MinkeError(
        .invalidArgument, "model \"\(text)\"", expected: "ORG/NAME or ORG/NAME@REVISION, as a hub has them",
        found: "another form")
    }
    self.init(repository: repository, revision: parts.count < 2 ? nil : parts[1])
  }

  init(repository: String, revision: String?) {
    self.repository = repository
    self.revision = revision
  }

  /// `ORG/NAME@REVISION`, without the latter where none was named.
  public var description: String { revision.map { "\(repository)@\($0)" } ?? repository }

  /// The model `repository` at the commit `commit`.
  package static func at(_ repository: String, commit: String) -> HubModelName {
    HubModelName(repository: repository, revision: commit)
  }

  /// The revision where none is named.
  package static let defaultRevision = "main"

  static func isRepository(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, text.utf8.count <= 96, !text.contains("--"), !text.contains(".."), !text.hasSuffix(".git")
    else { return false }
    return parts.allSatisfy { part in
      guard let first = part.utf8.first, let last = part.utf8.last else { return false }
      return part.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
        && isWord(first) && isWord(last)
    }
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  /// Whether git allows a branch or tag of this name.
  static func isRevision(_ text: String) -> Bool {
    guard text.utf8.count <= 200, !text.contains(".."), !text.contains("@{") else { return false }
    let forbidden = Set("~^:?*[\\ ".unicodeScalars)
    guard !text.unicodeScalars.contains(where: { $0.isTerminalControl || forbidden.contains($0) }) else { return false }
    return text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && !$0.hasPrefix(".") && !$0.hasSuffix(".") && !$0.hasSuffix(".lock")
    }
  }

  /// Whether `text` is a whole commit: 40 hexadecimal digits, or 64.
  package static func isCommit(_ text: String) -> Bool {
    [40, 64].contains(text.utf8.count) && text.utf8.allSatisfy(isHexadecimal)
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }

  /// Whether a repository's file may be kept under `path` in a folder: no part of it leads out of there, is hidden from
  /// the eye, or too long for a file system.
  package static func isFile(_ path: String) -> Bool {
    guard path.utf8.count <= 1024, !path.unicodeScalars.contains(where: { $0.isTerminalControl || $0 == "\\" })
    else { return false }
    return path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
      !part.isEmpty && part != "." && part != ".." && part.utf8.count <= 255
    }
  }
}
