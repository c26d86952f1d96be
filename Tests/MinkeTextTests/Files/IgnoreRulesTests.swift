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
    ("x/**/y/**/z", "x/1/y/2/y/3/z", true), ("[[:alpha:]]x", "bx", true), ("[[:alpha:]]x", "1x", nil),
    ("[^[:digit:]_]x", "_x", nil), ("[[:upper:]a-c[:space:]]", "\t", true), ("[[:nothing:]]", "n", nil),
    ("[[:alpha]", ":", true), ("***/b", "a/x/b", true), ("a[^x]b", "ayb", true), ("a[/]b", "a/b", nil),
    ("[\\]]x", "]x", true), ("[a-]x", "-x", true), ("[]a]x", "ax", true), (#"foo\\ "#, #"foo\"#, true),
  ])
  func `a pattern means what it means to git`(pattern: String, path: String, decision: Bool?) {
    #expect(isIgnored(path, by: IgnoreRules(pattern.utf8)) == decision)
  }

  private func isIgnored(_ path: String, by rules: IgnoreRules, isFolder: Bool = false) -> Bool? {
    let parts = Array(path.utf8).split(separator: UInt8(ascii: "/"))
    return rules.decision(on: parts, isFolder: isFolder)?.isIgnored
  }

  @Test func `a decision names the line of its rule`() {
    let rules = IgnoreRules("\u{feff}*.o\n\n# objects\n!keep.o\n".utf8)
    let name = Array("keep.o".utf8)[...]
    #expect(rules.decision(on: [name], isFolder: false) == IgnoreRules.Decision(isIgnored: false, line: 4))
    #expect(isIgnored("x.o", by: rules) == true)
  }

  @Test func `a slash at the end takes folders only`() {
    let rules = IgnoreRules("build/\n/docs/out/\n".utf8)
    #expect(isIgnored("a/build", by: rules, isFolder: true) == true)
    #expect(isIgnored("a/build", by: rules, isFolder: false) == nil)
    #expect(isIgnored("docs/out", by: rules, isFolder: true) == true)
    #expect(isIgnored("a/docs/out", by: rules, isFolder: true) == nil)
  }

  @Test func `a pattern of many stars takes no exponential time`() {
    let pattern = String(repeating: "a*", count: 60) + "b\n" + String(repeating: "**/a/", count: 60) + "b"
    let path = String(repeating: "a", count: 2000) + String(repeating: "/a", count: 1000)
    #expect(isIgnored(path, by: IgnoreRules(pattern.utf8)) == nil)
  }
}
