import GRDB
import Minke
import MinkeCore
import MinkeModels
import MinkeSearch
import MinkeText

extension Collection {
  /// Makes the vectors and words of the collection at `path` anew, with another model or other settings, from the texts
  /// that it keeps. Documents and passages stay as they are.
  ///
  /// It is one transaction: until it ends, others find what was there before, and if it does not end, that is what stays.
  /// - Parameters:
  ///   - modelName: what to call the model in the file: a built-in name or a path.
  ///   - progress: hears how many passages are done.
  /// - Throws: `MinkeError` when the collection cannot be written to or the settings do not go together;
  ///   `CancellationError`.
  public static func reindex(
    _ path: String, encoder: any TextEncoder, modelName: String? = nil, precision: Precision? = nil,
    dimension: Int? = nil, storage: CollectionSettings.Storage? = nil, stems: Bool? = nil,
    progress: ProgressHandler? = nil
  ) throws {
    let before = try Self.settings(of: path)
    let after = try CollectionSettings(
      encoder, modelName: modelName, precision: precision, dimension: dimension,
      storage: storage ?? (encoder.metric == .hamming || before.metric == .hamming ? nil : before.storage),
      stems: stems ?? before.stems)
    let file = try CollectionFile(path, creates: false, readOnly: false)
    defer { try? file.close() }
    try file.write { db in
      let generation = try db.generation(of: path)
      try db.run("DELETE FROM vectors")
      try db.run("DELETE FROM words")
      try db.run("DELETE FROM blocks")
      try after.write(to: db)
      try db.run("UPDATE properties SET value = ? WHERE name = 'generation'", [generation + 1])
      let total = try Int.fetchOne(db, sql: "SELECT count(*) FROM passages") ?? 0
      var (last, done): (Int64, Int) = (0, 0)
      while done < total {
        try Task.checkCancellation()
        var ids: [Int64] = []
        var texts: [String] = []
        try db.forEachRow(
          "SELECT id, context, text FROM passages WHERE id > ? ORDER BY id LIMIT 32768", [last],
          of: "\(path): passages"
        ) { row in
          ids.append(try row.integer(0))
          texts.append(NewPassage.searchedText(try row.text(2), context: try row.optionalText(1)))
        }
        guard let highest = ids.last else { break }
        let (passages, offset) = (texts, done)
        let vectors = try encoder.encode(
          passages,
          options: EncodingOptions(dimension: dimension, role: .document) { completed, _ in
            progress?(offset + completed, total)
          })
        try db.addParts(ids: ids, vectors: vectors, after) { passages[$0] }
        last = highest
        done += ids.count
      }
    }
  }
}
