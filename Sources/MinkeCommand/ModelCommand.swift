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

    @Argument(help: "A built-in name or the path of a model folder.", completion: ModelCompletion.kind)
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

    @Argument(help: "A built-in name or the path of a model folder.", completion: ModelCompletion.kind)
    var model: String

    @Argument(help: "The folder to make.", completion: .directory)
    var destination: String

    @Option(help: "float32 or 4bit.")
    var format: StaticEncoder.Format = .float32

    func run() async throws { try save(model, to: destination, format) }
  }

  struct Quantize: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write an SSE model, by the published recipe, or a language model as a new folder with 4 bits a number."
    )

    @Argument(help: "A built-in name or the path of a model folder.", completion: ModelCompletion.kind)
    var model: String

    @Argument(help: "The folder to make.", completion: .directory)
    var destination: String

    @Flag(help: "For a language model, 8 bits a number.")
    var int8 = false

    func run() async throws {
      if int8 {
        try save(model, to: destination, WeightPrecision.int8)
      } else {
        try save(model, to: destination, StaticEncoder.Format.fourBit)
      }
    }
  }

  private static func save(_ model: String, to destination: String, _ format: StaticEncoder.Format) throws {
    if try LanguageModel.recognizes(ModelLibrary.folder(model)) {
      return try save(model, to: destination, format == .float32 ? WeightPrecision.float32 : .fourBit)
    }
    guard let encoder = try ModelLibrary.textEncoder(model) as? StaticEncoder else {
      throw MinkeError(.unsupportedFile, model, expected: "a static embedding model", found: "another kind")
    }
    try encoder.save(to: URL(fileURLWithPath: destination), format: format)
    say("\(destination): \(encoder.kind.rawValue) to \(format.rawValue)")
  }

  private static func save(_ model: String, to destination: String, _ precision: WeightPrecision) throws {
    let language = try ModelLibrary.languageModel(model)
    try language.save(to: URL(fileURLWithPath: destination), precision: precision)
    say("\(destination): SpikeWhale to \(precision.rawValue), hyper-connections \(language.model.hyperConnections)")
  }
}

extension StaticEncoder.Format: ExpressibleByArgument {}
