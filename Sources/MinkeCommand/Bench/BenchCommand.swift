import ArgumentParser

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure how fast this machine encodes and searches, beside a plain read of the same memory.",
    subcommands: [
      Encode.self, Tokenize.self, Search.self, Words.self, Generate.self, Async.self, Collections.self, Train.self,
    ])
}
