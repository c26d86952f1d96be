import ArgumentParser
import Foundation
import Minke
import MinkeTraining

extension TrainCommand {
  struct Vocabulary: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "vocabulary",
      abstract: "Learn the tokens of a language model from texts.",
      discussion: """
        What comes out is a folder with the tokenizer.json of a SpikeWhale, which a start at random takes:

          minke train vocabulary --data Examples/books/*.txt --size 2048 --output my-tokens
          minke train lm --data Examples/books/*.txt --tokenizer my-tokens --configuration sizes.json --output my-lm
        """)

    @OptionGroup var selection: DataOptions

    @Option(help: ArgumentHelp("Tokens in all, the bytes and the special tokens with them.", valueName: "n"))
    var size = 4096

    @Option(
      name: .shortAndLong, help: ArgumentHelp("The folder to write, which is not there yet.", valueName: "folder"),
      completion: .directory)
    var output: String

    func run() async throws {
      var recipe = Recipe(.lm)
      try recipe.set(selection.members, subject: "command line")
      guard !recipe.data.isEmpty else { throw ValidationError("Give --data to learn from.") }
      let (chosen, size, folder) = (recipe.selection, size, URL(fileURLWithPath: output))
      try await Workers.run {
        let bar = ProgressBar("reading")
        let vocabulary = try LengthMaxVocabulary(of: chosen, size: size) { done, _ in bar.count(done, "texts") }
        bar.finish()
        try FolderWriter.write(to: folder) {
          try vocabulary.json.write(to: $0.appendingPathComponent("tokenizer.json"))
        }
        say(
          "\(output): \(vocabulary.count) tokens, \(fixed(vocabulary.bytesPerToken, digits: 2)) bytes of the texts each"
        )
      }
    }
  }
}
