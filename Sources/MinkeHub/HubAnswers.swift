import MinkeCore
import MinkeModels
import NIOCore

/// What a hub knows of a model at one commit.
struct HubListing {
  let commit: String
  /// The paths of all files.
  let paths: [String]
}

/// A file of a model at one commit, as the hub describes it.
struct HubFile: Sendable {
  let path: String
  let hash: BlobHash
  let size: Int
}

extension HubClient {
  /// The files of the model `name`, at the commit that its revision leads to now.
  ///
  /// - Throws: `MinkeError` that says what to do when the hub has no such model, does not give it, or cannot be reached.
  func listing(of name: HubModelName) async throws -> HubListing {
    let revision = percentEncoded(name.revision ?? HubModelName.defaultRevision)
    let path = "/api/models/\(name.repository)/revision/\(revision)"
    return try await retrying {
      let (answer, body) = try await send(.GET, path, leavesHub: false) { answer, body in
        guard answer.status == 200 else { throw failure(answer, name, file: nil) }
        return (answer, try await body.collect(upTo: Self.longestListing))
      }
      let subject = "\(answer.origin): \(name)"
      let json = try body.withUnsafeReadableBytes { try JSONValue(parsing: $0, subject: subject) }
      guard let commit = json["sha"]?.string, HubModelName.isCommit(commit), let files = json["siblings"]?.array else {
        throw MinkeError(
          .network, subject, expected: "the commit and the files of a model; HF_ENDPOINT names another hub",
          found: "something else")
      }
      return HubListing(commit: commit, paths: files.compactMap { $0["rfilename"]?.string })
    }
  }

  /// The most bytes of a list of files.
  private static let longestListing = 64 << 20

  /// Where `file` of the model `repository` at `commit` is.
  func path(of file: String, in repository: String, at commit: String) -> String {
    "/\(repository)/resolve/\(commit)/\(percentEncoded(file, keepingSlashes: true))"
  }

  /// What the hub says of the file `path` of the model `repository` at `commit`.
  ///
  /// - Throws: `MinkeError` as ``listing(of:)``, and when size or hash are missing or malformed.
  func description(of path: String, in repository: String, at commit: String) async throws -> HubFile {
    let name = HubModelName.at(repository, commit: commit)
    let answer = try await retrying {
      try await send(.HEAD, self.path(of: path, in: repository, at: commit), leavesHub: false) { answer, _ in
        // A redirect to where large files lie, or the file itself.
        guard answer.status < 400 else { throw failure(answer, name, file: path) }
        return answer
      }
    }
    let subject = "\(answer.origin): \(repository): \(path)"
    if let other = answer.value("x-repo-commit"), other != commit {
      throw MinkeError(.network, subject, expected: "commit \(commit)", found: "\"\(other)\"")
    }
    let tag = answer.value("x-linked-etag") ?? answer.headers.first(name: "etag")
    guard let tag, let hash = BlobHash(tag: tag) else {
      throw MinkeError(
        .network, subject, expected: "an ETag that is the file's hash", found: tag.map { "\"\($0)\"" } ?? "none")
    }
    let length =
      answer.value("x-linked-size") ?? (answer.status == 200 ? answer.headers.first(name: "content-length") : nil)
    guard let size = length.flatMap({ Int($0) }), size >= 0 else {
      throw MinkeError(.network, subject, expected: "the file's size", found: length.map { "\"\($0)\"" } ?? "none")
    }
    return HubFile(path: path, hash: hash, size: size)
  }

  /// The failure that `answer` is: what the hub says and what to do about it.
  func failure(_ answer: Answer, _ name: HubModelName, file: String?) -> RequestFailure {
    let (code, words) = (answer.value("x-error-code") ?? "", answer.value("x-error-message") ?? "")
    let said = "HTTP \(answer.status)" + (words.isEmpty ? "" : ", \"\(words.prefix(200))\"")
    let subject = file.map { "\(name): \($0)" } ?? "\(name)"
    func refusal(_ kind: MinkeError.Kind, _ expected: String) -> RequestFailure {
      RequestFailure(MinkeError(kind, subject, expected: expected, found: said))
    }
    switch answer.status {
    case 401 where words.lowercased().hasPrefix("invalid"):
      return refusal(
        .accessDenied,
        "a token that \(answer.origin) knows, in HF_TOKEN; HF_HUB_DISABLE_IMPLICIT_TOKEN=1 asks without one")
    case 401 where code == "GatedRepo", 403 where code == "GatedRepo":
      let first = "a model whose terms you accepted at \(settings.endpoint)/\(name.repository)"
      return refusal(.accessDenied, "\(first)\(settings.token == nil ? ", and your token in HF_TOKEN" : "")")
    case 401, 403:
      let expected =
        settings.token == nil
        ? "a model that everyone may read; for another put a token in HF_TOKEN" : "a model that this token may read"
      return refusal(.accessDenied, expected)
    case 404 where code == "RevisionNotFound":
      return refusal(.notFound, "a branch, tag or commit of \(name.repository)")
    case 404 where code == "EntryNotFound": return refusal(.notFound, "a file of the model")
    case 404:
      let more = settings.token == nil ? "; for one that not everyone may read put a token in HF_TOKEN" : ""
      return refusal(.notFound, "a model at \(settings.endpoint)\(more)")
    case 408, 429, 500, 502, 503, 504:
      let wait = answer.headers.first(name: "retry-after").flatMap { Int($0) }.map { max(0, min($0, 1 << 20)) }
      let when = wait.map { "in \($0) s" } ?? "later"
      var failure = refusal(.network, "an answer; what was fetched stays, try again \(when)")
      (failure.isPassing, failure.wait) = (true, wait.map { .seconds($0) })
      return failure
    default: return refusal(.network, "a model at \(settings.endpoint)")
    }
  }
}
