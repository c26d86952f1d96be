import Crypto
import MinkeModels

/// The hash that a file has as its name and by which it is checked.
enum BlobHash: Sendable, Equatable {
  /// SHA-256 of the content, of files that git keeps elsewhere because they are large.
  case content(String)
  /// SHA-1 of the content behind git's header, of all others.
  case git(String)

  /// The hash in the header `ETag`; nil for anything else that may stand there.
  init?(tag: String) {
    let text = tag.hasPrefix("W/") ? tag.dropFirst(2) : tag[...]
    let name = text.hasPrefix("\"") && text.hasSuffix("\"") && text.count > 1 ? text.dropFirst().dropLast() : text
    guard HubModelName.isCommit(String(name)) else { return nil }
    self = name.utf8.count == 64 ? .content(String(name)) : .git(String(name))
  }

  /// The hash in hexadecimal digits: the name of the blob.
  var name: String {
    switch self {
    case .content(let name), .git(let name): name
    }
  }

  /// What computes a hash of this kind of `size` bytes.
  func hasher(size: Int) -> SecureHash {
    switch self {
    case .content: return .sha256(SHA256())
    case .git:
      var hasher = SecureHash.sha1(Insecure.SHA1())
      Array("blob \(size)\0".utf8).withUnsafeBytes { hasher.update($0) }
      return hasher
    }
  }
}
