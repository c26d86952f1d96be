import ArgumentParser
import Minke

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct ModelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "Look into a model, or write it in another layout.",
    subcommands: [Info.self, Convert.self, Quantize.self], defaultSubcommand: nil)

  struct Info: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say what a model folder holds: kind, sizes, tensors, tokenizer, and what is missing.")

    @Argument(
      help: "A built-in name, the path of a model folder, or of a .pt archive.", completion: ModelCompletion.kind)
    var model = ModelLibrary.defaultName

    @OptionGroup var form: JSONOption

    func run() async throws {
      let report = try ModelReport(model)
      var output = FileWriter()
      try output.write(form.isOn ? report.json.text + "\n" : report.description)
      try output.finish()
    }
  }

  struct Convert: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write an SSE model or a language model as a new folder, in float32 or in 4 bits.",
      discussion: """
          minke model convert minke-sse-en sse-float --format float32
        """)

    @Argument(
      help: "A built-in name, the path of a model folder, or of a .pt archive.", completion: ModelCompletion.kind)
    var model: String

    @Argument(help: "The folder to make.", completion: .directory)
    var destination: String

    @Option(help: "float32, int8 or 4bit, as far as the kind of model has it.")
    var format: WeightPrecision = .float32

    func run() async throws { try save(model, to: destination, format) }
  }

  struct Quantize: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a model as a new folder with fewer bits a number: an SSE model by the published recipe."
    )

    @Argument(
      help: "A built-in name, the path of a model folder, or of a .pt archive.", completion: ModelCompletion.kind)
    var model: String

    @Argument(help: "The folder to make.", completion: .directory)
    var destination: String

    @Flag(help: "8 bits a number instead of 4, for models with layers.")
    var int8 = false

    func run() async throws { try save(model, to: destination, int8 ? .int8 : .fourBit) }
  }

  private static func save(_ name: String, to destination: String, _ precision: WeightPrecision) throws {
    let model = try ModelLibrary.model(name)
    try model.save(to: URL(fileURLWithPath: destination), precision: precision)
    let kind = model.facts.first { $0.name == "kind" }?.value ?? name
    say("\(destination): \(kind) to \(precision.rawValue)")
  }
}
