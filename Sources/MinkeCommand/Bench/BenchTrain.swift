import ArgumentParser
import Foundation
import Minke
import MinkeCore
import MinkeTraining

extension BenchCommand {
  struct Train: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "train",
      abstract: "How fast a step of training is.",
      subcommands: [Static.self, Binary.self, Language.self])
  }
}

extension BenchCommand.Train {
  struct Static: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sse",
      abstract: "Steps of SSE: in-batch negatives in both directions at every Matryoshka size, and Adam.",
      discussion: "The tokens are made up, frequent ones as frequent as in English text, and the same in every run.")

    @Option(help: "Pairs of a batch.")
    var batch = 2048

    @Option(help: "Numbers of a vector.")
    var dimension = 512

    @Option(help: "Rows of the table.")
    var vocabulary = 30_522

    @Option(help: "Tokens of an anchor.")
    var anchor = 14

    @Option(help: "Tokens of a positive.")
    var positive = 86

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
      guard (2...65_536).contains(batch), (32...4096).contains(dimension), (10...1_000_000).contains(vocabulary),
        (1...10_000).contains(anchor), (1...10_000).contains(positive)
      else { throw ValidationError("The sizes are out of range.") }
    }

    func run() async throws {
      var generator = SplitMix64(seed: 1)
      func texts(_ tokens: Int) -> TokenBatch {
        TokenBatch(
          (0..<batch).map { _ in
            (0..<tokens).map { _ in TokenID(Double(vocabulary) * pow(generator.unit(), 3)) }
          })
      }
      let batches = (0..<4).map { _ in (texts(anchor), texts(positive)) }
      let tokenization = try ModelLibrary.tokenization()
      let model = StaticTrainee(
        tokenization: tokenization, tokenizerURL: URL(fileURLWithPath: "tokenizer.json"),
        table: (0..<vocabulary * dimension).map { _ in Float(generator.normal()) }, dimension: dimension)
      let loss = SimilarityLoss(scale: 20, dimensions: model.dimensions)
      let (adam, tape) = (Adam(model.parameters), Tape())
      var step = 0
      let timing = try Timing {
        let (anchors, positives) = batches[step % batches.count]
        step += 1
        tape.reset()
        let losses = loss(
          model.encode(anchors, on: tape), model.encode(positives, on: tape), .diagonal(bothDirections: true), on: tape)
        tape.backward(from: tape.sum([(losses, 1)]))
        adam.step(rate: 0.01)
      }
      var report = FigureReport()
      report.add("threads", Double(Workers.count), "")
      report.add("step", timing.median * 1000, "ms")
      report.add("pairs", Double(batch) / timing.median, "pairs/s")
      report.add("memory", Double(tape.byteCount) / 1e6, "MB of activations")
      try report.print(json: json)
    }
  }
}
