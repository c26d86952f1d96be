import Testing

@testable import MinkeText

struct RowTests {
  @Test func `each row of a table is a passage with the names of its fields`() throws {
    let crew = try ReadDocument(fixture: "crew.csv")
    #expect(
      crew.texts == [
        "Name: Ahab\nRole: Captain\nSays, often: From hell's heart,\nI stab at \"thee\"",
        "Name: Queequeg\nRole: Harpooner",
        "Name: Ishmael\nRole: Sailor\nSays, often: Call me Ishmael\nextra",
      ])
    crew.checkPlaces()
    #expect(crew.passages.map(\.lines) == [2...3, 5...5, 6...6])
    #expect(crew.slice(2) == "Ishmael,Sailor,Call me Ishmael,extra")
    #expect(crew.slice(0) == "Ahab,Captain,\"From hell's heart,\nI stab at \"\"thee\"\"\"")
  }

  @Test func `the sign between fields is found, and a first row of numbers is a row`() throws {
    let semicolons = try ReadDocument("a;b\n1,5;x\n", .csv)
    #expect(semicolons.texts == ["a: 1,5\nb: x"])
    let tabs = try ReadDocument("name\ttext\nx\t\"y\tz\"\n", .tsv)
    #expect(tabs.texts == ["name: x\ntext: y\tz"])
    let numbers = try ReadDocument("1,2\n3,4", .csv)
    #expect(numbers.texts == ["1\n2", "3\n4"])
    #expect(try ReadDocument("", .csv).texts.isEmpty && ReadDocument("\n\n", .csv).texts.isEmpty)
    #expect(try ReadDocument("a,b\n", .csv).texts.isEmpty)
  }

  @Test func `a quote that is never closed is a sign like others`() throws {
    let rows = try ReadDocument("a,b\n1,\"x\n2,y\n", .csv)
    #expect(rows.texts == ["a: 1\nb: \"x", "a: 2\nb: y"])
    rows.checkPlaces()
    #expect(try ReadDocument("a,b\n\"1\"2,x\n", .csv).texts == ["a: \"1\"2\nb: x"])
  }

  @Test func `a long field is several passages, each in its place`() throws {
    let words = (0..<300).map { "word\($0)." }.joined(separator: " ")
    let rows = try ReadDocument("id,text\n1,\"\(words)\"\n2,end\n", .csv, length: 60)
    #expect(rows.texts.count > 5 && rows.texts.last == "id: 2\ntext: end")
    rows.checkPlaces()
    #expect(rows.slice(2) == rows.texts[2])
  }

  @Test func `the strings of a line of JSON are a passage, title and text first`() throws {
    let facts = try ReadDocument(fixture: "facts.jsonl")
    #expect(facts.texts == ["Food\n\nWhales éat krill.\nA lot.\nid: f1", "tags: sea\ntags: big\nby: 🐳"])
    facts.checkPlaces()
    #expect(facts.passages.map(\.lines) == [1...1, 4...4])
    #expect(facts.slice(0).hasPrefix("f1\"") && facts.slice(0).hasSuffix("Food"))
    #expect(facts.omitted?.count == 2 && facts.omitted?.firstLine == 2)
    #expect(facts.omitted?.reason.contains("the end of the text") == true)
  }

  @Test func `the cells of a notebook come in order, without outputs`() throws {
    let notebook = try ReadDocument(fixture: "count.ipynb")
    #expect(
      notebook.texts == [
        "# Whales\n\nWe count \"whales\" — by hand.\n\nimport numpy as np\n\nprint(np.mean([1, 2]))\t# tab",
        "## Results\n\nThree of them 🐳.",
      ])
    notebook.checkPlaces()
    #expect(notebook.slice(0).hasPrefix("# Whales\\n") && notebook.slice(0).hasSuffix("\\t# tab"))
    #expect(notebook.slice(1) == "## Results\\n\\nThree of them \\ud83d\\udc33.")
    #expect(throws: SkipReason.self) { try StructuredText(Array("{}".utf8), format: .notebook) }
    #expect(throws: SkipReason.self) { try StructuredText(Array("{\"cells\": [".utf8), format: .notebook) }
  }
}
