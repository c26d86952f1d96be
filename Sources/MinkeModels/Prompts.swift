import MinkeCore

/// The texts that a model was trained to see before the texts it encodes, such as `"query: "`.
///
/// They are read from `config_sentence_transformers.json` and chosen as sentence-transformers chooses them: a query has
/// the prompt `query`, a document the first there is of `document`, `passage` and `corpus`, and none where its name is
/// missing; a text without a role has the one that `default_prompt_name` names.
public struct Prompts: Sendable, Equatable {
  /// The prompts by name.
  public let texts: [String: String]
  /// The name of the prompt for texts without a role; nil for none.
  public let defaultName: String?

  /// No prompts, or those given.
  public init(_ texts: [String: String] = [:], defaultName: String? = nil) {
    self.texts = texts
    self.defaultName = defaultName
  }

  /// What comes before a text in `role`, perhaps nothing.
  public func text(for role: TextRole?) -> String {
    switch role {
    case .query: texts["query"] ?? ""
    case .document: ["document", "passage", "corpus"].lazy.compactMap { texts[$0] }.first ?? ""
    case nil: defaultName.flatMap { texts[$0] } ?? ""
    }
  }

  /// The file that they are read from.
  static let fileName = "config_sentence_transformers.json"

  /// What is written to that file.
  var json: JSONValue {
    [
      "prompts": .object(texts.mapValues { .string($0) }),
      "default_prompt_name": defaultName.map { .string($0) } ?? .null,
    ]
  }

  /// The prompts of `folder`.
  ///
  /// - Throws: `MinkeError` when the file asks for what is not done here or names a default prompt that is missing.
  package init(_ folder: ModelFolder) throws {
    guard let reader = try folder.configuration(Self.fileName) else {
      self.init()
      return
    }
    try reader.requireOnly([
      "__version__", "prompts", "default_prompt_name", "similarity_fn_name", "model_type",
    ])
    try reader.require("model_type", "SentenceTransformer")
    var texts: [String: String] = [:]
    for (name, value) in reader["prompts"]?.object ?? [:] where value != .null {
      guard let text = value.string else { throw reader.malformed("prompts", expected: "a text for each name") }
      texts[name] = text
    }
    let defaultName = try reader.text("default_prompt_name")
    if let defaultName, texts[defaultName] == nil, !["query", "document"].contains(defaultName) {
      let names = texts.keys.sorted().joined(separator: ", ")
      throw reader.malformed(
        "default_prompt_name", expected: names.isEmpty ? "null, without prompts" : "one of \(names)")
    }
    self.init(texts, defaultName: defaultName)
  }

  package var facts: [ModelFact] {
    var facts = texts.sorted { $0.key < $1.key }.filter { !$0.value.isEmpty }
      .map { ModelFact("prompt \($0.key)", "\"\($0.value)\"") }
    if !text(for: nil).isEmpty { facts.append(ModelFact("default prompt", defaultName ?? "")) }
    return facts
  }
}
