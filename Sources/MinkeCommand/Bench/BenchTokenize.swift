import ArgumentParser
import Minke

extension BenchCommand {
  struct Tokenize: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "tokenize",
      abstract: "How fast texts become ids, and how long it takes to load what makes them.",
      discussion: "Of the model's folder only the tokenizer is read, as minke tokenize does.")

    @OptionGroup var model: ModelOption
    @OptionGroup var input: InputOptions
    @OptionGroup var form: JSONOption

    func run() async throws {
      try await model.fetchMissing()
      let texts = try input.allTexts()
      let loading = try Timing { _ = try ModelLibrary.tokenization(model.name) }
      let tokenization = try ModelLibrary.tokenization(model.name)
      let ids = try await tokenization.ids(of: texts).reduce(0) { $0 + $1.count }
      let tokenizing = try Timing { _ = try tokenization.ids(of: texts) }
      let bytes = texts.reduce(0) { $0 + $1.utf8.count }

      var report = FigureReport()
      report.add("threads", Double(Workers.count), "")
      report.add("texts", Double(texts.count), "")
      report.add("ids", Double(ids), "")
      report.add("load", loading.median * 1e3, "milliseconds")
      report.add("tokenize", Double(texts.count) / tokenizing.median, "texts/s")
      report.add("tokenize_bytes", Double(bytes) / tokenizing.median / 1e6, "MB/s")
      try report.print(json: form.isOn)
    }
  }
}
