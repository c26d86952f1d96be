import MinkeCore

/// What tells one model from another: a fingerprint of all that changes its vectors, and a name for people.
///
/// Two identities are equal where the fingerprints are, whatever the names.
public struct ModelIdentity: Codable, Sendable, CustomStringConvertible {
  /// The built-in name, or the last part of the folder's path.
  public let name: String

  /// 32 hexadecimal digits that change when anything changes that a vector depends on: a weight, the tokenizer, the
  /// pooling, the longest text, the precision, a prompt.
  ///
  /// It is worked out when it is first asked for and kept; that reads the whole model, at the speed of memory.
  public var fingerprint: String {
    switch source {
    case .known(let fingerprint): fingerprint
    case .recipe(let recipe): recipe.fingerprint
    }
  }

  private let source: Source

  private enum Source: Sendable {
    case known(String)
    case recipe(ModelRecipe)
  }

  /// An identity as it was written down.
  public init(name: String, fingerprint: String) {
    self.name = name
    source = .known(fingerprint)
  }

  /// The identity of the model made by `recipe`.
  package init(name: String, recipe: ModelRecipe) {
    self.name = name
    source = .recipe(recipe)
  }

  public var description: String { "\(name) (\(fingerprint))" }

  /// The identity of a model that is this one with a change, which the recipe of the new one names.
  package func derived(name: String, by change: String) -> ModelIdentity {
    let recipe = ModelRecipe { [self] in
      $0.add("base", fingerprint); $0.add("change", change)
    }
    return ModelIdentity(name: name, recipe: recipe)
  }

  // MARK: Codable

  private enum CodingKeys: CodingKey { case name, fingerprint }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      name: try values.decode(String.self, forKey: .name),
      fingerprint: try values.decode(String.self, forKey: .fingerprint))
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(name, forKey: .name)
    try values.encode(fingerprint, forKey: .fingerprint)
  }
}

extension ModelIdentity: Hashable {
  public static func == (left: ModelIdentity, right: ModelIdentity) -> Bool { left.fingerprint == right.fingerprint }
  public func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
}
