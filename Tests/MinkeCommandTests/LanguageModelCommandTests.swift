import Foundation
import Minke
import MinkeTestSupport
import Testing

/// The commands that run a language model, on the tiny one.
@Suite struct LanguageModelCommandTests {
  private static let model = "Tests/Fixtures/spikewhale-tiny"

  @Test func `generate continues a prompt greedily unless told otherwise`() throws {
    let run = try shell("minke generate --model \(Self.model) Hello, World! --max-tokens 12 --json")
    #expect(run.status == 0, "\(run.errors)")
    let json = try Array(run.output).withUnsafeBytes { try JSONValue(parsing: $0, subject: "output") }
    let expected = [601, 131, 131, 131, 620, 258, 59, 59, 422, 388, 130, 325]
    #expect(json["tokens"]?.array?.compactMap(\.integer) == expected)
    #expect(json["end"]?.string == "length")
    let plain = try shell("printf 'Hello, World!' | minke generate --model \(Self.model) --max-tokens 12")
    #expect(plain.text == (json["text"]?.string ?? "") + "\n")
    let seeded = "minke generate --model \(Self.model) Hi --temperature 2 --seed 7 --max-tokens 20"
    #expect(try shell(seeded).text == shell(seeded).text)
  }

  @Test func `Without a model the built-in one speaks, and is named`() throws {
    let run = try shell("minke generate The whale --seed 5 --max-tokens 8")
    #expect(run.status == 0 && run.errors.contains("minke-tiny-lm"), "\(run.errors)")
    #expect(run.text.count > 8)
    let named = try shell("minke generate The whale --seed 5 --max-tokens 8 --model minke-tiny-lm")
    #expect(named.text == run.text && !named.errors.contains("minke-tiny-lm"))
    let chat = try shell("printf 'tell me about whales\\n' | minke chat --seed 3 --max-tokens 8")
    #expect(chat.status == 0 && chat.text.count > 8, "\(chat.errors)")
    let info = try shell("minke model info minke-tiny-lm")
    #expect(info.status == 0 && info.text.contains("4bit"), "\(info.text)")
  }

  @Test func `score gives a line for each pair and a perplexity for a text`() throws {
    let pairs = #"printf '{"context":"Hello,","continuation":" World!"}\n\n{"context":"","continuation":"a"}\n'"#
    let run = try shell("\(pairs) | minke score --model \(Self.model) --jsonl")
    #expect(run.status == 0, "\(run.errors)")
    let lines = try run.text.split(separator: "\n").map { line in
      try Array(line.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "output") }
    }
    #expect(lines.count == 2)
    #expect(lines.map { $0["bytes"]?.integer } == [7, 1])
    #expect(lines.allSatisfy { ($0["sum"]?.double ?? 1) < 0 })
    let text = try shell("minke score --model \(Self.model) --input README.md --window 64 --json")
    let json = try Array(text.output).withUnsafeBytes { try JSONValue(parsing: $0, subject: "output") }
    #expect((json["byte_perplexity"]?.double ?? 0) > 1)
  }

  @Test func `chat answers each line of its input`() throws {
    let chat = "minke chat --model \(Self.model) --greedy --max-tokens 4"
    let run = try shell("printf 'Hi\\n/reset\\nHi\\n\\n/quit\\nHi\\n' | \(chat)")
    #expect(run.status == 0, "\(run.errors)")
    let once = try shell("printf 'Hi\\n' | \(chat)")
    #expect(!once.text.isEmpty)
    #expect(run.text == once.text + once.text)
    #expect(run.errors.contains("new conversation"))
  }

  @Test func `quantize writes a model that loads`() throws {
    try Fixture.withTemporaryFolder { folder in
      for (flag, name) in [("", "4bit"), ("--int8", "int8")] {
        let path = folder.appendingPathComponent(name).path
        #expect(try shell("minke model quantize \(Self.model) '\(path)' \(flag)").status == 0)
        let info = try shell("minke model info '\(path)'")
        #expect(info.text.contains("precision          \(name)") || info.text.contains(name), "\(info.text)")
        #expect(try shell("minke generate --model '\(path)' Hi --max-tokens 3").status == 0)
        #expect(try shell("minke model quantize \(Self.model) '\(path)' \(flag)").status == 2)
      }
    }
  }

  struct Case: CustomTestStringConvertible, Sendable {
    let line: String
    let words: [String]
    var testDescription: String { line }
  }

  @Test(arguments: [
    Case(line: "minke generate --model /nowhere a", words: ["/nowhere"]),
    Case(line: "minke generate --model Examples a", words: ["Examples", "spike_whale"]),
    Case(line: "minke generate --model \(model) a --temperature 0", words: ["temperature", "above 0"]),
    Case(line: "minke generate --model \(model) a --temperature=-1", words: ["temperature", "-1"]),
    Case(line: "minke generate --model \(model) a --top-p 1.5", words: ["top-p", "1.5"]),
    Case(line: "minke generate --model \(model) a --top-k 0", words: ["top-k"]),
    Case(line: "minke generate --model \(model) a --greedy --top-k 3", words: ["--greedy"]),
    Case(line: "head -c 999 /dev/zero | minke generate --model \(model)", words: ["context", "128", "999"]),
    Case(line: "printf '\\377' | minke generate --model \(model)", words: ["standard input", "UTF-8"]),
    Case(line: "printf '\\377\\n' | minke chat --model \(model)", words: ["standard input", "UTF-8"]),
    Case(line: "echo '{}' | minke score --jsonl --model \(model)", words: ["line 1", "context"]),
    Case(line: "echo 'a' | minke score --jsonl --model \(model)", words: ["line 1"]),
    Case(line: "minke score --model \(model) /no/file", words: ["/no/file"]),
    Case(line: "minke score --model \(model) README.md --window 129", words: ["window", "128"]),
    Case(line: "minke bench generate --model \(model) --precision int8", words: ["--precision", "random"]),
    Case(line: "minke bench generate --model \(model) --prompt 100 --tokens 100", words: ["128", "100 and 100"]),
  ])
  func `the error names the trouble`(wrong: Case) throws {
    let run = try shell(wrong.line)
    #expect(run.status == 2 || run.status == 64, "\(run.status): \(run.errors)")
    for word in wrong.words { #expect(run.errors.contains(word), "\(run.errors)") }
  }
}
