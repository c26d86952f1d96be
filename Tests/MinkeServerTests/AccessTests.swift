import Testing

@testable import MinkeServer

@Suite(.serialized) struct AccessTests {
  @Test(
    arguments: [
      ("localhost", "localhost", nil), ("LOCALHOST:8080", "localhost", 8080), ("[::1]:4141", "::1", 4141),
      ("127.0.0.1", "127.0.0.1", nil), ("a-b.example.org:1", "a-b.example.org", 1),
    ] as [(String, String, Int?)])
  func `A host with a port is read`(text: String, host: String, port: Int?) throws {
    let authority = try #require(Authority(text))
    #expect(authority.host == host)
    #expect(authority.port == port)
  }

  @Test(arguments: ["", ":80", "a b", "example.org:", "example.org:99999", "[::1", "[abc]", "x/y", "a:1:2", "é.org"])
  func `What is no host is refused`(text: String) { #expect(Authority(text) == nil) }

  @Test func `Names are told from addresses`() {
    for (text, isAddress) in [
      ("127.0.0.1", true), ("[::1]", true), ("10.0.0.300", false), ("1.2.3", false), ("localhost", false),
    ] { #expect(Authority(text)?.isAddress == isAddress, "\(text)") }
  }

  @Test func `Origins with the port that their scheme stands for are the same`() {
    #expect(Origin("https://example.org") == Origin("HTTPS://EXAMPLE.org:443"))
    #expect(Origin("http://example.org") != Origin("https://example.org"))
    for text in ["null", "", "example.org", "file:///x", "https://"] { #expect(Origin(text) == nil) }
  }
}
