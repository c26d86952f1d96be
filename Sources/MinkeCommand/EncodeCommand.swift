import ArgumentParser
import Minke

struct EncodeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode",
    abstract: "Turn texts, one a line, into vectors.",
    discussion: """
      npy holds float32 [texts, dimension], or uint8 [texts, bits/8] for a binary encoder; jsonl has one object a text.
      An empty line is an empty text and has a vector too. With --jsonl, members beside "text", such as an "id", go \
      through to jsonl output as they are.

        echo "a cat on a mat" | minke encode
        minke encode --input lines.txt --output vectors.npy
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case npy, jsonl }

  @OptionGroup var encoder: EncoderOptions
  @OptionGroup var text: RoleOption
  @OptionGroup var input: InputOptions

  @Flag(name: .customLong("no-normalize"), help: "Leave the vectors at the length the model gives them.")
  var keepLength = false

  /// What a binary encoder gives.
  enum BitForm: String, ExpressibleByArgument, CaseIterable {
    case bits, logits, signs

    var form: VectorForm {
      switch self {
      case .bits: .vectors
      case .logits: .logits
      case .signs: .signs
      }
    }
  }

  @Option(help: "For a binary encoder: packed bits, the logits behind them, or their signs as -1 and +1.")
  var give: BitForm = .bits

  @Option(help: "npy or jsonl; by default what the output's name ends in, else jsonl.")
  var format: Format?

  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard give == .logits else { return }
    if encoder.dimension != nil { throw ValidationError("--dimension is not for --give logits; they are given whole.") }
    if keepLength { throw ValidationError("--no-normalize is not for --give logits, which have no unit length.") }
  }

  func run() async throws {
    let format = format ?? (output.path?.hasSuffix(".npy") == true ? .npy : .jsonl)
    if format == .npy, output.isStandardOutput, Style.outputIsTerminal {
      throw MinkeError(
        .invalidArgument, "--format npy", expected: "--output with a file, or a pipe", found: "a terminal")
    }
    let model = try encoder.load()
    let options = EncodingOptions(
      dimension: encoder.dimension, normalize: !keepLength, role: text.role, form: give.form)
    // An empty batch checks the options before any input is waited for.
    var all = try await model.encode([], options: options)
    var reader = try input.texts()
    var sink = try output.open()
    var count = 0
    let bar = ProgressBar("encoding", unit: .bytes)
    defer { bar.finish() }
    while let texts = try reader.next() {
      let batch = try await model.encode(texts.map(\.text), options: options)
      switch format {
      case .npy: try all.append(batch)
      case .jsonl:
        for (row, text) in texts.enumerated() {
          try sink.write(Self.jsonLine(batch, row: row, index: count + row, fields: text.fields))
        }
        // What is ready is shown before more is waited for.
        try sink.flush()
      }
      count += texts.count
      if let size = reader.progress.total { bar.handler(reader.progress.completed, size) }
    }
    if format == .npy { try all.npyBytes().withUnsafeBytes { try sink.write($0) } }
    try sink.finish()
  }

  /// `{"index":3,"id":"a","embedding":[...]}`, or `"bits"` in hexadecimal for a binary encoder.
  ///
  /// - Parameter fields: the members that came with the text.
  private static func jsonLine(_ batch: Embeddings, row: Int, index: Int, fields: String) -> String {
    var line = "{\"index\":\(index),\(fields)"
    switch batch.values {
    case .float32(let floats):
      line += "\"embedding\":["
      let start = row * batch.dimension
      for column in 0..<batch.dimension {
        if column > 0 { line += "," }
        line += floats[start + column].description
      }
      line += "]}\n"
    case .bits(let bytes):
      let width = batch.dimension / 8
      let digits = bytes[row * width..<(row + 1) * width].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
      line += "\"bits\":\"\(digits.joined())\"}\n"
    }
    return line
  }
}
