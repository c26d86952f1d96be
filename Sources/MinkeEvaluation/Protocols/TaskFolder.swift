import Foundation
import MinkeCore
import MinkeText

/// A folder with a task's data as JSON Lines, and `task.json` where something differs from the default.
///
/// `task.json` may hold `name`, `type` (a ``TaskKind``), `samples_per_label`, `experiments`, `max_documents` or
/// `document_fraction`, `documents_per_experiment` and `batch_size`.
public struct TaskFolder: Sendable {
  let url: URL
  /// What `task.json` says, or who runs the task.
  package var settings = TaskSettings()

  /// What results call the task: the folder's name, unless `task.json` says another.
  public var name: String { settings.name ?? url.standardizedFileURL.lastPathComponent }

  /// - Throws: `MinkeError` when there is no such folder or its `task.json` is malformed.
  public init(_ url: URL) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue else {
      throw MinkeError(
        .notFound, url.relativePath, expected: "a folder with a task's files",
        found: FileManager.default.fileExists(atPath: url.path) ? "a file" : "none")
    }
    self.url = url
    let place = url.appendingPathComponent("task.json")
    guard FileManager.default.fileExists(atPath: place.path) else { return }
    let file = try MappedFile(place)
    let value = try JSONValue(parsing: file.bytes, subject: file.path)
    guard let members = value.object else {
      throw MinkeError(.malformedFile, file.path, expected: "an object", found: value.shortText)
    }
    try settings.set(members, subject: file.path)
  }

  /// Sets how many texts of each class train a classifier, whatever `task.json` says.
  public mutating func setSamplesPerLabel(_ samples: Int) { settings.samplesPerLabel = samples }

  /// What kind of task the folder holds: what `task.json` says, or what its files look like.
  ///
  /// - Throws: `MinkeError` when they look like none.
  public func kind() throws -> TaskKind {
    if let type = settings.type { return type }
    let train = url.appendingPathComponent("train.jsonl")
    if FileManager.default.fileExists(atPath: train.path) { return .classification }
    var found: TaskKind?
    try data().forEachRow(atMost: 1) { row in
      func has(_ names: String...) -> Bool { names.allSatisfy { row.value[$0] != nil } }
      found =
        has("query", "positive")
        ? .reranking
        : has("human_summaries", "machine_summaries")
          ? .summarization
          : has("sentences", "labels") || has("text", "label")
            ? .clustering
            : has("sentence1", "sentence2") || has("sent1", "sent2") ? .pairs : nil
    }
    guard let found else {
      throw MinkeError(
        .malformedFile, url.relativePath, expected: "data of a task, or task.json with its \"type\"",
        found: "lines with other members")
    }
    return found
  }

  /// The file called `name`.
  func file(_ name: String) throws -> TaskFile { try TaskFile(url.appendingPathComponent(name)) }

  /// The one file of data: `test.jsonl`, or the only .jsonl file.
  func data() throws -> TaskFile {
    let test = url.appendingPathComponent("test.jsonl")
    if FileManager.default.fileExists(atPath: test.path) { return try TaskFile(test) }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
      .filter { $0.hasSuffix(".jsonl") && !$0.hasPrefix(".") }
    guard names.count == 1 else {
      throw MinkeError(
        .notFound, url.relativePath, expected: "test.jsonl, or one file that ends in .jsonl",
        found: names.isEmpty ? "none" : "\(names.count)")
    }
    return try file(names[0])
  }
}

/// A file of JSON Lines.
struct TaskFile {
  let path: String

  /// - Throws: `MinkeError` when there is none that can be read.
  init(_ url: URL) throws {
    path = url.relativePath
    _ = try FileLines(contentsOf: FilePath(path))
  }

  /// One object.
  struct Row {
    let value: JSONValue
    /// What errors call its line.
    let subject: String
  }

  /// Calls `body` with the first `limit` rows; empty lines are passed over.
  ///
  /// - Throws: `MinkeError` when a line is no JSON object; what `body` throws.
  func forEachRow(atMost limit: Int = .max, _ body: (Row) throws -> Void) throws {
    var lines = try FileLines(contentsOf: FilePath(path))
    var rows = 0
    while rows < limit, let values = try lines.nextJSON(min(4096, limit - rows)) {
      for (value, line) in values {
        guard value.object != nil else {
          throw MinkeError(.malformedFile, line.subject, expected: "a JSON object", found: value.shortText)
        }
        try body(Row(value: value, subject: line.subject))
      }
      rows += values.count
    }
  }

  /// What `make` makes of each row.
  func rows<Value>(_ make: (Row) throws -> Value?) throws -> [Value] {
    var values: [Value] = []
    try forEachRow { row in if let value = try make(row) { values.append(value) } }
    return values
  }

  /// The error for a file that holds too little.
  func lacks(_ expected: String, found: String) -> MinkeError {
    MinkeError(.malformedFile, path, expected: expected, found: found)
  }
}

extension TaskFile.Row {
  /// The first of these members that there is.
  private func member(_ names: [String]) -> JSONValue? { names.lazy.compactMap { value[$0] }.first }

  func wrong(_ expected: String, _ names: [String]) -> MinkeError {
    MinkeError(
      .malformedFile, subject, expected: "\(expected) \"\(names[0])\"",
      found: member(names)?.shortText ?? "no such member")
  }

  func text(_ names: String...) throws -> String {
    guard let text = member(names)?.string else { throw wrong("a string", names) }
    return text
  }

  /// A list of strings, or a string that stands for a list of one.
  func texts(_ names: String...) throws -> [String] {
    if let text = member(names)?.string { return [text] }
    guard let values = member(names)?.array, case let texts = values.compactMap(\.string), texts.count == values.count
    else { throw wrong("a list of strings", names) }
    return texts
  }

  func numbers(_ names: String...) throws -> [Double] {
    guard let values = member(names)?.array, case let numbers = values.compactMap(\.double),
      numbers.count == values.count
    else { throw wrong("a list of numbers", names) }
    return numbers
  }

  /// A label, or the labels of all levels or items.
  func labels(_ names: String...) throws -> [TaskLabel] {
    guard let value = member(names) else { throw wrong("a label", names) }
    let labels = (value.array ?? [value]).compactMap(TaskLabel.init)
    guard labels.count == value.array?.count ?? 1 else { throw wrong("a string or a whole number", names) }
    return labels
  }

  func label(_ names: String...) throws -> TaskLabel {
    guard let label = member(names).flatMap(TaskLabel.init) else { throw wrong("a string or a whole number", names) }
    return label
  }

  /// Whether a member is a list.
  func isList(_ name: String) -> Bool { value[name]?.array != nil }
}

/// The name of a class; numbers come in their order, before texts.
enum TaskLabel: Hashable, Comparable, Sendable, CustomStringConvertible {
  case number(Int)
  case text(String)

  init?(_ value: JSONValue) {
    if let number = value.integer {
      self = .number(number)
    } else if let text = value.string {
      self = .text(text)
    } else {
      return nil
    }
  }

  var description: String {
    switch self {
    case .number(let number): "\(number)"
    case .text(let text): text
    }
  }
}

extension JSONValue {
  /// The value as errors show it.
  var shortText: String {
    let text = text
    return text.count > 40 ? text.prefix(40) + "..." : text
  }
}

/// The first of `names`, and how many more there are.
func listed(_ names: [String]) -> String {
  names.prefix(5).joined(separator: ", ") + (names.count > 5 ? " and \(names.count - 5) more" : "")
}
