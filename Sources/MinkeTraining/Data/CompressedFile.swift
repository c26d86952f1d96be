import Foundation
import MinkeCore
import MinkeText

/// A file of training data, decompressed on the way by the program `gzip` or `xz` where its name ends in `.gz` or `.xz`.
///
/// Nothing decompressed is written anywhere: the program hands it over through a pipe.
enum CompressedFile {
  /// What decompresses a file of this name; nil for one that is read as it is.
  static func program(for path: String) -> String? {
    path.hasSuffix(".gz") ? "gzip" : path.hasSuffix(".xz") ? "xz" : nil
  }

  /// The ending of the name that says what the text is, such as `jsonl`.
  static func form(of path: String) -> String {
    let name = program(for: path) == nil ? path : String(path.dropLast(3))
    return URL(fileURLWithPath: name).pathExtension.lowercased()
  }

  /// The lines of the file at `path`.
  ///
  /// - Throws: `MinkeError` when it cannot be read, or the program is not there; later when its bytes are damaged.
  static func lines(_ path: String) throws -> FileLines {
    guard let program = program(for: path) else { return try FileLines(contentsOf: FilePath(path)) }
    let reader = try Decompression(path, program)
    return FileLines(name: path) { try reader.next().map(Array.init) }
  }
}

#if os(macOS) || !canImport(Darwin)
  /// A program that decompresses a file, and the pipe that it writes to.
  private final class Decompression {
    private let path: String
    private let program: String
    private let process = Process()
    private let output = Pipe()
    private let errors = Pipe()
    private var isDone = false

    init(_ path: String, _ program: String) throws {
      (self.path, self.program) = (path, program)
      guard let input = FileHandle(forReadingAtPath: path) else {
        throw MinkeError(.inputOutput, path, expected: "a file that can be read", found: "none")
      }
      process.executableURL = try Self.find(program, for: path)
      process.arguments = ["-d", "-c"]
      process.standardInput = input
      process.standardOutput = output
      process.standardError = errors
      do {
        try process.run()
      } catch {
        throw MinkeError(.inputOutput, path, expected: "\(program) to run", found: error.localizedDescription)
      }
      // Only the program holds the writing ends, so that its end is the end of the pipe.
      try? output.fileHandleForWriting.close()
      try? errors.fileHandleForWriting.close()
    }

    /// Whoever wants no more need not wait for what is left. A program that was never begun has no number of its own.
    deinit {
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    private static func find(_ program: String, for path: String) throws -> URL {
      let folders = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
      for folder in folders.split(separator: ":") {
        let url = URL(fileURLWithPath: String(folder)).appendingPathComponent(program)
        if FileManager.default.isExecutableFile(atPath: url.path) { return url }
      }
      throw MinkeError(
        .notFound, path, expected: "the program \(program), which decompresses it", found: "none in PATH")
    }

    /// The next piece of the text; nil at its end.
    func next() throws -> Data? {
      if isDone { return nil }
      if let piece = try output.fileHandleForReading.read(upToCount: 1 << 20), !piece.isEmpty { return piece }
      let said = try errors.fileHandleForReading.readToEnd() ?? Data()
      process.waitUntilExit()
      isDone = true
      guard process.terminationReason == .exit, process.terminationStatus == 0 else {
        let text = String(decoding: said, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        throw MinkeError(
          .malformedFile, path, expected: "a file that \(program) decompresses",
          found: text.isEmpty ? "status \(process.terminationStatus)" : text)
      }
      return nil
    }
  }
#else
  /// These systems run no other programs.
  private struct Decompression {
    init(_ path: String, _ program: String) throws {
      throw MinkeError(.unsupportedFile, path, expected: "a file that is not compressed", found: "one of \(program)")
    }

    func next() throws -> Data? { nil }
  }
#endif
