import ArgumentParser
import Minke

extension BenchCommand {
  struct Encode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "encode",
      abstract: "Texts a second: to tokens, and to vectors.",
      discussion: "Without a file, the texts are 20,000 sentences of 20 words drawn from the model's vocabulary.")

    @OptionGroup var encoder: EncoderOptions
    @OptionGroup var input: InputOptions

    @OptionGroup var form: JSONOption

    func run() async throws {
      let model = try await encoder.load()
      let texts =
        input.path == nil ? Self.sentences(of: model.tokenizer, count: 20_000) : try input.allTexts()
      let bytes = texts.reduce(0) { $0 + $1.utf8.count }
      let tokens = try await model.tokenizer.encode(texts).reduce(0) { $0 + $1.count }
      let tokenizing = try Timing { _ = try model.tokenizer.encode(texts) }
      let encoding = try Timing { _ = try model.encode(texts, dimension: encoder.dimension) }
      let single = try Timing { _ = try model.encode([texts[0]], dimension: encoder.dimension) }

      var report = FigureReport()
      report.add("model", "\(model.identity)")
      report.add("kernels", KernelLevel.active.rawValue)
      report.add("threads", Double(Workers.count), "")
      report.add("texts", Double(texts.count), "")
      report.add("tokens", Double(tokens), "")
      report.add("tokenize", Double(texts.count) / tokenizing.median, "texts/s")
      report.add("tokenize_bytes", Double(bytes) / tokenizing.median / 1e6, "MB/s")
      report.add("encode", Double(texts.count) / encoding.median, "texts/s")
      report.add("encode_tokens", Double(tokens) / encoding.median / 1e6, "million tokens/s")
      report.add("encode_one", single.median * 1e6, "microseconds")
      if let model = model as? StaticEncoder {
        // Pooling reads one row of the table for each token.
        let read = Double(tokens) * Double(model.byteCount) / Double(model.rowCount) / encoding.median
        let plain = try MemoryBandwidth.measure(bytes: model.byteCount)
        report.add("rows_read", read / 1e9, "GB/s")
        report.add("plain_read", plain / 1e9, "GB/s")
      }
      try report.print(json: form.isOn)
    }

    private static func sentences(of tokenizer: any Tokenizer, count: Int) -> [String] {
      let words = (0..<tokenizer.vocabularySize).compactMap { tokenizer.token(TokenID($0)) }
        .filter { $0.count > 1 && $0.allSatisfy { $0.isASCII && $0.isLetter } }
      guard !words.isEmpty else { return [] }
      var random = SplitMix64(seed: 1)
      return (0..<count).map { _ in
        (0..<20).map { _ in words[Int(random.next() % UInt64(words.count))] }.joined(separator: " ")
      }
    }
  }
}
