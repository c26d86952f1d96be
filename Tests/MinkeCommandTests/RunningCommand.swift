import Foundation
import MinkeTestSupport

/// A finished run of the command.
struct Run {
  let status: Int32
  let output: Data
  let errors: String

  var text: String { String(decoding: output, as: UTF8.self) }
}

/// Runs `minke`, as built beside the tests, and waits for its end.
func minke(
  _ arguments: String..., input: Data = Data(), environment: [String: String] = [:], in folder: URL? = nil
) throws -> Run {
  try minke(arguments, input: input, environment: environment, in: folder)
}

func minke(
  _ arguments: [String], input: Data = Data(), environment: [String: String] = [:], in folder: URL? = nil
) throws -> Run {
  let process = Process()
  process.executableURL = programURL
  process.arguments = arguments
  process.currentDirectoryURL = folder ?? packageURL
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  return try Fixture.withTemporaryFolder { folder in
    // Files, not pipes: neither side ever waits for the other.
    let files = ["in", "out", "err"].map { folder.appendingPathComponent($0) }
    try input.write(to: files[0])
    for file in files[1...] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
    process.standardInput = try FileHandle(forReadingFrom: files[0])
    process.standardOutput = try FileHandle(forWritingTo: files[1])
    process.standardError = try FileHandle(forWritingTo: files[2])
    try process.run()
    process.waitUntilExit()
    return Run(
      status: process.terminationStatus, output: try Data(contentsOf: files[1]),
      errors: String(decoding: try Data(contentsOf: files[2]), as: UTF8.self))
  }
}

/// The same for a line of a shell, in which `minke` is the program.
func shell(_ line: String) throws -> Run {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/bin/bash")
  process.arguments = ["-c", "minke() { '\(programURL.path)' \"$@\"; }; \(line)"]
  process.currentDirectoryURL = packageURL
  let (output, errors) = (Pipe(), Pipe())
  (process.standardOutput, process.standardError) = (output, errors)
  try process.run()
  let text = output.fileHandleForReading.readDataToEndOfFile()
  let said = errors.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return Run(status: process.terminationStatus, output: text, errors: String(decoding: said, as: UTF8.self))
}

let packageURL = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

let programURL: URL = {
  #if os(macOS)
    let bundles = Bundle.allBundles.filter { $0.bundlePath.hasSuffix(".xctest") }
    let folder = bundles.first?.bundleURL.deletingLastPathComponent() ?? Bundle.main.bundleURL
  #else
    let folder = Bundle.main.bundleURL
  #endif
  return folder.appendingPathComponent("minke")
}()
