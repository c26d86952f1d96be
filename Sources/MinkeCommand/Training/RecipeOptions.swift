import ArgumentParser
import Foundation
import Minke
import MinkeTraining

extension Recipe.Optimizer: ExpressibleByArgument {}
extension Schedule: ExpressibleByArgument {}
extension BitLoss.Relaxation: ExpressibleByArgument {}

/// The members of a recipe that may be given on the command line; each goes before the file's.
struct RecipeOptions: ParsableArguments {
  @OptionGroup var selection: DataOptions

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Collections or folders to make pairs of; the same as --data.", valueName: "path"),
    completion: .file())
  var collection: [String] = []

  @Option(help: "The model to go on with; without it a start at random.", completion: ModelCompletion.kind)
  var from: String?

  @Option(help: "The model whose tokenizer a start at random takes.", completion: ModelCompletion.kind)
  var tokenizer: String?

  @Option(help: ArgumentHelp("Numbers of a vector at a start at random.", valueName: "d"))
  var dimension: Int?

  @Option(help: ArgumentHelp("Bits of a vector: a model whose vectors are bits.", valueName: "n"))
  var bits: Int?

  @Option(help: ArgumentHelp("Numbers of a vector of BNE's float baseline.", valueName: "d"))
  var numbers: Int?

  @Option(
    help: ArgumentHelp("The config.json of a BERT or language model that begins at random.", valueName: "file"),
    completion: .file(extensions: ["json"]))
  var configuration: String?

  @Option(help: "The encoder, or the .npy file of vectors, to learn from.", completion: .file())
  var teacher: String?

  @Option(
    help: ArgumentHelp("Measure on so many rows, or below 1 on this share, and do not learn them.", valueName: "n"))
  var heldOut: Double?

  @Option(help: ArgumentHelp("The most tokens of a text, or those of a sequence.", valueName: "n"))
  var length: Int?

  @Option(help: ArgumentHelp("Rows of a batch.", valueName: "n"))
  var batch: Int?

  @Option(
    help: ArgumentHelp(
      "Encode so many texts of a batch at once: large batches in the memory of small ones.", valueName: "n"))
  var chunk: Int?

  @Option(help: ArgumentHelp("Batches whose gradients are added up for a step.", valueName: "n"))
  var accumulation: Int?

  @Flag(inversion: .prefixedNo, help: "Take all rows of a batch from one source.")
  var oneSource: Bool?

  @Option(
    help: ArgumentHelp(
      "Rows one after the other in the data that come together into a batch, as hard negatives.", valueName: "n"))
  var block: Int?

  @Option(help: ArgumentHelp("How often all rows are gone through.", valueName: "n"))
  var epochs: Double?

  @Option(help: ArgumentHelp("Steps in all, in place of epochs.", valueName: "n"))
  var steps: Int?

  @Option(help: "What is drawn at random is drawn with.")
  var seed: Int?

  @Option(help: "How gradients become steps: \(Recipe.Optimizer.allCases.map(\.rawValue).joined(separator: ", ")).")
  var optimizer: Recipe.Optimizer?

  @Option(help: ArgumentHelp("The highest learning rate.", valueName: "x"))
  var rate: Double?

  @Option(help: "How the rate falls: \(Schedule.allCases.map(\.rawValue).joined(separator: ", ")).")
  var schedule: Schedule?

  @Option(help: ArgumentHelp("Steps, or below 1 the share of the steps, in which the rate rises.", valueName: "n"))
  var warmUp: Double?

  @Option(help: ArgumentHelp("What decays of the weights, times the rate, in a step.", valueName: "x"))
  var weightDecay: Double?

  @Option(help: ArgumentHelp("Shorten gradients to this length.", valueName: "x"))
  var clip: Double?

  @Option(
    parsing: .upToNextOption, help: ArgumentHelp("Terms of the loss, each with its weight.", valueName: "name=weight"))
  var loss: [String] = []

  @Option(help: ArgumentHelp("What cosines are multiplied with in the loss.", valueName: "x"))
  var scale: Double?

  @Option(
    help: ArgumentHelp(
      "How the table of a static model is held: float32, or 4bit: rounded in every step as it will be in the end.",
      valueName: "precision"))
  var precision: Precision?

  @Option(
    help: "What stands for the signs of bits: \(BitLoss.Relaxation.allCases.map(\.rawValue).joined(separator: ", ")).")
  var relaxation: BitLoss.Relaxation?

  @Flag(inversion: .prefixedNo, help: "Tell also positives by their anchors.")
  var bothDirections: Bool?

  @Option(
    help: ArgumentHelp(
      "The share, 0 to 1, that words in common have in the similarities of a teacher.", valueName: "x"))
  var lexical: Double?

  @Option(parsing: .upToNextOption, help: ArgumentHelp("Sizes of a vector that are learnt together.", valueName: "d"))
  var matryoshka: [Int] = []

  @Option(
    name: .customLong("evaluate"), parsing: .upToNextOption,
    help: "Measure on these: folders in BEIR's layout, files of scored pairs, or tasks for language models.",
    completion: .file())
  var evaluations: [String] = []

  @Option(help: ArgumentHelp("Measure after every so many steps; without it at the end.", valueName: "n"))
  var evaluateEvery: Int?

  @Option(help: ArgumentHelp("Keep a checkpoint after every so many steps; without it ten in all.", valueName: "n"))
  var checkpointEvery: Int?

  /// What was given, by the names that recipes have for it.
  var members: [String: JSONValue] {
    get throws {
      var members = selection.members
      func add(_ key: String, _ value: JSONValue?) { if let value { members[key] = value } }
      func add(_ key: String, _ texts: [String]) {
        if !texts.isEmpty { members[key] = .array(texts.map { .string($0) }) }
      }
      add("data", selection.data + collection)
      add("from", from.map { .string($0) })
      add("tokenizer", tokenizer.map { .string($0) })
      add("dimension", dimension.map { .integer($0) })
      add("bits", bits.map { .integer($0) })
      add("numbers", numbers.map { .integer($0) })
      if let configuration {
        let file = try MappedFile(URL(fileURLWithPath: configuration))
        members["configuration"] = try JSONValue(parsing: file.bytes, subject: file.path)
      }
      add("teacher", teacher.map { .string($0) })
      add("held_out", heldOut.map { .number($0) })
      add("length", length.map { .integer($0) })
      add("batch", batch.map { .integer($0) })
      add("chunk", chunk.map { .integer($0) })
      add("accumulation", accumulation.map { .integer($0) })
      add("one_source", oneSource.map { .boolean($0) })
      add("block", block.map { .integer($0) })
      add("epochs", epochs.map { .number($0) })
      add("steps", steps.map { .integer($0) })
      add("seed", seed.map { .integer($0) })
      add("optimizer", optimizer.map { .string($0.rawValue) })
      add("rate", rate.map { .number($0) })
      add("schedule", schedule.map { .string($0.rawValue) })
      add("warm_up", warmUp.map { .number($0) })
      add("weight_decay", weightDecay.map { .number($0) })
      add("clip", clip.map { .number($0) })
      if !loss.isEmpty {
        members["loss"] = .object(Dictionary(try loss.map(Self.term), uniquingKeysWith: { $1 }))
      }
      add("scale", scale.map { .number($0) })
      add("precision", precision.map { .string($0.rawValue) })
      add("relaxation", relaxation.map { .string($0.rawValue) })
      add("both_directions", bothDirections.map { .boolean($0) })
      add("lexical", lexical.map { .number($0) })
      if !matryoshka.isEmpty { members["matryoshka"] = .array(matryoshka.map { .integer($0) }) }
      add("evaluations", evaluations)
      add("evaluate_every", evaluateEvery.map { .integer($0) })
      add("checkpoint_every", checkpointEvery.map { .integer($0) })
      return members
    }
  }

  /// A term of a loss, such as `ranking` or `ranking=0.5`.
  private static func term(_ text: String) throws -> (String, JSONValue) {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard let name = parts.first, let weight = parts.count == 1 ? 1 : Double(parts[1]), weight.isFinite else {
      throw ValidationError("--loss takes names, or names and weights as ranking=0.5; found \(text).")
    }
    return (String(name), .number(weight))
  }
}
