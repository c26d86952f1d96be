import ArgumentParser
import Foundation
import Minke
import MinkeTraining

struct TrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Teach a model of one's own.",
    discussion: """
      A first run, on files at hand, in a minute:

        minke train sse --data Examples/training/pairs.jsonl --from minke-sse-en --output my-run --batch 64 --epochs 3 --held-out 100
        minke search "how do I find a whale" Examples/books --model my-run/model

      The same out of one's own documents: --data takes folders, texts and web pages too, and makes pairs of a heading \
      and its text, a sentence and its passage, and neighbors (--sources heading, sentence, neighbor).

      Rows are JSON Lines with texts "anchor" and "positive", and "negative", "negative_2" ... where there are any; \
      or "sentence1", "sentence2" and "score". Files that end in .gz or .xz are decompressed on the way. The folder of a \
      run holds recipe.json, metrics.jsonl, curves.svg, the last checkpoint, and in the end the model. \
      After ctrl-C, or whatever else ended it, --resume goes on as if nothing had been.
      """,
    subcommands: [SSE.self, BNE.self, Head.self, LM.self, Vocabulary.self])

  struct SSE: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sse", abstract: "Teach a static embedding from pairs of texts: seconds to minutes.")

    @OptionGroup var options: TrainingOptions
    @OptionGroup var recipe: RecipeOptions

    func run() async throws { try await options.run(.sse, recipe.members) }
  }

  struct BNE: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "bne", abstract: "Teach a BERT encoder whose vectors are bits from pairs of texts.")

    @OptionGroup var options: TrainingOptions
    @OptionGroup var recipe: RecipeOptions

    func run() async throws { try await options.run(.bne, recipe.members) }
  }

  struct Head: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "head", abstract: "Teach an embedding head on a language model from a teacher's vectors of texts.")

    @OptionGroup var options: TrainingOptions
    @OptionGroup var recipe: RecipeOptions

    func run() async throws { try await options.run(.head, recipe.members) }
  }

  struct LM: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "lm", abstract: "Teach a language model from texts.",
      discussion: """
          minke train lm --data Examples/books/*.txt --output my-lm --steps 200
        """)

    @OptionGroup var options: TrainingOptions
    @OptionGroup var recipe: RecipeOptions

    func run() async throws { try await options.run(.lm, recipe.members) }
  }
}
