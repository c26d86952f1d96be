import Testing

@testable import MinkeCommand

@Suite struct LineEditorTests {
  /// The editor after `keys`, and the last event.
  private func typed(_ keys: String, into start: LineEditor = LineEditor()) -> (LineEditor, LineEditor.Event) {
    var editor = start
    var event = LineEditor.Event.editing
    for byte in keys.utf8 { event = editor.take(byte) }
    return (editor, event)
  }

  struct Case: CustomTestStringConvertible, Sendable {
    let keys: String
    let text: String
    let cursor: Int
    var testDescription: String { keys.debugDescription }
  }

  @Test(arguments: [
    Case(keys: "abc", text: "abc", cursor: 3),
    Case(keys: "abc\u{1}x", text: "xabc", cursor: 1),
    Case(keys: "abc\u{1}\u{6}x", text: "axbc", cursor: 2),
    Case(keys: "abc\u{2}\u{2}x", text: "axbc", cursor: 2),
    Case(keys: "abc\u{1}\u{5}x", text: "abcx", cursor: 4),
    Case(keys: "abc\u{7f}", text: "ab", cursor: 2),
    Case(keys: "\u{7f}\u{8}a", text: "a", cursor: 1),
    Case(keys: "abc\u{1}\u{4}", text: "bc", cursor: 0),
    Case(keys: "abc\u{4}", text: "abc", cursor: 3),
    Case(keys: "abc\u{2}\u{b}", text: "ab", cursor: 2),
    Case(keys: "abc\u{2}\u{15}", text: "c", cursor: 0),
    Case(keys: "one two  \u{17}", text: "one ", cursor: 4),
    Case(keys: "one\u{17}\u{17}", text: "", cursor: 0),
    Case(keys: "one two\u{17}\u{1}\u{19}", text: "twoone ", cursor: 3),
    Case(keys: "abc\u{1B}[D\u{1B}[Dx", text: "axbc", cursor: 2),
    Case(keys: "abc\u{1B}[D\u{1B}[C\u{1B}[Cx", text: "abcx", cursor: 4),
    Case(keys: "abc\u{1B}[Hx\u{1B}[Fy", text: "xabcy", cursor: 5),
    Case(keys: "abc\u{1B}OHx\u{1B}OFy", text: "xabcy", cursor: 5),
    Case(keys: "abc\u{1B}[1~x\u{1B}[4~y", text: "xabcy", cursor: 5),
    Case(keys: "abc\u{1}\u{1B}[3~", text: "bc", cursor: 0),
    Case(keys: "one two\u{1B}bx", text: "one xtwo", cursor: 5),
    Case(keys: "one two\u{1}\u{1B}[1;5Cx", text: "onex two", cursor: 4),
    Case(keys: "one two\u{1}\u{1B}d", text: " two", cursor: 0),
    Case(keys: "ab\u{14}", text: "ba", cursor: 2),
    Case(keys: "日本é\u{7f}", text: "日本", cursor: 2),
    Case(keys: "e\u{301}\u{7f}", text: "", cursor: 0),
    Case(keys: "a\u{1B}[99;99;99Zb\u{0}\u{1F}", text: "ab", cursor: 2),
    Case(keys: "\u{1B}[200~a\rb\u{1B}[201~c", text: "a\nbc", cursor: 4),
  ])
  func `keys edit the line`(_ example: Case) {
    let (editor, event) = typed(example.keys)
    #expect(editor.text == example.text)
    #expect(editor.cursor == example.cursor)
    #expect(event == .editing)
  }

  @Test func `some keys are events`() {
    #expect(typed("abc\r").1 == .line("abc"))
    #expect(typed("\r").1 == .line(""))
    #expect(typed("abc\u{3}").1 == .interrupt)
    #expect(typed("\u{4}").1 == .end)
    #expect(typed("\u{1a}").1 == .suspend)
  }

  @Test func `bytes that are no character are passed over`() {
    var editor = LineEditor()
    for byte: UInt8 in [0x61, 0xff, 0x62, 0xe6, 0x97, 0x63, 0xc3, 0xc3, 0xa9, 0x80, 0xed, 0xa0, 0x80, 0x64] {
      #expect(editor.take(byte) == .editing)
    }
    #expect(editor.text == "abcéd")
  }

  @Test func `the arrow keys go through the lines before`() {
    var (editor, _) = typed("one\rtwo\rtwo\r  \r")
    #expect(editor.history == ["one", "two"])
    (editor, _) = typed("new\u{1B}[A", into: editor)
    #expect(editor.text == "two")
    (editor, _) = typed("\u{10}\u{10}", into: editor)
    #expect(editor.text == "one")
    (editor, _) = typed("\u{1B}[B\u{e}\u{e}", into: editor)
    #expect(editor.text == "new")
    // A line from the history that was changed is a new line.
    (editor, _) = typed("\u{1B}[A!\r", into: editor)
    #expect(editor.history == ["one", "two", "two!"])
    #expect(editor.text.isEmpty)
  }

  @Test func `a line is shown around its cursor, wide characters counted`() {
    let (short, _) = typed("abc")
    #expect(short.shown(width: 10) == ("abc", 3))
    let (long, _) = typed("abcdefghij")
    #expect(long.shown(width: 5) == ("ghij", 4))
    #expect(typed("\u{1}", into: long).0.shown(width: 5) == ("abcde", 0))
    let (wide, _) = typed("日本語")
    #expect(wide.shown(width: 10) == ("日本語", 6))
    #expect(wide.shown(width: 5) == ("本語", 4))
    #expect(typed("\u{1B}[200~a\nb\u{1B}[201~").0.shown(width: 9) == ("a↵b", 3))
  }

  @Test func `lines are put together to messages`() {
    var lines = MessageLines()
    #expect(lines.take("one") == "one")
    #expect(lines.take("one\\") == nil)
    #expect(lines.isOpen)
    #expect(lines.take("two") == "one\ntwo")
    #expect(lines.take("\"\"\"") == nil)
    #expect(lines.take("one\\") == nil)
    #expect(lines.take("") == nil)
    #expect(lines.take("two\"\"\"") == "one\\\n\ntwo")
    #expect(lines.take("\"\"\"one\"\"\"") == "one")
    #expect(lines.take("\"\"\"one") == nil)
    lines.clear()
    #expect(!lines.isOpen && lines.take("two") == "two")
  }

  @Test func `a line that begins with a slash is an instruction`() {
    #expect(ChatInstruction("hello") == nil && ChatInstruction(" /quit") == nil)
    #expect(ChatInstruction("/quit") == .quit && ChatInstruction("/help ") == .help)
    #expect(ChatInstruction("/save my file.json ") == .save("my file.json"))
    #expect(ChatInstruction("/save") == .unknown("/save") && ChatInstruction("/cat") == .unknown("/cat"))
    #expect(ChatInstruction("/system Be brief.") == .system("Be brief.") && ChatInstruction("/system") == .system(""))
  }
}
