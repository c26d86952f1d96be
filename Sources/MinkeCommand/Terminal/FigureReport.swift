import Minke

/// What was measured, as lines for people or one JSON object for programs.
struct FigureReport {
  private var lines: [(name: String, text: String)] = []
  private var members: [String: JSONValue] = [:]

  mutating func add(_ name: String, _ text: String) {
    lines.append((name, text))
    members[name] = .string(text)
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
      for line in lines {
        let name = line.name.replacing("_", with: " ")
        try output.write(name + String(repeating: " ", count: width + 2 - name.count) + line.text + "\n")
      }
    }
    try output.finish()
  }
}
