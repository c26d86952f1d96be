import MinkeCore
import Testing

@testable import MinkeSearch

@Suite struct WordQueryTests {
  private func field(_ name: String, _ value: String, _ isExcluded: Bool = false) -> WordQuery.Field {
    WordQuery.Field(name: name, value: value, isExcluded: isExcluded)
  }

  @Test func `words, phrases, what must not occur and fields are told apart`() {
    let query = WordQuery(
      parsing: "  old \"white  whale\" -boat -\"a ship\" path:src/*.c title:\"Moby Dick\" -type:pdf sea ")
    #expect(query.words == ["old", "sea"])
    #expect(query.phrases == ["white  whale"])
    #expect(query.excluded == ["boat", "a ship"])
    #expect(query.fields == [field("path", "src/*.c"), field("title", "Moby Dick"), field("type", "pdf", true)])
    #expect(query.text == "old white  whale sea")
  }

  @Test(arguments: [
    "http://x.org/a?b=c", "https://a", "12:30", "std::vector", "a:", "x: y", "well-known", "--help", "-", "- x",
    "5'10\"",
    "\"unclosed phrase", "C:\\notes", "C:/notes", "a\"b\"", ":x", "::", "don't", "…", "“open", "é:x", "\"",
  ])
  func `what is no sign is plain text`(typed: String) {
    let query = WordQuery(parsing: typed)
    #expect(query.words.joined(separator: " ") == typed)
    #expect(query.phrases == [] && query.excluded == [] && query.fields == [])
    #expect(query.text == typed)
  }

  @Test func `typographic quotation marks are quotation marks`() {
    #expect(WordQuery(parsing: "“white whale” -„big boat“").phrases == ["white whale"])
    #expect(WordQuery(parsing: "“white whale” -„big boat“").excluded == ["big boat"])
  }

  @Test func `odd queries are valid`() {
    #expect(WordQuery(parsing: "").words == [])
    #expect(WordQuery(parsing: " \n\t ").text == "")
    #expect(WordQuery(parsing: "\"\"").phrases == [""])
    #expect(WordQuery(parsing: "-x").text == "")
    #expect(WordQuery(parsing: "a_1:\"\"").fields == [field("a_1", "")])
    #expect(WordQuery(parsing: "\"a\"b -\"c\"d").words == ["b", "d"])
    #expect(WordQuery(parsing: "-path:\"a b\" c").fields == [field("path", "a b", true)])
    #expect(WordQuery(parsing: "re:re:re").fields == [field("re", "re:re")])
    var random = SeededRandom(5)
    let signs = Array("\"-: ab_/\\“”\u{301}é\n")
    for _ in 0..<2_000 {
      let typed = String((0..<Int.random(in: 0..<30, using: &random)).map { _ in signs.randomElement(using: &random)! })
      let query = WordQuery(parsing: typed)
      #expect(query.words.count + query.phrases.count + query.excluded.count + query.fields.count <= typed.count)
    }
  }
}
