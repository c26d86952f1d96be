import ArgumentParser
import Minke
import MinkeTraining

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct ModelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "Look into models, list and remove fetched ones, or write one in another layout.",
    subcommands: [
      Info.self, List.self, Remove.self, Convert.self, Quantize.self, Distill.self, Average.self, Settle.self,
    ], defaultSubcommand: nil)

  struct Info: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "info",
      abstract: "Say what a model folder holds: kind, sizes, tensors, tokenizer, and what is missing.")

    @Argument(help: ModelOption.help, completion: ModelCompletion.kind)
    var model = ModelLibrary.defaultName

    @OptionGroup var form: JSONOption
    @OptionGroup var source: PullOption

    func run() async throws {
      try await source.fetchMissing(model)
      let report = try ModelReport(model)
      var output = FileWriter()
      try output.write(form.isOn ? report.json.text + "\n" : Style.printable(report.description, keepingLines: true))
      try output.finish()
      // A report is written all the same, but the status says that there is no model to use.
      guard report.facts.isEmpty else { return }
      for problem in report.problems { say("minke: \(problem)") }
      throw CommandStatus.failed
    }
  }

  struct Convert: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "convert",
      abstract: "Write an SSE model or a language model as a new folder, in float32 or in 4 bits.",
      discussion: """
          minke model convert minke-sse-en sse-float --format float32
        """)

    @Argument(help: ModelOption.help, completion: ModelCompletion.kind)
    var model: String

    @Argument(help: "The folder to make.", completion: .directory)
    var destination: String

    @Option(help: "float32, int8 or 4bit, as far as the kind of model has it.")
    var format: Precision = .float32

    @OptionGroup var source: PullOption

    func run() async throws {
      try await source.fetchMissing(model)
      try save(model, to: destination, format)
    }
  }

  struct Quantize: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "quantize",
      abstract: "Write a model as a new folder with fewer bits a number.",
      discussion: """
        An SSE model is written in 4 bits by the published recipe, a language model in 4 or 8, a BERT model in 8. BERT in
        8 bits gives the vectors that --precision int8 gives, and loads at once.

          minke model quantize all-MiniLM-L6-v2 minilm-int8 --int8
        """)

    @Argument(help: ModelOption.help, completion: ModelCompletion.kind)
    var model: String

    @Argument(help: "The folder to make.", completion: .directory)
    var destination: String

    @Flag(help: "8 bits a number instead of 4, for models with layers.")
    var int8 = false

    @OptionGroup var source: PullOption

    func run() async throws {
      try await source.fetchMissing(model)
      try save(model, to: destination, int8 ? .int8 : .fourBit)
    }
  }

  struct Distill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "distill",
      abstract: "Make a static model out of a teacher and a vocabulary, without any text.",
      discussion: """
        Each token's row is what the teacher makes of the token alone, turned to its principal axes and weighted by how \
        rare it is. Words of one's own become whole tokens. The folder has model2vec's layout, which \
        sentence-transformers reads too. With texts at hand, minke train sse --teacher makes a better one.

          minke model distill all-MiniLM-L6-v2 my-static --vocabulary words.txt
        """)

    @Argument(help: "The teacher: a model with a WordPiece tokenizer.", completion: ModelCompletion.kind)
    var teacher: String

    @Argument(help: "The folder to make.", completion: .directory)
    var destination: String

    @Option(
      help: ArgumentHelp("Words to add to the teacher's vocabulary, one a line.", valueName: "file"),
      completion: .file())
    var vocabulary: String?

    @Option(help: ArgumentHelp("Numbers of a vector, at most the teacher's.", valueName: "d"))
    var dimension = 256

    @OptionGroup var source: PullOption

    func run() async throws {
      // Before the work, which lasts.
      guard !FileManager.default.fileExists(atPath: destination) else {
        throw MinkeError(
          .invalidArgument, destination, expected: "a folder that does not exist yet", found: "one that does")
      }
      let words = try vocabulary.map { try Self.lines(of: $0) } ?? []
      try await source.fetchMissing(teacher)
      let bar = ProgressBar("tokens")
      let distillation = try await Workers.run {
        try StaticDistillation(teacher: teacher, words: words, dimension: dimension, progress: bar.handler)
      }
      bar.finish()
      try distillation.save(to: URL(fileURLWithPath: destination))
      let (count, kept) = (distillation.table.rows.count / dimension, 100 * distillation.table.keptVariance)
      say("\(destination): \(count) tokens of \(dimension) numbers, \(Int(kept.rounded()))% of the teacher's variance")
      if !distillation.omittedWords.isEmpty {
        let named = Style.printable(distillation.omittedWords.prefix(5).joined(separator: ", "))
        say("minke: \(distillation.omittedWords.count) words are taken apart by the tokenizer and left out: \(named)")
      }
    }

    private static func lines(of path: String) throws -> [String] {
      var (lines, words) = (try FileLines(contentsOf: FilePath(path)), [String]())
      while let line = try lines.next() {
        guard let word = String(validating: line, as: UTF8.self) else {
          throw MinkeError(
            .malformedFile, "\(path), line \(lines.line)", expected: "a word in UTF-8", found: "other bytes")
        }
        let trimmed = word.trimmingCharacters(in: .whitespaces)
        if !trimmed.isEmpty { words.append(trimmed) }
      }
      return words
    }
  }

  struct Settle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "settle",
      abstract: "Measure what a language model's files leave open, and write it into its config.json.",
      discussion: """
        Published SpikeWhale folders do not say the form of their hyper-connections, nor the activation in the head of \
        an embedding model. Until that is written down, the likeliest is assumed. Convert and quantize settle it too.

          minke model settle byrne-86m
        """)

    @Argument(help: "The path of a SpikeWhale model's folder.")
    var model: String

    func run() async throws {
      let source = try ModelSource(model)
      try source.requireOwnFolder()
      let settling = try SpikeWhaleSettling(source.open())
      try settling.write()
      if settling.findings.isEmpty { say("\(model): nothing is open") }
      for finding in settling.findings { say("\(model): \(finding)") }
    }
  }

  private static func save(_ name: String, to destination: String, _ precision: Precision) throws {
    let model = try ModelLibrary.model(name)
    let findings = try model.save(to: URL(fileURLWithPath: destination), precision: precision)
    let kind = model.facts.first { $0.name == "kind" }?.value ?? name
    say("\(destination): \(kind) to \(precision.rawValue)")
    for finding in findings { say("settled: \(finding)") }
  }
}
