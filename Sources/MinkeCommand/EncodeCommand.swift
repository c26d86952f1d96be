import ArgumentParser
import Minke

struct EncodeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode",
    abstract: "Turn texts, one a line, into vectors.",
    discussion: """
      npy holds float32 [texts, dimension], or uint8 [texts, bits/8] for a binary encoder; jsonl has one object a text; \
      raw is the rows of npy without its header, little-endian, each as soon as it is made, for a program at the other \
      end of a pipe.
      An empty line is an empty text and has a vector too. With --jsonl, members beside "text", such as an "id", go \
      through to jsonl output as they are.

        echo "a cat on a mat" | minke encode
        minke encode lines.txt --output vectors.npy
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case npy, jsonl, raw }

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

  @Option(help: "npy, jsonl or raw; by default what the output's name ends in, else jsonl.")
  var format: Format?

  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard give == .logits else { return }
    if encoder.dimension != nil { throw ValidationError("--dimension is not for --give logits; they are given whole.") }
    if keepLength { throw ValidationError("--no-normalize is not for --give logits, which have no unit length.") }
  }

  func run() async throws {
    let format = format ?? (output.path?.hasSuffix(".npy") == true ? .npy : .jsonl)
    if format != .jsonl, output.isStandardOutput, Style.outputIsTerminal {
      throw MinkeError(
        .invalidArgument, "--format \(format.rawValue)", expected: "--output with a file, or a pipe",
        found: "a terminal")
    }
    let model = try await encoder.load()
    let options = EncodingOptions(
      dimension: encoder.dimension, normalize: !keepLength, role: text.role, form: give.form)
    // An empty batch checks the options before any input is waited for.
    let none = try await model.encode([], options: options)
    var reader = try input.texts()
    let sink = try EncodingSink(format, output.open(), like: none)
    let bar = ProgressBar("encoding", unit: .bytes)
    defer { bar.finish() }
    while let texts = try reader.next() {
      try await sink.write(model.encode(texts.map(\.text), options: options), of: texts)
      if let size = reader.progress.total { bar.handler(reader.progress.completed, size) }
    }
    try sink.finish()
  }
}

/// Where the vectors of texts go: an array, lines of JSON, or rows as they lie in memory.
private final class EncodingSink {
  private var array: NumPyWriter?
  private var lines: FileWriter?
  private var rows: FileWriter?
  private var count = 0

  /// - Parameter vectors: what tells the kind and width of all that will be written.
  init(_ format: EncodeCommand.Format, _ file: consuming FileWriter, like vectors: Embeddings) throws {
    switch format {
    case .npy: array = try NumPyWriter(file, like: vectors)
    case .jsonl: lines = consume file
    case .raw: rows = consume file
    }
  }

  func write(_ batch: Embeddings, of texts: [InputText]) throws {
    try array?.append(batch)
    if rows != nil {
      try batch.withElements { try rows?.write($0) }
      try rows?.flush()
    }
    guard lines != nil else { return }
    for (row, text) in texts.enumerated() {
      try lines?.write(Self.jsonLine(batch, row: row, index: count + row, fields: text.fields))
    }
    count += texts.count
    // What is ready is shown before more is waited for.
    try lines?.flush()
  }

  func finish() throws {
    try array?.finish()
    try lines?.finish()
    try rows?.finish()
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
