import ArgumentParser
import Minke

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct EncodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode",
    abstract: "Turn texts, one a line, into vectors.",
    discussion: """
      npy holds float32 [texts, dimension], or uint8 [texts, bits/8] for a binary encoder; jsonl has one object a text.
      An empty line is an empty text and has a vector too.

        echo "a cat on a mat" | minke encode
        minke encode --input lines.txt --output vectors.npy
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case npy, jsonl }

  @OptionGroup var encoder: EncoderOptions
  @OptionGroup var source: TextSource

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

  @Option(help: ArgumentHelp("Write to this file instead of standard output.", valueName: "file"))
  var output: String?

  func run() throws {
    let format = format ?? (output?.hasSuffix(".npy") == true ? .npy : .jsonl)
    if format == .npy, output == nil, Style.outputIsTerminal {
      throw MinkeError(
        .invalidArgument, "--format npy", expected: "--output with a file, or a pipe", found: "a terminal")
    }
    let model = try encoder.load()
    let options = EncodingOptions(dimension: encoder.dimension, normalize: !keepLength, form: give.form)
    // An empty batch checks the options before any input is waited for.
    var all = try model.encode([], options: options)
    var lines = try source.open()
    var sink = try FileWriter(toOption: output)
    var count = 0
    let bar = ProgressBar("encoding")
    defer { bar.finish() }
    while let texts = try lines.next() {
      let batch = try model.encode(texts, options: options)
      switch format {
      case .npy: try all.append(batch)
      case .jsonl:
        for row in 0..<batch.count {
          try sink.write(Self.jsonLine(batch, row: row, index: count + row))
        }
      }
      count += texts.count
      if let size = lines.byteCount { bar.handler(lines.bytesRead, size) }
    }
    if format == .npy { try all.npyBytes().withUnsafeBytes { try sink.write($0) } }
    try sink.finish()
  }

  /// `{"index":3,"embedding":[...]}`, or `"bits"` in hexadecimal for a binary encoder.
  private static func jsonLine(_ batch: Embeddings, row: Int, index: Int) -> String {
    var line = "{\"index\":\(index),"
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
