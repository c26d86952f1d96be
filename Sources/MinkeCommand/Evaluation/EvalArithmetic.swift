import ArgumentParser
import Minke
import MinkeEvaluation

extension EvalCommand {
  struct Arithmetic: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "arithmetic",
      abstract: "Write questions of arithmetic for a language model.",
      discussion: """
        Sums, differences and products of growing numbers, in digits and in words, with four answers each, as \
        'minke eval lm' reads them. The same seed gives the same questions.
        """)

    @Option(help: "How many questions.")
    var count = 1000

    @Option(help: "What the questions are drawn with.")
    var seed: UInt64 = 0

    @OptionGroup var output: OutputOptions

    func validate() throws {
      if !(1...1_000_000).contains(count) { throw ValidationError("--count is 1 to 1000000.") }
    }

    func run() async throws {
      let items = try ArithmeticItems.items(count: count, seed: seed)
      var writer = try output.open()
      for item in items { try writer.write(item.json.text + "\n") }
      try writer.finish()
    }
  }
}
