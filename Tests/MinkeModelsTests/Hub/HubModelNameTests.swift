import MinkeCore
import MinkeModels
import Testing

@Suite struct HubModelNameTests {
  @Test(arguments: [
    ("org/name", "org/name", nil), ("gpt2", "gpt2", nil), ("Foo-BAR_foo.bar/a_1", "Foo-BAR_foo.bar/a_1", nil),
    ("org/name@v1.0", "org/name", "v1.0"), ("org/name@refs/pr/1", "org/name", "refs/pr/1"),
    ("org/name@a@b", "org/name", "a@b"),
  ])
  func `names and revisions are told apart`(_ text: String, _ repository: String, _ revision: String?) throws {
    let name = try HubModelName(text)
    #expect(name.repository == repository && name.revision == revision && name.description == text)
  }

  @Test(arguments: [
    "", "/", "a/", "/a", "a/b/c", "../a", "a/..", "a/b..c", ".a/b", "a/.b", "a/b.", "-a/b", "a--b/c", "a/b.git",
    "a b/c",
    "a/b@", "a/b@..", "a/b@x/../../y", "a/b@/x", "a/b@x/", "a/b@x//y", "a/b@.x", "a/b@x.lock", "a/b@x y", "a/b@x\\y",
    "a/b@x\u{1b}[2J", "a/b@x:y", "a/b\u{0}", "ä/b", "~/b", "a\\b/c", String(repeating: "a", count: 97),
  ])
  func `what no hub has as a name is refused`(_ text: String) {
    let error = #expect(throws: MinkeError.self) { try HubModelName(text) }
    #expect(error?.kind == .invalidArgument)
  }

  @Test func `a file's path stays in its folder`() {
    for path in ["config.json", "1_Pooling/config.json", "a b.json", "ä.json", ".gitattributes", "a/.b"] {
      #expect(HubModelName.isFile(path), "\(path)")
    }
    for path in [
      "", "/", "/etc/passwd", "..", "../a", "a/..", "a/../b", "a/./b", "a//b", "a/", "a\\..\\b", "a\u{0}b", "a\nb",
      "a\u{202e}b", String(repeating: "a", count: 256),
    ] { #expect(!HubModelName.isFile(path), "\(path)") }
  }
}
