import Foundation
import MinkeCore

extension EvaluationReport {
  /// Reads the report that `minke eval ... --json` wrote to the file at `url`.
  ///
  /// - Throws: `MinkeError` when the file cannot be read, or is not such a report, naming the member that is wrong.
  public init(contentsOf url: URL) throws {
    let file = try MappedFile(url)
    let json = try JSONValue(parsing: file.bytes, subject: file.path)
    do throws(MinkeError) {
      try self.init(json: json)
    } catch {
      throw error.inside(file.path)
    }
  }

  /// Reads what ``json`` gives. Metrics come in the order of their names, and what is null there is NaN here.
  ///
  /// Members that are not a report's are passed over.
  /// - Throws: `MinkeError` naming the member that is missing, of another kind, or stands twice.
  public init(json: JSONValue) throws(MinkeError) {
    let report = try ReportObject(json, at: "report")
    var tasks: [TaskResult] = []
    var seen: Set<[String]> = []
    for (index, task) in try report.array("tasks").enumerated() {
      let object = try ReportObject(task, at: "tasks[\(index)]")
      let result = try TaskResult(object)
      guard seen.insert(result.identity).inserted else {
        throw object.error("a name and settings that no task before has", found: result.identity.joined(separator: " "))
      }
      tasks.append(result)
    }
    self.init(model: try report.string("model"), tasks: tasks)
  }
}

extension TaskResult {
  /// What tells the task from others of a run: its name and its settings.
  var identity: [String] { [name] + settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } }

  /// The same without the size of the vectors, which is a model's own where each is measured at its full size.
  var identityWithoutSize: [String] {
    var task = self
    for name in ["dimension", "bytes"] { task.settings[name] = nil }
    return task.identity
  }

  fileprivate init(_ object: ReportObject) throws(MinkeError) {
    let kindName = try object.string("kind")
    guard let kind = TaskKind(rawValue: kindName) else {
      throw object.error("a \"kind\" of task", found: "\"\(kindName)\"")
    }
    var metrics: [Metric] = []
    let values = try object.object("metrics")
    for name in values.members.keys.sorted() { metrics.append(Metric(name, try values.number(name))) }
    var settings: [String: String] = [:]
    if object.has("settings") {
      let members = try object.object("settings")
      for name in members.members.keys { settings[name] = try members.string(name) }
    }
    var items: [Item] = []
    var ids: Set<String> = []
    for (index, item) in try object.array("items", orNone: true).enumerated() {
      let item = try ReportObject(item, at: "\(object.place).items[\(index)]")
      let id = try item.string("id")
      guard ids.insert(id).inserted else { throw item.error("each id once", found: "\"\(id)\" again") }
      let text = item.has("text") ? try item.string("text") : nil
      items.append(Item(id: id, value: try item.number("value"), text: text))
    }
    var warnings: [String] = []
    for warning in try object.array("warnings", orNone: true) {
      guard let text = warning.string else { throw object.error("strings in \"warnings\"", found: warning.text) }
      warnings.append(text)
    }
    let main = try object.string("main")
    guard values.has(main) else { throw object.error("\"\(main)\" in \"metrics\", as \"main\" says", found: "none") }
    self.init(
      name: try object.string("name"), kind: kind, settings: settings, metrics: metrics, mainMetric: main,
      items: items, warnings: warnings)
  }
}

/// An object of a report, and where in it that stands.
private struct ReportObject {
  let members: [String: JSONValue]
  let place: String

  init(_ value: JSONValue, at place: String) throws(MinkeError) {
    guard let members = value.object else {
      throw MinkeError(.malformedFile, place, expected: "an object", found: String(value.text.prefix(80)))
    }
    (self.members, self.place) = (members, place)
  }

  func has(_ name: String) -> Bool { members[name] != nil }

  func string(_ name: String) throws(MinkeError) -> String {
    guard let text = members[name]?.string else { throw wrong(name, "a string") }
    return text
  }

  /// NaN for null.
  func number(_ name: String) throws(MinkeError) -> Double {
    if members[name] == .null { return .nan }
    guard let value = members[name]?.double else { throw wrong(name, "a number or null") }
    return value
  }

  func array(_ name: String, orNone: Bool = false) throws(MinkeError) -> [JSONValue] {
    if orNone, !has(name) { return [] }
    guard let values = members[name]?.array else { throw wrong(name, "an array") }
    return values
  }

  func object(_ name: String) throws(MinkeError) -> ReportObject {
    guard let value = members[name] else { throw wrong(name, "an object") }
    return try ReportObject(value, at: "\(place).\(name)")
  }

  func error(_ expected: String, found: String) -> MinkeError {
    MinkeError(.malformedFile, place, expected: expected, found: found)
  }

  private func wrong(_ name: String, _ expected: String) -> MinkeError {
    MinkeError(
      .malformedFile, "\(place): \"\(name)\"", expected: expected,
      found: members[name].map { String($0.text.prefix(80)) } ?? "none")
  }
}
