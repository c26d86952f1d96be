import ArgumentParser
import Minke
import MinkeLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension BenchCommand {
  struct Generate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "generate",
      abstract: "Tokens a second of a language model, beside what reading its weights allows.",
      discussion: "Without --model, a model of the published size with random weights is made in a temporary folder.")

    @Option(name: [.short, .long], help: "The path of a language model's folder.", completion: .directory)
    var model: String?

    @Option(help: "Tokens of the prompt.")
    var prompt = 512

    @Option(help: "Tokens to generate after it.")
    var tokens = 64

    @Option(help: "How the random model's weights are held: float32, which is the default, int8 or 4bit.")
    var precision: Precision?

    @Option(help: ArgumentHelp("Keep the random model in this new folder.", valueName: "folder"))
    var keep: String?

    @OptionGroup var form: JSONOption

    func validate() throws {
      if prompt < 1 || tokens < 1 { throw ValidationError("--prompt and --tokens are 1 or more.") }
      if model != nil, precision != nil || keep != nil {
        throw ValidationError(
          "--precision and --keep are for the random model; minke model quantize writes others with fewer bits.")
      }
    }

    func run() async throws {
      if let model { return try measure(URL(fileURLWithPath: model)) }
      if let keep {
        let folder = URL(fileURLWithPath: keep)
        try FolderWriter.write(to: folder, makeModel)
        try measure(weights(of: folder))
      } else {
        try FolderWriter.withTemporaryFolder { folder in
          try makeModel(folder)
          try measure(weights(of: folder))
        }
      }
    }

    private func makeModel(_ folder: URL) throws {
      try RandomSpikeWhale.write(to: folder)
      guard let precision, precision != .float32 else { return }
      try SpikeWhaleFolder(ModelFolder(folder)).save(to: weights(of: folder), precision: precision)
    }

    /// Where a random model made in `folder` has its weights in the precision asked for.
    private func weights(of folder: URL) -> URL {
      guard let precision, precision != .float32 else { return folder }
      return folder.appendingPathComponent(precision.rawValue)
    }

    private func measure(_ folder: URL) throws {
      let clock = ContinuousClock()
      let start = clock.now
      let language = try LanguageModel(spikeWhale: ModelFolder(folder))
      let load = (clock.now - start) / .seconds(1)
      guard let model = language.model as? SpikeWhaleModel else { return }
      guard prompt <= language.contextLength, tokens <= language.contextLength - prompt else {
        throw MinkeError(
          .invalidArgument, "--prompt and --tokens", expected: "at most \(language.contextLength) together",
          found: "\(prompt) and \(tokens)")
      }
      let ids = (0..<prompt).map { TokenID(($0 * 7919 + 11) % model.configuration.vocabularySize) }
      // The first run touches the pages; the second is measured.
      var context = language.makeContext()
      try context.append(ids.prefix(8))
      var prompting = Double.infinity
      for _ in 0..<3 {
        context = language.makeContext()
        let time = try clock.measure { try context.append(ids) }
        prompting = min(prompting, time / .seconds(1))
      }
      var steps: [Double] = []
      for index in 0..<tokens {
        let time = try clock.measure { try context.append([ids[index % ids.count]]) }
        steps.append(time / .seconds(1))
      }
      let step = steps.median
      let plain = try MemoryBandwidth.measure(bytes: model.bytesPerToken)
      let bound = Double(model.bytesPerToken) / plain
      let peak = try Self.productPeak()
      let work = model.operationsPerToken * Double(prompt)

      var report = FigureReport()
      report.add("model", "\(language.identity)")
      report.add("precision", model.precision.rawValue)
      report.add("kernels", KernelLevel.active.rawValue)
      report.add("threads", Double(Workers.count), "")
      report.add("load", load * 1e3, "ms")
      report.add("bytes_per_token", Double(model.bytesPerToken) / 1e6, "MB")
      report.add("plain_read", plain / 1e9, "GB/s")
      report.add("decode", 1 / step, "tokens/s")
      report.add("decode_bound", 1 / bound, "tokens/s")
      report.add("decode_of_bound", bound / step * 100, "%")
      report.add("prompt", Double(prompt) / prompting, "tokens/s")
      report.add("prompt_rate", work / prompting / 1e9, "GFlop/s")
      report.add("product_peak", peak / 1e9, "GFlop/s")
      report.add("prompt_of_peak", work / prompting / peak * 100, "%")
      if model.precision == .fourBit {
        let cost = try RoundingCost(of: language, tokens: ids.prefix(128))
        report.add("rounding_largest", cost.largest, "of a logit")
        report.add("rounding_mean", cost.mean, "of a logit")
        report.add("rounding_divergence", cost.divergence, "nats a token")
      }
      try report.print(json: form.isOn)
    }

    /// Operations a second of the packed float32 matrix product on all cores, at the size of a feed-forward layer.
    private static func productPeak() throws -> Double {
      let (rows, inputs, outputs) = (512, 640, 2000)
      let numbers = AlignedBuffer<Float>(uninitialized: outputs * inputs)
      for index in 0..<numbers.count { numbers.baseAddress[index] = Float(index % 31) / 31 - 0.5 }
      let layer = try Linear(weights: [SharedBuffer(numbers)], inputs: inputs)
      let (x, y) = (Matrix(rows: rows, columns: inputs), Matrix(rows: rows, columns: outputs))
      x.view.fill(0.5)
      var best = Double.infinity
      for _ in 0..<20 {
        let time = ContinuousClock().measure { layer(x.view.read, into: y.view) }
        best = min(best, time / .seconds(1))
      }
      return 2 * Double(rows * inputs * outputs) / best
    }
  }
}

/// What it costs that a token which comes alone has its inputs rounded to 8 bits where weights have 4: beside the logits
/// of the same tokens two by two, which are exact.
private struct RoundingCost {
  /// Differences of logits.
  private(set) var largest = 0.0
  private(set) var mean = 0.0
  /// The mean Kullback-Leibler divergence of the rounded probabilities from the exact ones, in nats: about as much as
  /// rounding adds to the logarithm of the perplexity.
  private(set) var divergence = 0.0

  init(of language: LanguageModel, tokens: ArraySlice<TokenID>) throws {
    var (exact, rounded) = (language.makeContext(), language.makeContext())
    var count = 0.0
    for start in stride(from: tokens.startIndex, to: tokens.endIndex - 1, by: 2) {
      let expected = try exact.append(tokens[start...start + 1]).map { Double($0) }
      try rounded.append([tokens[start]])
      let found = try rounded.append([tokens[start + 1]]).map { Double($0) }
      let differences = zip(expected, found).map { abs($0 - $1) }
      largest = max(largest, differences.max() ?? 0)
      mean += differences.reduce(0, +) / Double(differences.count)
      let (p, q) = (Self.logarithms(expected), Self.logarithms(found))
      divergence += zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
      count += 1
    }
    mean /= max(1, count)
    divergence /= max(1, count)
  }

  /// The logarithms of the probabilities that `logits` mean.
  private static func logarithms(_ logits: [Double]) -> [Double] {
    let largest = logits.max() ?? 0
    let total = largest + log(logits.reduce(0) { $0 + exp($1 - largest) })
    return logits.map { $0 - total }
  }
}
