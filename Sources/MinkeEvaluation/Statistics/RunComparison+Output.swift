import Foundation
import MinkeCore

extension RunComparison {
  /// The comparison as a JSON object.
  ///
  /// - Parameter count: of how many items in which the runs differ most the values are told.
  public func json(mostDifferent count: Int = 0) -> JSONValue {
    [
      "first": .string(first), "second": .string(second), "tasks": .array(tasks.map { $0.json(mostDifferent: count) }),
      "only_in_first": .array(onlyInFirst.map { .string($0) }),
      "only_in_second": .array(onlyInSecond.map { .string($0) }),
    ]
  }

  /// The comparison as a table: a row a task; differences and intervals are as the figures are, fractions times 100.
  public var table: ResultTable {
    let settings = Set(tasks.flatMap(\.settings.keys)).sorted()
    let rows = tasks.map { task in
      func shown(_ value: Double?, signed: Bool = false) -> String {
        guard let value else { return "" }
        return (signed && value > 0 ? "+" : "") + ResultTable.shown(value, task.metric)
      }
      let interval = task.bootstrap?.interval
      return [task.name] + settings.map { task.settings[$0] ?? "" } + [
        task.metric, shown(task.first), shown(task.second), shown(task.difference, signed: true),
        interval.map { "\(shown($0.lowerBound, signed: true)) to \(shown($0.upperBound, signed: true))" } ?? "",
        task.bootstrap.map { String(format: "%.4f", $0.p) } ?? "", String(task.items.count),
      ]
    }
    let header = ["task"] + settings + ["metric"] + names + ["difference", "95% interval", "p", "items"]
    return ResultTable(cells: [header] + rows, leading: settings.count + 2)
  }

  /// What the columns of the runs are called.
  private var names: [String] { first == second ? ["first", "second"] : [first, second] }

  /// The items in which the runs differ most, a row an item.
  public func itemTable(mostDifferent count: Int) -> ResultTable {
    let shown = tasks.map { ($0, $0.mostDifferent(count)) }
    let haveTexts = shown.contains { $0.1.contains { $0.text != nil } }
    let rows = shown.flatMap { task, items in
      items.map { item in
        [task.label, item.id] + (haveTexts ? [Self.shortened(item.text ?? "")] : [])
          + [ResultTable.shown(item.first, task.metric), ResultTable.shown(item.second, task.metric)]
      }
    }
    return ResultTable(
      cells: [["task", "item"] + (haveTexts ? ["text"] : []) + names] + rows, leading: haveTexts ? 3 : 2)
  }

  /// A text as a table shows it.
  private static func shortened(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.count > 80 ? line.prefix(77) + "..." : line
  }
}

extension RunComparison.Task {
  /// The task's name and its settings in words.
  fileprivate var label: String {
    ([name] + settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }).joined(separator: " ")
  }

  fileprivate func json(mostDifferent count: Int) -> JSONValue {
    func number(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }
    var members: [String: JSONValue] = [
      "name": .string(name), "settings": .object(settings.mapValues { .string($0) }), "metric": .string(metric),
      "first": number(first), "second": number(second), "difference": number(difference),
      "item_count": .integer(items.count), "only_in_first": .array(onlyInFirst.map { .string($0) }),
      "only_in_second": .array(onlyInSecond.map { .string($0) }),
    ]
    if let bootstrap {
      members["interval"] = [.number(bootstrap.interval.lowerBound), .number(bootstrap.interval.upperBound)]
      members["p"] = .number(bootstrap.p)
    }
    if count > 0 {
      members["most_different"] = .array(
        mostDifferent(count).map { item in
          var members: [String: JSONValue] = [
            "id": .string(item.id), "first": .number(item.first), "second": .number(item.second),
          ]
          if let text = item.text { members["text"] = .string(text) }
          return .object(members)
        })
    }
    return .object(members)
  }
}
