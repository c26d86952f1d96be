import ArgumentParser
import Minke

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

/// Where a command's result goes.
struct OutputOptions: ParsableArguments {
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp(
      "Write to this file, which appears whole or not at all, instead of standard output.", valueName: "file"),
    completion: .file())
  var path: String?

  /// Whether the result goes to standard output.
  var isStandardOutput: Bool { path == nil || path == "-" }

  func open() throws(MinkeError) -> FileWriter { try FileWriter(toOption: path) }
}

/// Whether a command answers to a program instead of a person.
struct JSONOption: ParsableArguments {
  @Flag(name: .customLong("json"), help: "Print JSON, one object a line.")
  var isOn = false
}

extension FileWriter {
  /// A writer to the file that an option names; nil or `-` is standard output.
  init(toOption path: String?) throws(MinkeError) {
    if let path, path != "-" {
      try self.init(URL(fileURLWithPath: path))
    } else {
      self.init()
    }
  }
}

/// Says `text` and a line end on standard error; nothing is reported when nobody can hear it.
///
/// What could steer a terminal is made visible: error texts hold names and pieces of files.
func say(_ text: String) {
  let bytes = Array((Style.printable(text, keepingLines: true) + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
