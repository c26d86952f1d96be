#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What went wrong, said for the person who can put it right: what was looked at, what was expected and what was found.
public struct MinkeError: LocalizedError, Equatable, Sendable, CustomStringConvertible {
  /// The sort of failure, for programs that react to it.
  public enum Kind: String, Sendable {
    /// A file, folder or built-in name that does not exist.
    case notFound
    /// The operating system refused to read or write.
    case inputOutput
    /// The reader of standard output went away.
    case closedPipe
    /// A file whose bytes break its format.
    case malformedFile
    /// A file that is well formed but is not one Minke can use here.
    case unsupportedFile
    /// A tensor, vector or matrix of another shape or element type than needed.
    case shapeMismatch
    /// An argument outside its range.
    case invalidArgument
    /// NaN or infinity where a finite number is needed.
    case notFinite
    /// Something that a server gives only to those with a token, or with another one.
    case accessDenied
    /// A server that cannot be reached, or does not answer as it should.
    case network
  }

  /// The sort of failure.
  public let kind: Kind
  /// The file, tensor, argument or place looked at, such as `model.safetensors: tensor "dyt.alpha"`.
  public let subject: String
  /// What should have been there.
  public let expected: String
  /// What was there.
  public let found: String

  /// An error of `kind` at `subject`.
  public init(_ kind: Kind, _ subject: String, expected: String, found: String) {
    self.kind = kind
    self.subject = subject
    self.expected = expected
    self.found = found
  }

  /// The whole sentence: subject, what was expected, what was found.
  public var description: String { "\(subject): expected \(expected), found \(found)" }

  /// The same as ``description``: what `localizedDescription` of the error says.
  public var errorDescription: String? { description }

  /// The same error with `place` in front of its subject, for a caller that knows more of where the trouble lies.
  public func inside(_ place: String) -> MinkeError {
    MinkeError(kind, "\(place): \(subject)", expected: expected, found: found)
  }
}
