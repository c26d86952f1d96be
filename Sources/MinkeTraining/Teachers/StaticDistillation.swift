import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeText

/// A static model out of a teacher and a vocabulary, without any text: each token's row is what the teacher makes of the
/// token alone (``TeacherTable``). Its folder has model2vec's layout, which sentence-transformers reads too.
package struct StaticDistillation: Sendable {
  package let table: TeacherTable
  /// Words that were asked for and are no token of their own, because the tokenizer takes them apart before it looks them
  /// up.
  package let omittedWords: [String]
  private let teacher: String
  private let tokenizer: JSONValue

  /// - Parameters:
  ///   - teacher: an encoder of numbers whose tokenizer is WordPiece.
  ///   - words: tokens beyond those of the teacher's tokenizer.
  ///   - dimension: numbers of a vector, at most the teacher's.
  ///   - progress: hears of the tokens.
  /// - Throws: `MinkeError` when the teacher gives bits, has no WordPiece tokenizer or fewer numbers.
  package init(
    teacher name: String, words: [String] = [], dimension: Int, progress: ProgressHandler? = nil
  ) throws {
    let file = try MappedFile(ModelSource(name).open().requiredFile("tokenizer.json"))
    let loaded = try ModelLibrary.textEncoder(name, tokenizer: Self.readingPieces(file))
    // How long a token's vector is says how much it says.
    let teacher = (loaded as? TransformerEncoder)?.keepingLengths() ?? loaded
    guard (1...teacher.dimension).contains(dimension) else {
      throw MinkeError(
        .invalidArgument, "dimension", expected: "1 to \(teacher.dimension), the teacher's", found: "\(dimension)")
    }
    let json = try JSONValue(parsing: file.bytes, subject: file.path)
    let vocabulary = try VocabularyExtension(json, words: words, subject: file.path)
    table = try TeacherTable(
      teacher: teacher, tokenizer: vocabulary.tokenizer,
      .init(dimension: dimension, smoothing: 1e-4, readsPieces: true), progress: progress)
    (self.teacher, omittedWords, tokenizer) = (teacher.identity.name, vocabulary.omitted, vocabulary.json)
  }

  /// The tokenizer of the teacher, which also finds the pieces that go on a word where they stand by themselves: the
  /// teacher then reads each as it does within words.
  private static func readingPieces(_ file: MappedFile) throws -> any Tokenizer {
    let plain = try WordPieceTokenizer(parsing: file.bytes, subject: file.path)
    let pieces = (0..<TokenID(plain.vocabularySize)).compactMap { id in
      plain.token(id).flatMap { $0.hasPrefix("##") && $0.count > 2 ? AddedToken(id: id, content: $0) : nil }
    }
    return plain.adding(pieces)
  }

  /// Makes the folder of the model, which appears whole or not at all.
  ///
  /// - Throws: `MinkeError` when there is something at `destination`, or writing fails.
  package func save(to destination: URL) throws {
    try FolderWriter.write(to: destination) { draft in
      func write(_ json: JSONValue, _ name: String) throws {
        try Data(json.text.utf8).write(to: draft.appendingPathComponent(name))
      }
      let rows = table.rows.count / table.dimension
      try Safetensors.write(
        [Tensor(name: "embeddings", shape: [rows, table.dimension], floats: table.rows)],
        to: draft.appendingPathComponent("model.safetensors"))
      try write(tokenizer, "tokenizer.json")
      try write(
        [
          "model_type": "model2vec", "architectures": ["StaticModel"], "tokenizer_name": .string(teacher),
          "apply_pca": .integer(table.dimension), "hidden_dim": .integer(table.dimension), "seq_length": 1_000_000,
          "normalize": true,
        ], "config.json")
      try write(
        [
          ["idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"],
          ["idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"],
        ], "modules.json")
      try FileManager.default.createDirectory(
        at: draft.appendingPathComponent("1_Normalize"), withIntermediateDirectories: false)
    }
  }
}

/// A WordPiece tokenizer with words of one's own as whole tokens.
struct VocabularyExtension {
  let json: JSONValue
  let tokenizer: WordPieceTokenizer
  /// Words that did not become tokens.
  let omitted: [String]

  /// Appends those of `words` to the vocabulary of the tokenizer `json` that it would find: words of letters that it does
  /// not cut, in the form that it gives them.
  ///
  /// - Throws: `MinkeError` when it is not a WordPiece tokenizer.
  init(_ json: JSONValue, words: [String], subject: String) throws {
    let plain = try Self.tokenizer(json, subject)
    guard var root = json.object, var model = root["model"]?.object, var vocabulary = model["vocab"]?.object else {
      throw MinkeError(.malformedFile, subject, expected: "a member \"model\" with \"vocab\"", found: "none")
    }
    var seen = Set<String>()
    // A tokenizer that lower-cases finds only lower-case tokens: which form it is shows in what it finds.
    let forms = words.flatMap { word in [word, word.lowercased()] }.filter { !$0.isEmpty && seen.insert($0).inserted }
    let new = forms.filter { vocabulary[$0] == nil }
    for (place, word) in new.enumerated() { vocabulary[word] = .integer(plain.vocabularySize + place) }
    model["vocab"] = .object(vocabulary)
    root["model"] = .object(model)
    let all = try new.isEmpty ? plain : Self.tokenizer(.object(root), subject)
    func isToken(_ word: String) -> Bool { all.encode(word, addingSpecialTokens: false).count == 1 }
    let found = new.filter { word in
      let ids = all.encode(word, addingSpecialTokens: false)
      return ids.count == 1 && all.token(ids[0]) == word
    }
    for word in new { vocabulary[word] = nil }
    for (place, word) in found.enumerated() { vocabulary[word] = .integer(plain.vocabularySize + place) }
    model["vocab"] = .object(vocabulary)
    root["model"] = .object(model)
    self.json = .object(root)
    tokenizer = try Self.tokenizer(self.json, subject)
    omitted = words.filter { !$0.isEmpty && !isToken($0) }
  }

  private static func tokenizer(_ json: JSONValue, _ subject: String) throws -> WordPieceTokenizer {
    try Array(json.text.utf8).withUnsafeBytes { try WordPieceTokenizer(parsing: $0, subject: subject) }
  }
}
