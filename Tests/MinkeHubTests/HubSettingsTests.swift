import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeHub

@Suite struct HubSettingsTests {
  private func settings(_ environment: [String: String]) throws -> HubSettings {
    try HubSettings(environment: ["HOME": "/nowhere"].merging(environment) { $1 })
  }

  @Test func `the hub is the usual one unless another is named`() throws {
    let usual = try settings([:])
    #expect(usual.endpoint == "https://huggingface.co" && usual.token == nil && !usual.isOffline)
    #expect(try settings(["HF_ENDPOINT": "http://mirror:8080/base//"]).endpoint == "http://mirror:8080/base")
    for wrong in ["mirror", "ftp://mirror", "http://", ":"] {
      #expect(throws: MinkeError.self) { try settings(["HF_ENDPOINT": wrong]) }
    }
    for yes in ["1", "true", "YES", "On"] { #expect(try settings(["HF_HUB_OFFLINE": yes]).isOffline) }
    #expect(try !settings(["HF_HUB_OFFLINE": "0"]).isOffline && settings(["TRANSFORMERS_OFFLINE": "1"]).isOffline)
  }

  @Test func `the token is in the environment, or else in a file`() throws {
    try Fixture.withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("token")
      try Data("hf_file\n".utf8).write(to: file)
      let home = ["HF_HOME": folder.path]
      #expect(try settings(home).token == "hf_file")
      #expect(try settings(["HF_TOKEN_PATH": file.path]).token == "hf_file")
      #expect(try settings(home.merging(["HF_TOKEN": " hf_variable\n"]) { $1 }).token == "hf_variable")
      #expect(try settings(home.merging(["HUGGING_FACE_HUB_TOKEN": "hf_old"]) { $1 }).token == "hf_old")
      #expect(try settings(home.merging(["HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"]) { $1 }).token == nil)
      // No token may end the header that it stands in.
      let error = #expect(throws: MinkeError.self) { try settings(["HF_TOKEN": "a\u{7f}b"]) }
      #expect(error?.subject == "HF_TOKEN" && error?.description.contains("a\u{7f}b") == false)
      #expect(throws: MinkeError.self) { try settings(["HF_TOKEN": "ä"]) }
    }
  }

  @Test func `proxies are for the schemes and hosts that they are named for`() throws {
    func isNeeded(_ address: String, _ environment: [String: String]) throws -> Bool {
      let origin = try #require(URL(string: address).flatMap(Origin.init))
      return try settings(environment).proxies.proxy(for: origin) != nil
    }
    let proxy = ["HTTPS_PROXY": "http://user:word@proxy:3128"]
    #expect(try isNeeded("https://huggingface.co", proxy) && !isNeeded("http://huggingface.co", proxy))
    #expect(try isNeeded("http://a", ["all_proxy": "proxy:1"]) && isNeeded("https://a", ["ALL_PROXY": "http://p"]))
    let none = proxy.merging(["NO_PROXY": "localhost, .example.org,127.0.0.1,*.b.c,host:8443"]) { $1 }
    for address in [
      "https://localhost:1", "https://example.org", "https://a.example.org", "https://127.0.0.1", "https://x.b.c",
      "https://host:8443",
    ] { #expect(try !isNeeded(address, none), "\(address)") }
    for address in ["https://myexample.org", "https://host", "https://10.0.0.1"] {
      #expect(try isNeeded(address, none), "\(address)")
    }
    #expect(try !isNeeded("https://a", proxy.merging(["no_proxy": "*"]) { $1 }))
    #expect(throws: MinkeError.self) { try settings(["HTTPS_PROXY": "gopher://proxy"]) }
  }

  @Test func `only whole hashes are taken for hashes`() {
    let (small, large) = (String(repeating: "0a", count: 20), String(repeating: "0a", count: 32))
    #expect(BlobHash(tag: "\"\(small)\"") == .git(small) && BlobHash(tag: small) == .git(small))
    #expect(BlobHash(tag: "W/\"\(large)\"") == .content(large))
    for tag in ["", "\"", "\"\"", "W/", "\"\(small.dropLast())\"", "\"\(small.uppercased())\"", "\"../\(small)\""] {
      #expect(BlobHash(tag: tag) == nil, "\(tag)")
    }
  }

  @Test func `hashes are those of git and of large files`() {
    // `printf 'hello\n' | git hash-object --stdin`, and sha256sum.
    let text = Array("hello\n".utf8)
    let git = BlobHash.git("ce013625030ba8dba906f756967f9e9ca394464a")
    let content = BlobHash.content("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")
    for hash in [git, content] {
      var hasher = hash.hasher(size: text.count)
      for byte in text { withUnsafeBytes(of: byte) { hasher.update($0) } }
      #expect(hasher.digits == hash.name)
    }
  }
}
