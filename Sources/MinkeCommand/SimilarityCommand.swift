import ArgumentParser
import Minke

struct SimilarityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "similarity",
    abstract: "Compare texts with each other: 1 is the same, 0 unrelated.",
    discussion: """
        minke similarity "a cat on a mat" "a feline on a rug" "stock prices fell"
      """)

  @Argument(help: "Two or more texts.")
  var texts: [String]

  @OptionGroup var encoder: EncoderOptions
  @OptionGroup var text: RoleOption

  @OptionGroup var form: JSONOption

  func validate() throws {
    if texts.count < 2 { throw ValidationError("Give two or more texts to compare; \(texts.count) was given.") }
  }

  func run() async throws {
    let vectors = try await encoder.load().encode(texts, dimension: encoder.dimension, role: text.role)
    let matrix = try vectors.similarities(to: vectors)
    let rows = texts.indices.map { matrix[$0 * texts.count..<($0 + 1) * texts.count] }
    var output = FileWriter()
    if form.isOn {
      let value: JSONValue = [
        "texts": .array(texts.map { .string($0) }),
        "similarity": .array(rows.map { .array($0.map { .number(Double($0)) }) }),
      ]
      try output.write(value.text + "\n")
    } else {
      let labels = texts.indices.map { "[\($0 + 1)]" }
      let width = max(7, (labels.last?.count ?? 0) + 1)
      func cell(_ text: String) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
      try output.write(cell("") + labels.map(cell).joined() + "\n")
      for (index, row) in rows.enumerated() {
        try output.write(cell(labels[index]) + row.map { cell(fixed($0, digits: 3)) }.joined())
        try output.write("  \(Style.printable(texts[index].prefix(60)))\n")
      }
    }
    try output.finish()
  }
}
