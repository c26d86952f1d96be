import Minke

/// What was measured or counted, as lines for people or one JSON object for programs.
struct FigureReport {
  private var lines: [(name: String, text: String)] = []
  private var members: [String: JSONValue] = [:]

  mutating func add(_ name: String, _ text: String) {
    lines.append((name, text))
    members[name] = .string(text)
  }

  mutating func add(_ name: String, _ number: Int) {
    lines.append((name, String(number)))
    members[name] = .integer(number)
  }

  mutating func add(_ name: String, bytes: Int) {
    lines.append((name, byteSize(bytes)))
    members[name] = .integer(bytes)
  }

  mutating func add(_ name: String, _ value: Double, _ unit: String) {
    let isWhole = value == value.rounded() && abs(value) < 1e15
    let text = isWhole ? String(Int(value)) : fixed(value, digits: value < 10 ? 3 : 1)
    lines.append((name, "\(text) \(unit)"))
    members[name] = .number(value)
  }

  func print(json: Bool) throws {
    var output = FileWriter()
    if json {
      try output.write(JSONValue.object(members).text + "\n")
    } else {
      let width = lines.map(\.name.count).max() ?? 0
      for (name, text) in lines {
        let label = name.replacing("_", with: " ")
        try output.write(label + String(repeating: " ", count: width + 2 - name.count) + Style.printable(text) + "\n")
      }
    }
    try output.finish()
  }
}
