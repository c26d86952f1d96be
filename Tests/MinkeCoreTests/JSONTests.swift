import MinkeCore
import Testing

@Suite struct JSONTests {
  private func parse(_ text: String) throws -> JSONValue {
    try Array(text.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "file.json") }
  }

  @Test func `Values of every kind are read and written back`() throws {
    let text = #"{"a":[1,-2.5,true,false,null,"x"],"b":{"c":""}}"#
    let value = try parse(" \n" + text + "\t")
    #expect(value == ["a": [1, .number(-2.5), true, false, .null, "x"], "b": ["c": ""]])
    #expect(value.text == text)
    #expect(try parse("1e2") == 100)
    #expect(try parse("9007199254740993").double == 9007199254740992)
  }

  @Test func `Escapes become characters, and back`() throws {
    #expect(try parse(#""\"\\\/\b\f\n\r\t\u00e9\ud83d\udc33""#) == .string("\"\\/\u{8}\u{c}\n\r\té🐳"))
    #expect(JSONValue.string("a\"\\\n\u{1}é").text == #""a\"\\\n\u0001é""#)
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "[1 2]", "tru", "nul", "01", "1.", ".5", "+1", "1e", "--1",
    "\"a",
    "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud83d \\udc33\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\nb\"",
    "1 2", "[1]]", "NaN",
    "1e999",
    "{\"a\":1,\"a\":2}",
  ])
  func `Text that is not JSON is an error with its place`(text: String) {
    let error = #expect(throws: MinkeError.self) { try parse(text) }
    #expect(error?.kind == .malformedFile)
    #expect(error?.subject.hasPrefix("file.json, line ") == true)
  }

  @Test func `Bytes that are not UTF-8 are an error`() {
    for bytes: [UInt8] in [[0x22, 0xff, 0x22], [0x22, 0xc3, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22]] {
      #expect(throws: MinkeError.self) {
        try bytes.withUnsafeBytes { try JSONValue(parsing: $0, subject: "f") }
      }
    }
  }

  @Test func `Nesting is limited, not the stack`() {
    let deep = String(repeating: "[", count: 1_000_000)
    let error = #expect(throws: MinkeError.self) { try parse(deep) }
    #expect(error?.expected.contains("64 levels") == true)
    let fine = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    #expect(throws: Never.self) { try parse(fine) }
  }

  @Test func `The line of an error is counted`() {
    let error = #expect(throws: MinkeError.self) { try parse("{\n\"a\": 1,\n\"b\": x\n}") }
    #expect(error?.subject == "file.json, line 3, byte 15")
    #expect(error?.found.contains("x") == true)
  }

  @Test func `Whole numbers of 64 bits are exact`() throws {
    for text in ["9007199254740993", "-9223372036854775808", "9223372036854775807"] {
      #expect(try parse(text).text == text)
    }
    #expect(try parse("9223372036854775808") == .number(0x1p63))
    #expect(try parse("-0.5e1") == -5)
  }

  @Test func `A value can be taken as it stands`() throws {
    let text = #"{"a": {"n": [1.50,  12345678901234567890, "\u0041"]} , "b":1}"#
    var found: [String] = []
    try Array(text.utf8).withUnsafeBytes {
      try JSONReader.read($0, subject: "f") { reader in
        try reader.readObject { reader, _ in found.append(try reader.readText()) }
      }
    }
    #expect(found == [#"{"n": [1.50,  12345678901234567890, "\u0041"]}"#, "1"])
    let error = #expect(throws: MinkeError.self) {
      try Array("{\"a\":[1,}".utf8).withUnsafeBytes {
        try JSONReader.read($0, subject: "f", line: 7) { try $0.readObject { reader, _ in _ = try reader.readText() } }
      }
    }
    #expect(error?.subject == "f, line 7, byte 8")
  }

  @Test func `What could steer a terminal is escaped, what scripts and emoji need is not`() throws {
    let risky = "\u{7f}\u{9b}\u{202e}\u{2066}\u{2028}"
    #expect(JSONValue.string(risky).text == #""\u007f\u009b\u202e\u2066\u2028""#)
    #expect(try parse(JSONValue.string(risky).text) == .string(risky))
    #expect(JSONValue.string("👩‍👧 می‌خواهم").text == "\"👩‍👧 می‌خواهم\"")
  }

  @Test func `Every scalar reads back as it was written, and only what must be is escaped`() throws {
    var wrong: [UInt32] = []
    for value in [0...0x700, 0x1f00...0x2100, 0xfe00...0x1_0010].joined() {
      guard let scalar = Unicode.Scalar(UInt32(value)) else { continue }
      let string = "a\(Character(scalar))é"
      let text = JSONValue.string(string).text
      let isEscaped = scalar == "\"" || scalar == "\\" || scalar.isTerminalControl
      if try parse(text).string?.utf8.elementsEqual(string.utf8) != true
        || text.utf8.contains(UInt8(ascii: "\\")) != isEscaped
      {
        wrong.append(scalar.value)
      }
    }
    #expect(wrong == [])
  }
}
