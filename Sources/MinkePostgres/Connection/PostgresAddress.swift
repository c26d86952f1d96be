#if PostgreSQL
  import Foundation
  import MinkeCore

  /// Where a collection lies in PostgreSQL: `postgres://user@host:5432/database?collection=notes`.
  ///
  /// All but `collection` is as libpq has it: several hosts, `sslmode`, `connect_timeout` and so on may be given, and what is
  /// left out comes from the environment (`PGHOST`, `PGPASSWORD`, `PGSERVICE` and others) and from `~/.pgpass`.
  public struct PostgresAddress: Sendable, Equatable, CustomStringConvertible {
    /// The name of the collection, and of the schema that it lies in.
    public let collection: String
    /// The address without its passwords, as it may be shown.
    public let description: String
    /// What libpq is told.
    let connection: String
    /// Passwords in the address, as they are typed and as they are meant.
    private let secrets: [String]

    /// The name of a collection where the address has none.
    public static let defaultCollection = "minke"

    /// Whether a text is meant as an address.
    public static func isAddress(_ text: String) -> Bool {
      text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
    }

    /// Reads an address.
    ///
    /// - Throws: `MinkeError` of kind `invalidArgument` when it is none, or its `collection` is no name of a collection: a
    ///   small letter or `_`, then at most 62 small letters, digits and `_`, none of PostgreSQL's own names.
    public init(_ text: String) throws(MinkeError) {
      guard Self.isAddress(text), let start = text.range(of: "://")?.upperBound else {
        throw MinkeError(.invalidArgument, "address", expected: "postgres://user@host/database", found: "another")
      }
      let parts = text[start...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
      var secrets: [Substring] = []
      // As libpq does: a user ends at the first @, where that comes before the database.
      let authority = parts[0].prefix { $0 != "/" }
      var shown = String(parts[0])
      if let at = authority.firstIndex(of: "@") {
        let user = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if user.count == 2 { secrets.append(user[1]) }
        // Nothing before the last @ is shown: a password with one in it may have been meant.
        shown = String(user[0]) + parts[0][(authority.lastIndex(of: "@") ?? at)...]
      }
      var (kept, names): ([Substring], [Substring]) = ([], [])
      for item in parts.count == 2 ? parts[1].split(separator: "&") : [] {
        if item.hasPrefix("collection=") {
          names.append(item.dropFirst("collection=".count))
          continue
        }
        if item.hasPrefix("password=") || item.hasPrefix("sslpassword="), let equals = item.firstIndex(of: "=") {
          secrets.append(item[item.index(after: equals)...])
        }
        kept.append(item)
      }
      let place = "postgres://" + shown
      guard names.count < 2 else {
        throw MinkeError(.invalidArgument, place, expected: "one collection", found: "\(names.count)")
      }
      collection = names.first.map { String($0) } ?? Self.defaultCollection
      guard Self.isName(collection) else {
        throw MinkeError(
          .invalidArgument, "\(place): collection",
          expected: "a name of small letters, digits and _, at most 63, that is none of PostgreSQL's own",
          found: "\"\(collection)\"")
      }
      description = "\(place)?collection=\(collection)"
      connection = text[..<start] + parts[0] + (kept.isEmpty ? "" : "?" + kept.joined(separator: "&"))
      self.secrets = secrets.filter { !$0.isEmpty }.flatMap { [String($0), $0.removingPercentEncoding ?? String($0)] }
    }

    /// What libpq says of an address that it cannot read, unless it quotes a password.
    func withoutSecrets(_ message: String) -> String {
      secrets.contains { message.contains($0) } ? "one that libpq refuses" : message
    }

    static func isName(_ name: String) -> Bool {
      let bytes = Array(name.utf8)
      guard let first = bytes.first, bytes.count <= 63 else { return false }
      func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "_")
      }
      func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
      return isLetter(first) && bytes.allSatisfy { isLetter($0) || isDigit($0) } && !name.hasPrefix("pg_")
        && !["public", "information_schema"].contains(name)
    }
  }
#endif
