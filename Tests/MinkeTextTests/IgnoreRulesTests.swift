import Testing

@testable import MinkeText

struct IgnoreRulesTests {
  @Test(arguments: [
    ("foo", "foo", true), ("foo", "a/b/foo", true), ("foo", "foobar", nil), ("foo", "a/foo/b", nil),
    ("/foo", "foo", true), ("/foo", "a/foo", nil), ("a/b", "a/b", true), ("a/b", "x/a/b", nil),
    ("*.o", "x.o", true), ("*.o", "a/b/x.o", true), ("*.o", "x.os", nil), ("a/*.o", "a/x.o", true),
    ("a/*.o", "a/b/x.o", nil), ("**/foo", "foo", true), ("**/foo", "a/b/foo", true), ("a/**/b", "a/b", true),
    ("a/**/b", "a/x/y/b", true), ("a/**/b", "a/x/bb", nil), ("a/**", "a/x", true), ("a/**", "a/x/y", true),
    ("a/**", "a", nil), ("**", "x/y", true), ("f?o", "foo", true), ("f?o", "fo", nil), ("?", "é", nil),
    ("[a-c]x", "bx", true), ("[a-c]x", "dx", nil), ("[!a-c]x", "dx", true), ("[^a-c]x", "ax", nil),
    ("[]-]x", "]x", true), ("[]-]x", "-x", true), ("[a", "[a", nil), ("\\#foo", "#foo", true), ("#foo", "#foo", nil),
    (#"\!foo"#, "!foo", true), (#"a\*b"#, "a*b", true), (#"a\*b"#, "axb", nil), ("foo  ", "foo", true),
    (#"foo\ "#, "foo ", true), ("foo\r", "foo", true), ("", "x", nil), ("*\n!keep", "keep", false),
    ("!keep\n*", "keep", true), ("a*b*c", "aXbYc", true), ("a*b*c", "aXbY", nil), ("a**b", "axxb", true),
    ("x/**/y/**/z", "x/1/y/2/y/3/z", true),
  ])
  func `a pattern means what it means to git`(pattern: String, path: String, decision: Bool?) {
    #expect(IgnoreRules(pattern.utf8).decision(on: path, isFolder: false) == decision)
  }

  @Test func `a slash at the end takes folders only`() {
    let rules = IgnoreRules("build/\n/docs/out/\n".utf8)
    #expect(rules.decision(on: "a/build", isFolder: true) == true)
    #expect(rules.decision(on: "a/build", isFolder: false) == nil)
    #expect(rules.decision(on: "docs/out", isFolder: true) == true)
    #expect(rules.decision(on: "a/docs/out", isFolder: true) == nil)
  }

  @Test func `a pattern of many stars takes no exponential time`() {
    let pattern = String(repeating: "a*", count: 60) + "b\n" + String(repeating: "**/a/", count: 60) + "b"
    let path = String(repeating: "a", count: 2000) + String(repeating: "/a", count: 1000)
    #expect(IgnoreRules(pattern.utf8).decision(on: path, isFolder: false) == nil)
  }
}
