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
    subcommands: [Info.self, Convert.self, Quantize.self, Settle.self], defaultSubcommand: nil)

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

  struct Settle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Measure what a language model's files leave open, and write it into its config.json.",
      discussion: """
        Published SpikeWhale folders do not say the form of their hyper-connections, nor the activation in the head of
        an embedding model. Until that is written down, the likeliest is assumed. Convert and quantize settle it too.

          minke model settle byrne-86m
        """)

    @Argument(help: "The path of a SpikeWhale model's folder.")
    var model: String

    func run() async throws {
      let settling = try SpikeWhaleSettling(ModelLibrary.folder(model))
      try settling.write()
      if settling.findings.isEmpty { say("\(model): nothing is open") }
      for finding in settling.findings { say("\(model): \(finding)") }
    }
  }

  private static func save(_ model: String, to destination: String, _ format: StaticEncoder.Format) throws {
    if try SpikeWhaleFolder.recognizes(ModelLibrary.folder(model)) {
      return try save(model, to: destination, format == .float32 ? WeightPrecision.float32 : .fourBit)
    }
    guard let encoder = try ModelLibrary.textEncoder(model) as? StaticEncoder else {
      throw MinkeError(.unsupportedFile, model, expected: "a static embedding model", found: "another kind")
    }
    try encoder.save(to: URL(fileURLWithPath: destination), format: format)
    say("\(destination): \(encoder.kind.rawValue) to \(format.rawValue)")
  }

  private static func save(_ model: String, to destination: String, _ precision: WeightPrecision) throws {
    let folder = try SpikeWhaleFolder(ModelLibrary.folder(model))
    let findings = try folder.save(to: URL(fileURLWithPath: destination), precision: precision)
    say("\(destination): SpikeWhale to \(precision.rawValue)")
    for finding in findings { say("settled: \(finding)") }
  }
}

extension StaticEncoder.Format: ExpressibleByArgument {}
