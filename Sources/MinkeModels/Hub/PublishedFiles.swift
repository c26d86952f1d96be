import MinkeCheckpoints
import MinkeCore

/// The files of a published model, and which of them Minke reads, told from their names.
///
/// A repository may hold the same weights in many forms. Of each folder that counts, only one form is taken: the first
/// that loading would take.
package struct PublishedFiles: Sendable {
  private let names: Set<String>

  /// - Parameter names: the paths of all files of the repository.
  package init(_ names: some Sequence<String>) { self.names = Set(names) }

  /// The list of the model's parts, which says what folders count; nil where there is none.
  package var moduleList: String? { names.contains("modules.json") ? "modules.json" : nil }

  /// The folders that count: the model's own, whose path is empty, and those of `modules`.
  package static func folders(of modules: [ModelFolder.Module]) -> [String] {
    var folders = [""]
    for module in modules where !folders.contains(module.path) { folders.append(module.path) }
    return folders
  }

  /// The settings and the tokenizer's files in `folders`.
  package func settings(in folders: [String]) -> [String] {
    folders.flatMap { folder in
      inside(folder).filter { Self.settingNames.contains($0) || Self.isSentenceSetting($0) }.sorted()
        .map { Self.path($0, in: folder) }
    }
  }

  /// The files of the weights in `folders`; one of them may be the index of others.
  package func weights(in folders: [String]) -> [String] {
    folders.flatMap { folder in
      weights(of: inside(folder), isModel: folder.isEmpty).map { Self.path($0, in: folder) }
    }
  }

  /// Whether `path` is that of an index, which names the files that the weights are in.
  package static func isIndex(_ path: String) -> Bool { path.hasSuffix(".index.json") }

  /// The files that the index `bytes`, itself at `path`, names.
  ///
  /// - Throws: `MinkeError` when the index is malformed or names a file that is not there.
  package func shards(of bytes: UnsafeRawBufferPointer, at path: String) throws -> [String] {
    let folder = path.split(separator: "/").dropLast().joined(separator: "/")
    return try Set(Checkpoint.shardNames(of: bytes, path: path).values).sorted().map { name in
      let shard = Self.path(name, in: folder)
      guard names.contains(shard) else {
        throw MinkeError(.malformedFile, path, expected: "the names of files beside it", found: "\"\(name)\"")
      }
      return shard
    }
  }

  private func weights(of names: Set<String>, isModel: Bool) -> [String] {
    if isModel, names.contains(StaticEncoder.packedTableName) {
      return ([StaticEncoder.packedTableName, StaticEncoder.packedRestName] + Self.heads).filter(names.contains)
    }
    let usual = ModelFolder.weightsNames.first(where: names.contains)
    guard isModel else { return [usual].compactMap { $0 } }
    // Without anything else, an archive of any name may be the model; beside weights it is the state of some training.
    let archives = names.filter { $0.hasSuffix(".pt") && (usual == nil || $0.hasPrefix("binary_embedder_")) }
    return [usual].compactMap { $0 } + Set(Self.heads.filter(names.contains)).union(archives).sorted()
  }

  /// What stands behind a model's other weights.
  private static let heads = [StaticBinaryEncoder.fileName, ByrneEncoder.headName]

  private static let settingNames: Set<String> = [
    "config.json", "modules.json", Prompts.fileName, "generation_config.json", "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt", "tokenizer.model",
    "sentencepiece.bpe.model", "spiece.model", "chat_template.jinja",
  ]

  /// `sentence_bert_config.json` and those like it.
  private static func isSentenceSetting(_ name: String) -> Bool {
    name.hasPrefix("sentence_") && name.hasSuffix("_config.json")
  }

  /// The names of the files that lie in `folder` itself.
  private func inside(_ folder: String) -> Set<String> {
    let start = folder.isEmpty ? "" : "\(folder)/"
    return Set(
      names.lazy.filter { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
        .filter { !$0.isEmpty && !$0.contains("/") })
  }

  private static func path(_ name: String, in folder: String) -> String { folder.isEmpty ? name : "\(folder)/\(name)" }
}
