import Foundation
import MinkeTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A command that is ended from outside leaves nothing behind and what was there untouched.
@Suite(.timeLimit(.minutes(15))) struct SignalTests {
  private func names(_ folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  /// `minke` on its way, with a pipe to its input.
  private func start(
    _ arguments: [String], environment: [String: String] = [:]
  ) throws -> (process: Process, input: Pipe) {
    let (process, input) = (Process(), Pipe())
    process.executableURL = programURL
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = input
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return (process, input)
  }

  private func waitForDraft(in folder: URL, of process: Process) throws {
    while process.isRunning, try !names(folder).contains(where: { $0.hasSuffix(".part") }) { usleep(2000) }
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func `A signal while a file is written leaves the old file and nothing else`(number: Int32) throws {
    try Fixture.withTemporaryFolder { folder in
      let output = folder.appendingPathComponent("out.npy")
      try Data("old".utf8).write(to: output)
      let (process, input) = try start(["encode", "--dimension", "32", "--output", output.path])
      try input.fileHandleForWriting.write(contentsOf: Data("a whale\n".utf8))
      try waitForDraft(in: folder, of: process)
      kill(process.processIdentifier, number)
      process.waitUntilExit()
      // A shell shows this as 128 and the signal's number.
      #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == number)
      #expect(try names(folder) == ["out.npy"])
      #expect(try String(contentsOf: output, encoding: .utf8) == "old")
      try input.fileHandleForWriting.close()
    }
  }

  @Test(arguments: 0..<6)
  func `A converted model is there whole or not at all, whenever the signal comes`(round: Int) throws {
    try Fixture.withTemporaryFolder { folder in
      let destination = folder.appendingPathComponent("wide")
      let (process, _) = try start(["model", "convert", "minke-sse-en", destination.path, "--format", "float32"])
      if round > 0 {
        try waitForDraft(in: folder, of: process)
        usleep(UInt32(round - 1) * 60_000)
      }
      kill(process.processIdentifier, SIGTERM)
      process.waitUntilExit()
      let left = try names(folder)
      #expect(left == [] || left == ["wide"])
      if left == ["wide"] { #expect(try minke("model", "info", destination.path).status == 0) }
    }
  }

  @Test func `A signal while a benchmark runs leaves no temporary folder`() throws {
    try Fixture.withTemporaryFolder { folder in
      let (process, _) = try start(
        ["bench", "generate", "--tokens", "1", "--prompt", "1"], environment: ["TMPDIR": folder.path])
      try waitForDraft(in: folder, of: process)
      kill(process.processIdentifier, SIGTERM)
      process.waitUntilExit()
      #expect(process.terminationReason == .uncaughtSignal)
      #expect(try names(folder) == [])
    }
  }

  @Test func `A signal that whoever started the command ignores is ignored`() throws {
    let process = Process()
    let (input, output) = (Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "trap '' HUP; exec '\(programURL.path)' tokenize"]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data("whale\n".utf8))
    // What is answered before the end of the input was not held back for it.
    #expect(output.fileHandleForReading.availableData == Data("{\"ids\":[13156],\"tokens\":[\"whale\"]}\n".utf8))
    kill(process.processIdentifier, SIGHUP)
    try input.fileHandleForWriting.write(contentsOf: Data("whale\n".utf8))
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 0)
  }
}
