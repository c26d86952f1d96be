import ArgumentParser
import Minke
import MinkeLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension BenchCommand {
  struct Generate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Tokens a second of a language model, beside what reading its weights allows.",
      discussion: "Without --model, a model of the published size with random weights is made in a temporary folder.")

    @Option(help: "The path of a language model's folder.", completion: .directory)
    var model: String?

    @Option(help: "Tokens of the prompt.")
    var prompt = 512

    @Option(help: "Tokens to generate after it.")
    var tokens = 64

    @Option(help: "How the random model's weights are held: float32, int8 or 4bit.")
    var precision: Precision = .float32

    @Option(help: ArgumentHelp("Keep the random model in this new folder.", valueName: "folder"))
    var keep: String?

    @OptionGroup var form: JSONOption

    func validate() throws {
      if prompt < 1 || tokens < 1 { throw ValidationError("--prompt and --tokens are 1 or more.") }
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
      guard precision != .float32 else { return }
      try SpikeWhaleFolder(ModelFolder(folder)).save(to: weights(of: folder), precision: precision)
    }

    /// Where a random model made in `folder` has its weights in the precision asked for.
    private func weights(of folder: URL) -> URL {
      precision == .float32 ? folder : folder.appendingPathComponent(precision.rawValue)
    }

    private func measure(_ folder: URL) throws {
      let clock = ContinuousClock()
      let start = clock.now
      let language = try LanguageModel(spikeWhale: ModelFolder(folder))
      let load = (clock.now - start) / .seconds(1)
      guard let model = language.model as? SpikeWhaleModel else { return }
      guard prompt + tokens <= language.contextLength else {
        throw MinkeError(
          .invalidArgument, "--prompt and --tokens", expected: "at most \(language.contextLength) together",
          found: "\(prompt + tokens)")
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
