import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What all loaded models have in common, text encoders and language models alike.
public protocol LoadedModel: Sendable {
  /// Which model this is: what a stored collection remembers, so that vectors of two models never mix.
  var identity: ModelIdentity { get }

  /// What there is to know about the model, for people, in the order to show it.
  var facts: [ModelFact] { get }

  /// The precisions that the model can be saved in; empty for one that cannot be saved.
  var savablePrecisions: [Precision] { get }

  /// Saves the model as a new folder, with its weights in `precision`, that loads as any other.
  ///
  /// The folder appears whole or, when something fails, not at all. What the model's own files leave open is measured
  /// and stated in the new ones.
  ///
  /// - Returns: what was measured, a sentence each, for people.
  /// - Throws: `MinkeError` when there is something at `destination`, the precision is not one of
  ///   ``savablePrecisions``, or writing fails.
  @discardableResult
  func save(to destination: URL, precision: Precision) throws -> [String]
}

/// The files of a model, which may be written anew in another precision.
package protocol ModelFiles: Sendable {
  /// As ``LoadedModel/savablePrecisions``.
  var savablePrecisions: [Precision] { get }

  /// As ``LoadedModel/save(to:precision:)``.
  @discardableResult
  func save(to destination: URL, precision: Precision) throws -> [String]
}

/// One thing to know about a model: what it is called and what it is.
public struct ModelFact: Sendable, Equatable {
  /// What the fact is about.
  public let name: String
  /// What there is to say.
  public let value: String

  /// A fact.
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

extension LoadedModel {
  /// None, for models whose files Minke does not know.
  public var facts: [ModelFact] { [] }

  /// None, for models whose files Minke does not know.
  public var savablePrecisions: [Precision] { [] }

  /// Refuses, for models whose files Minke does not know.
  public func save(to destination: URL, precision: Precision) throws -> [String] { throw cannotSave(precision) }

  /// The error for a precision that is not among ``savablePrecisions``.
  func cannotSave(_ precision: Precision) -> MinkeError {
    let choices = savablePrecisions.map(\.rawValue).joined(separator: " or ")
    return MinkeError(
      .unsupportedFile, identity.name, expected: choices.isEmpty ? "a model that can be saved" : choices,
      found: choices.isEmpty ? "one that cannot" : precision.rawValue)
  }
}
