import ArgumentParser
import Minke

/// The members of a recipe that say which texts are learnt from.
struct DataOptions: ParsableArguments {
  @Option(
    parsing: .upToNextOption,
    help: """
      What to learn from: .jsonl, .tsv of scored pairs, or .txt for language models, also .gz and .xz; folders, documents \
      and collections are made into pairs.
      """,
    completion: .file())
  var data: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("The members that hold the texts: the anchor, the positive, negatives.", valueName: "name"))
  var columns: [String] = []

  @Option(parsing: .upToNextOption, help: ArgumentHelp("Only rows of these sources.", valueName: "name"))
  var sources: [String] = []

  @Option(help: ArgumentHelp("Take one row of as many.", valueName: "n"))
  var every: Int?

  @Option(help: ArgumentHelp("The first row to take, counted from 0.", valueName: "n"))
  var offset: Int?

  @Option(help: ArgumentHelp("The most rows to take.", valueName: "n"))
  var limit: Int?

  @Option(
    help: ArgumentHelp("The most characters of a text that are read, up to the end of a word.", valueName: "n"))
  var characters: Int?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "For language models: members that are a conversation, the user's turn and the assistant's one after the other.",
      valueName: "name"))
  var turns: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Only rows of these sources are conversations; the others hold texts.", valueName: "name"))
  var conversations: [String] = []

  /// What was given, by the names that recipes have for it.
  var members: [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    func add(_ key: String, _ texts: [String]) {
      if !texts.isEmpty { members[key] = .array(texts.map { .string($0) }) }
    }
    func add(_ key: String, _ number: Int?) { if let number { members[key] = .integer(number) } }
    add("data", data)
    add("columns", columns)
    add("sources", sources)
    add("every", every)
    add("offset", offset)
    add("limit", limit)
    add("characters", characters)
    add("turns", turns)
    add("conversations", conversations)
    return members
  }
}
