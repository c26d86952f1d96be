import ArgumentParser
import Minke

/// Where a command's texts come from.
struct TextSource: ParsableArguments {
  @Option(help: ArgumentHelp("Read this file instead of standard input.", valueName: "file"))
  var input: String?

  @Flag(help: "Each line is a JSON object whose member \"text\" is the text.")
  var jsonl = false

  func open() throws -> TextLines { try TextLines(input, isJSON: jsonl) }
}
