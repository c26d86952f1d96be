import Foundation
import MinkeCore
import MinkeText

/// The tests for language models that files hold.
///
/// A `.jsonl` file holds an item a line, in one of three forms: `{"context": ..., "choices": [...], "gold": ...}`,
/// `{"contexts": [...], "continuation": ..., "gold": ...}`, or `{"sentence_good": ..., "sentence_bad": ...}`; an `id`
/// may stand beside, else the line's number is one. Any other file is a text. In a folder, `.jsonl` and `.txt` files
/// count, and folders in it; its minimal pairs are the paradigms of one task.
public enum LanguageTaskFiles {
  /// The tasks at `url`, those of a folder in the order of their names.
  ///
  /// - Throws: `MinkeError` when there are none, or when a line is not as said above, which the error then names.
  public static func tasks(at url: URL) throws -> [any LanguageTask] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue else {
      return [try task(in: url)]
    }
    let tasks = try folder(url)
    guard !tasks.isEmpty else {
      throw MinkeError(.notFound, url.relativePath, expected: "a .jsonl or .txt file", found: "none")
    }
    return tasks
  }

  private static func folder(_ url: URL) throws -> [any LanguageTask] {
    var tasks: [any LanguageTask] = []
    var paradigms: [MinimalPairs] = []
    for entry in try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() where !entry.hasPrefix(".") {
      let child = URL(fileURLWithPath: url.relativePath).appendingPathComponent(entry)
      let type = try FileManager.default.attributesOfItem(atPath: child.path)[.type] as? FileAttributeType
      if type == .typeDirectory {
        tasks += try folder(child)
      } else if ["jsonl", "txt"].contains(child.pathExtension) {
        let task = try task(in: child)
        if let pairs = task as? MinimalPairs { paradigms.append(pairs) } else { tasks.append(task) }
      }
    }
    if !paradigms.isEmpty {
      tasks.append(Paradigms(name: url.standardizedFileURL.lastPathComponent, paradigms: paradigms))
    }
    return tasks
  }

  private static func task(in url: URL) throws -> any LanguageTask {
    let name = url.deletingPathExtension().lastPathComponent
    guard url.pathExtension == "jsonl" else {
      let file = try MappedFile(url)
      return withExtendedLifetime(file) { TextPrediction(name: name, bytes: Array(file.bytes)) }
    }
    let lines = ItemLines(path: FilePath(url.relativePath))
    switch try lines.form {
    case .choices: return MultipleChoice(name: name, items: try lines.read { try $0.choices($1) })
    case .contexts: return MultipleChoice(name: name, items: try lines.read { try $0.contexts($1) })
    case .sentences: return MinimalPairs(name: name, pairs: try lines.read { try $0.sentences($1) })
    }
  }
}

/// The items of a file, one a line.
private struct ItemLines {
  enum Form: String { case choices, contexts, sentences = "sentence_good" }

  let path: FilePath

  /// What the first line says.
  var form: Form {
    get throws {
      var lines = try FileLines(contentsOf: path)
      guard let (value, line) = try lines.nextJSON(1)?.first else {
        throw MinkeError(
          .malformedFile, path.description, expected: "an item in a line", found: "no line that is not blank")
      }
      guard let form = [Form.choices, .contexts, .sentences].first(where: { value[$0.rawValue] != nil }) else {
        throw MinkeError(
          .malformedFile, line.subject, expected: "an object with \"choices\", \"contexts\" or \"sentence_good\"",
          found: value.shortText)
      }
      return form
    }
  }

  /// What `item` makes of each line and its id.
  func read<Item>(_ item: (ItemObject, String) throws -> Item) throws -> [Item] {
    var items: [Item] = []
    var ids: Set<String> = []
    var lines = try FileLines(contentsOf: path)
    while let values = try lines.nextJSON(4096) {
      for (value, line) in values {
        let id = value["id"]?.string ?? value["id"]?.integer.map(String.init) ?? String(line.number)
        guard ids.insert(id).inserted else {
          throw MinkeError(.malformedFile, line.subject, expected: "each id once", found: "\"\(id)\" again")
        }
        do {
          items.append(try item(ItemObject(value: value), id))
        } catch let error as MinkeError {
          throw error.inside(line.subject)
        }
      }
    }
    return items
  }
}

/// The members of an item.
private struct ItemObject {
  let value: JSONValue

  func choices(_ id: String) throws -> MultipleChoice.Item {
    try MultipleChoice.Item(
      id: id, context: text("context"), choices: texts("choices"), gold: gold())
  }

  func contexts(_ id: String) throws -> MultipleChoice.Item {
    try MultipleChoice.Item(
      id: id, contexts: texts("contexts"), continuation: text("continuation"), gold: gold())
  }

  func sentences(_ id: String) throws -> MinimalPairs.Pair {
    let (good, bad) = (try text("sentence_good"), try text("sentence_bad"))
    guard !good.isEmpty, !bad.isEmpty else {
      throw MinkeError(.malformedFile, "item \(id)", expected: "two sentences", found: "an empty one")
    }
    return MinimalPairs.Pair(id: id, good: good, bad: bad)
  }

  private func text(_ name: String) throws(MinkeError) -> String {
    guard let text = value[name]?.string else { throw wrong(name, "a string") }
    return text
  }

  private func texts(_ name: String) throws(MinkeError) -> [String] {
    guard let values = value[name]?.array else { throw wrong(name, "an array of strings") }
    var texts: [String] = []
    for value in values {
      guard let text = value.string else { throw wrong(name, "an array of strings") }
      texts.append(text)
    }
    return texts
  }

  private func gold() throws(MinkeError) -> Int {
    guard let gold = value["gold"]?.integer else { throw wrong("gold", "a whole number") }
    return gold
  }

  private func wrong(_ name: String, _ expected: String) -> MinkeError {
    MinkeError(
      .malformedFile, "\"\(name)\"", expected: expected, found: value[name]?.shortText ?? "none")
  }
}
