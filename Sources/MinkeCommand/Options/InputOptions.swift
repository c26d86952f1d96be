import ArgumentParser
import Minke

/// Where a command's texts come from, and how they are written.
struct InputOptions: ParsableArguments {
  @Argument(help: "Read this file instead of standard input.", completion: .file())
  var file: String?

  // The file's older name, which scripts may still give.
  @Option(name: [.customShort("i"), .customLong("input")], help: .hidden)
  var input: String?

  @Flag(help: "Each line is a JSON object whose member \"text\" is the text.")
  var jsonl = false

  @Flag(help: "With --jsonl, pass over wrong lines and say so, instead of stopping at the first.")
  var skipInvalid = false

  @Option(help: "How the text is written; by default UTF-8, or UTF-16 where a byte order mark says so.")
  var encoding: InputEncoding = .automatic

  /// The file to read; nil for standard input.
  var path: String? { file ?? input }

  func validate() throws {
    if file != nil, input != nil { throw ValidationError("One file is read: --input is another name for it.") }
    if skipInvalid, !jsonl { throw ValidationError("--skip-invalid is for --jsonl.") }
  }

  /// The texts, one a line.
  func texts() throws(MinkeError) -> RecordReader<InputText> {
    jsonl ? try records(of: InputText.init(reading:)) : try RecordReader(InputFile(path), encoding, InputText.init)
  }

  /// All texts at once; an error when there is none.
  func allTexts() throws -> [String] {
    var all: [String] = []
    var reader = try texts()
    while let batch = try reader.next() { all += batch.map(\.text) }
    if all.isEmpty {
      throw MinkeError(.invalidArgument, InputFile.name(of: path), expected: "one text or more", found: "none")
    }
    return all
  }

  /// What `read` makes of the JSON object of each line.
  func records<Record>(
    of read: @escaping (inout JSONReader) throws -> Record
  ) throws(MinkeError) -> RecordReader<Record> {
    try RecordReader(InputFile(path), encoding, skippingInvalid: skipInvalid, json: read)
  }

  /// All of the input, in UTF-8 where it is text.
  func bytes() throws(MinkeError) -> [UInt8] { try InputFile.bytes(of: path, encoding) }
}
