import Foundation
import Minke
import MinkeTestSupport
import Testing

@testable import MinkeCommand

@Suite struct CommandTests {
  private func json(_ data: Data) throws -> JSONValue {
    try data.withUnsafeBytes { try JSONValue(parsing: $0, subject: "output") }
  }

  /// The parser's default, the name of the type, took half of what the program does to start.
  @Test func `Every command has its name written down`() {
    var commands = MinkeCommand.configuration.subcommands
    #expect(!commands.isEmpty)
    while let command = commands.popLast() {
      #expect(command.configuration.commandName != nil, "\(command)")
      commands += command.configuration.subcommands
    }
  }

  @Test func `Version and help are on standard output`() throws {
    let version = try minke("--version")
    #expect(version.status == 0)
    #expect(version.text == MinkeVersion.current + "\n")
    let help = try minke("--help")
    #expect(help.status == 0)
    for command in ["search", "encode", "tokenize", "similarity", "knn", "bits", "model", "bench"] {
      #expect(help.text.contains("\n  \(command) "), "\(command)")
      #expect(try minke("help", command).status == 0)
    }
  }

  @Test func `Encode writes the vectors that the library gives`() throws {
    let texts = ["a white whale", "", "bread"]
    let input = Data(texts.joined(separator: "\n").utf8 + [0x0a])
    let golden = try ModelLibrary.textEncoder().encode(texts, dimension: 32)
    let lines = try minke("encode", "--dimension", "32", input: input)
    #expect(lines.status == 0, "\(lines.errors)")
    let rows = try lines.text.split(separator: "\n").map { try json(Data($0.utf8)) }
    #expect(rows.count == 3)
    for (index, row) in rows.enumerated() {
      #expect(row["index"]?.integer == index)
      #expect(row["embedding"]?.array?.compactMap { $0.double.map(Float.init) } == golden[index])
    }
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("v.npy")
      let run = try minke("encode", "--dimension", "32", "--output", file.path, input: input)
      #expect(run.status == 0 && run.output.isEmpty)
      #expect(try Embeddings(npy: file) == golden)
      #expect(
        try minke("encode", "--dimension", "32", "--format", "npy", input: input).output == Data(contentsOf: file))
    }
  }

  @Test func `Encode reads JSON lines and names the line that is none`() throws {
    let good = try minke("encode", "--jsonl", "--dimension", "32", input: Data(#"{"text":"a \"whale\""}"#.utf8))
    #expect(good.text.split(separator: "\n").count == 1)
    let bad = try minke("encode", "--jsonl", input: Data("{\"text\":\"a\"}\n{\"txt\":\"b\"}\n".utf8))
    #expect(bad.status == 2)
    #expect(bad.errors.contains("standard input, line 2") && bad.errors.contains("\"text\""))
  }

  @Test func `Tokenize shows ids and tokens`() throws {
    let run = try minke("tokenize", "--special", input: Data("unbelievable\n".utf8))
    let row = try json(run.output)
    #expect(row["tokens"]?.array?.first?.string == "[CLS]")
    #expect(row["tokens"]?.array?.last?.string == "[SEP]")
    #expect(row["ids"]?.array?.first?.integer == 101)
    let plain = try json(minke("tokenize", input: Data("whale\n".utf8)).output)
    #expect(plain["tokens"] == ["whale"])
  }

  @Test func `Similarity is a symmetric matrix`() throws {
    let run = try minke("similarity", "a cat", "a feline", "stock prices", "--json")
    let matrix = try #require(json(run.output)["similarity"]?.array).map { $0.array?.compactMap(\.double) ?? [] }
    #expect(matrix.count == 3 && matrix.allSatisfy { $0.count == 3 })
    #expect(abs(matrix[1][1] - 1) < 1e-6 && matrix[0][1] == matrix[1][0] && matrix[0][1] > matrix[0][2])
    #expect(try minke("similarity", "alone").status == 64)
  }

  @Test func `Neighbours of vectors are themselves, in every storage`() throws {
    try Fixture.withTemporaryFolder { folder in
      let (base, ids) = (folder.appendingPathComponent("base.npy"), folder.appendingPathComponent("ids.npy"))
      let texts = (0..<50).map { "passage \($0) about \(["whales", "bread", "law"][$0 % 3]) and \($0 * $0)" }
      try ModelLibrary.textEncoder().encode(texts).writeNPY(to: base)
      for storage in [["float32"], ["int8"], ["two-stage"], ["binary", "--metric", "hamming"]] {
        let process = try shell(
          "minke knn --base \(base.path) --queries \(base.path) -k 3 --output \(ids.path) --storage "
            + storage.joined(separator: " "))
        #expect(process.status == 0, "\(process.errors)")
        let found = try NumPyArray(contentsOf: ids).values
        #expect(found.shape == [50, 3])
        #expect(try stride(from: 0, to: 150, by: 3).map { try found.integers()[$0] } == Array(0..<50))
      }
    }
  }

  @Test func `A model is converted, quantized and told about`() throws {
    try Fixture.withTemporaryFolder { folder in
      let tiny = Fixture.url("sse-tiny").path
      let (packed, wide) = (folder.appendingPathComponent("p").path, folder.appendingPathComponent("w").path)
      #expect(try minke("model", "quantize", tiny, packed).status == 0)
      #expect(try minke("model", "convert", packed, wide, "--format", "float32").status == 0)
      #expect(try minke("model", "info", packed).text.contains("SSE 4-bit"))
      let report = try json(minke("model", "info", wide, "--json").output)
      #expect(report["facts"]?["dimensions"] == "64, 32")
      #expect(report["tensors"]?.array?.count == 4)
      let input = Data("a whale\n".utf8)
      #expect(
        try minke("encode", "--model", packed, input: input).output
          == minke("encode", "--model", wide, input: input).output)
      let again = try minke("model", "quantize", tiny, packed)
      #expect(again.status == 2 && again.errors.contains("does not exist yet"))
    }
  }

  @Test(arguments: KernelLevel.available)
  func `Every kernel level finds the same neighbours`(level: KernelLevel) throws {
    let input = Data("a white whale\na ship\n".utf8)
    let run = try minke("encode", "--format", "npy", input: input, environment: ["MINKE_KERNELS": level.rawValue])
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.count == 128 + 2 * 512 * 4)
  }

  @Test func `Benchmarks report what they measured`() throws {
    let search = try json(minke("bench", "search", "--count", "2000", "--dimension", "64", "--json").output)
    #expect(search["vectors"]?.double == 2000)
    #expect((search["batch"]?.double ?? 0) > 0 && (search["plain_read"]?.double ?? 0) > 0)
    let encode = try minke("bench", "encode", "Examples/books/time-machine.txt", "--json")
    #expect((try json(encode.output)["encode"]?.double ?? 0) > 0)
  }
}
