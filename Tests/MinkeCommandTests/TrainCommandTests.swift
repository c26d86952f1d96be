import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite(.timeLimit(.minutes(15))) struct TrainCommandTests {
  private static func writePairs(_ count: Int, to url: URL) throws {
    var generator = SplitMix64(seed: 3)
    let letters = Array("abcdefghijklmnopqrstuvwxyz")
    func text(_ length: Int) -> String {
      (0..<length).map { _ in String((0..<3).map { _ in letters[generator.below(26)] }) }.joined(separator: " ")
    }
    // A positive has the words of its anchor and others, which can be learnt.
    let lines = (0..<count).map { _ in
      let anchor = text(3)
      return #"{"anchor": "\#(anchor)", "positive": "\#(anchor) \#(text(3))"}"#
    }
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: url)
  }

  private func arguments(_ data: URL, _ output: URL, _ more: String...) -> [String] {
    [
      "train", "sse", "--data", data.path, "--from", Fixture.url("sse-tiny").path, "--output", output.path, "--batch",
      "16", "--epochs", "40", "--checkpoint-every", "3",
    ] + more
  }

  private func weights(_ run: URL) throws -> Data {
    try Data(contentsOf: run.appendingPathComponent("model/model.safetensors"))
  }

  private func start(_ arguments: [String]) throws -> (process: Process, errors: Pipe) {
    let (process, errors) = (Process(), Pipe())
    process.executableURL = programURL
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = errors
    try process.run()
    return (process, errors)
  }

  @Test func `A run that is killed again and again goes on to the bits of one that is not`() throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("rows.jsonl")
      try Self.writePairs(200, to: data)
      let (whole, killed) = (folder.appendingPathComponent("a"), folder.appendingPathComponent("b"))
      #expect(try minke(arguments(data, whole)).status == 0)
      let checkpoint = killed.appendingPathComponent("checkpoint.safetensors").path
      var kills = 0
      for round in 0..<4 {
        let (process, _) = try start(
          round == 0 ? arguments(data, killed) : ["train", "sse", "--output", killed.path, "--resume"])
        while round == 0, process.isRunning, !FileManager.default.fileExists(atPath: checkpoint) { usleep(500) }
        usleep(UInt32.random(in: 0..<(round == 0 ? 100_000 : 600_000)))
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        if process.terminationReason == .uncaughtSignal { kills += 1 }
      }
      #expect(kills > 0)
      let last = try minke("train", "sse", "--output", killed.path, "--resume")
      #expect(last.status == 0, "\(last.errors)")
      #expect(try weights(whole) == weights(killed))
      // What killed processes left half written is gone.
      let names = try FileManager.default.contentsOfDirectory(atPath: killed.path).sorted()
      #expect(names == ["checkpoint.safetensors", "curves.svg", "metrics.jsonl", "model", "recipe.json"])
    }
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `A signal leaves a checkpoint and a line that says how to go on`(number: Int32) throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("rows.jsonl")
      try Self.writePairs(200, to: data)
      let output = folder.appendingPathComponent("run")
      var arguments = arguments(data, output)
      arguments[arguments.firstIndex(of: "40").unsafelyUnwrapped] = "4000"
      let (process, errors) = try start(arguments)
      let metrics = output.appendingPathComponent("metrics.jsonl")
      while process.isRunning, ((try? Data(contentsOf: metrics))?.isEmpty ?? true) { usleep(1000) }
      kill(process.processIdentifier, number)
      let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationReason == .exit && process.terminationStatus == 130)
      #expect(said.contains("minke train sse --output \(output.path) --resume"))
      #expect(!FileManager.default.fileExists(atPath: output.appendingPathComponent("model").path))
      // The checkpoint is of the last step made.
      let lines = try String(contentsOf: metrics, encoding: .utf8).split(separator: "\n")
        .count { $0.contains("\"loss\"") }
      let step = said.split(separator: " ").compactMap { Int($0) }.first
      #expect(step == lines)
    }
  }

  @Test(
    .disabled(
      if: ProcessInfo.processInfo.environment["TSAN_OPTIONS"] != nil,
      "the thread sanitizer itself ends where files are limited: even --version does"))
  func `A disk without room ends the run and leaves the last checkpoint`() throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("rows.jsonl")
      try Self.writePairs(200, to: data)
      let output = folder.appendingPathComponent("run")
      let (process, _) = try start(arguments(data, output))
      let checkpoint = output.appendingPathComponent("checkpoint.safetensors")
      while process.isRunning, !FileManager.default.fileExists(atPath: checkpoint.path) { usleep(500) }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      let before = try Data(contentsOf: checkpoint)
      // Blocks of 1 KiB: the metrics have room, a checkpoint has not.
      let full = try shell("ulimit -f 400; minke train sse --output '\(output.path)' --resume")
      #expect(full.status == 2 && full.errors.contains("checkpoint.safetensors"), "\(full.errors)")
      #expect(try Data(contentsOf: checkpoint) == before)
      #expect(try minke("train", "sse", "--output", output.path, "--resume").status == 0)
    }
  }

  @Test func `Recipes and flags that do not fit are named`() throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("rows.jsonl")
      try Self.writePairs(60, to: data)
      let output = folder.appendingPathComponent("run")
      func expect(_ arguments: [String], _ piece: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let run = try minke(arguments)
        #expect(run.status == 2 && run.errors.contains(piece), "\(run.errors)", sourceLocation: sourceLocation)
      }
      try expect(["train", "sse", "--output", output.path], "a file to learn from")
      try expect(["train", "sse", "--output", output.path, "--resume"], "a run to go on with")
      try expect(arguments(data, output, "--held-out", "20", "--batch", "100"), "1 to 40, the rows there are")
      try expect(arguments(data, output, "--held-out", "60"), "fewer than the 60 rows")
      try expect(arguments(data, output, "--columns", "anchor"), "two columns by name")
      let recipe = folder.appendingPathComponent("recipe.json")
      try Data(#"{"batchsize": 3}"#.utf8).write(to: recipe)
      try expect(arguments(data, output, "--config", recipe.path), "\"batchsize\"")
      #expect(!FileManager.default.fileExists(atPath: output.path))

      let dry = try minke(arguments(data, output, "--held-out", "20", "--dry-run"))
      #expect(dry.status == 0 && dry.text.contains("memory") && dry.text.contains("80"), "\(dry.text)")
      #expect(!FileManager.default.fileExists(atPath: output.path))

      // A file's recipe, with what the command line says before it.
      try Data(#"{"kind": "sse", "batch": 8, "steps": 2, "rate": 0.25}"#.utf8).write(to: recipe)
      #expect(
        try minke(
          "train", "sse", "--config", recipe.path, "--data", data.path, "--from", Fixture.url("sse-tiny").path,
          "--output", output.path, "--rate", "0.125"
        ).status == 0)
      let written = try String(contentsOf: output.appendingPathComponent("recipe.json"), encoding: .utf8)
      #expect(written.contains("\"batch\": 8") && written.contains("\"rate\": 0.125"))
      try expect(arguments(data, output), "a run; --resume goes on with it")
      try expect(
        ["train", "sse", "--output", output.path, "--resume", "--rate", "0.5"], "rate: 0.5 now, 0.125 in the run")
      let again = try minke("train", "sse", "--output", output.path, "--resume")
      #expect(again.status == 0 && again.errors.contains("all steps were made"))
    }
  }

  @Test func `A compressed file without its program is said`() throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("rows.jsonl.xz")
      try Data([0xfd]).write(to: data)
      let run = try minke(
        arguments(data, folder.appendingPathComponent("run")), environment: ["PATH": folder.path])
      #expect(run.status == 2 && run.errors.contains("the program xz"), "\(run.errors)")
    }
  }
}
