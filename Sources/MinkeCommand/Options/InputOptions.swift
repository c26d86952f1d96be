import ArgumentParser
import Minke

/// Where a command's texts come from, and how they are written.
struct InputOptions: ParsableArguments {
  @Option(
    name: [.customShort("i"), .customLong("input")],
    help: ArgumentHelp("Read this file instead of standard input.", valueName: "file"), completion: .file())
  var path: String?

  @Flag(help: "Each line is a JSON object whose member \"text\" is the text.")
  var jsonl = false

  @Flag(help: "With --jsonl, pass over wrong lines and say so, instead of stopping at the first.")
  var skipInvalid = false

  @Option(help: "How the text is written; by default UTF-8, or UTF-16 where a byte order mark says so.")
  var encoding: TextEncoding = .automatic

  func validate() throws {
    if skipInvalid, !jsonl { throw ValidationError("--skip-invalid is for --jsonl.") }
  }

  /// The texts, one a line.
  func texts() throws(MinkeError) -> RecordReader<InputText> {
    jsonl ? try records(of: InputText.init(reading:)) : try RecordReader(InputFile(path), encoding, InputText.init)
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
