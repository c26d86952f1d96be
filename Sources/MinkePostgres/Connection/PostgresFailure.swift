#if PostgreSQL
  import MinkeCore

  /// What the server, or libpq, says of what failed.
  struct PostgresFailure: Error {
    /// The SQLSTATE; nil where the server was not reached or went away.
    let code: String?
    let message: String

    /// Whether the same transaction may succeed when it is tried again: it met another one.
    var isPassing: Bool { ["40001", "40P01", "55P03"].contains(code) }

    /// The same for the person who can put it right.
    ///
    /// - Parameter place: the collection.
    func explained(_ place: String) -> MinkeError {
      let (kind, expected): (MinkeError.Kind, String) =
        switch code {
        case nil: (.inputOutput, "an answer of the server")
        case "3D000": (.notFound, "a database")
        case "28000", "28P01": (.inputOutput, "a user and a password that the server takes")
        case "42501": (.inputOutput, "the right to do this")
        case "42P01", "42703", "3F000", "42704": (.malformedFile, "the tables of a collection")
        case "53100", "53200", "53300": (.inputOutput, "a server with room")
        default: (.inputOutput, "a server that does this")
        }
      let found = message.split(whereSeparator: \.isNewline).map { $0.trimmingPrefix(while: \.isWhitespace) }
        .joined(separator: "; ")
      return MinkeError(
        kind, place, expected: expected, found: (found.isEmpty ? "none" : found) + (code.map { " (\($0))" } ?? ""))
    }
  }
#endif
