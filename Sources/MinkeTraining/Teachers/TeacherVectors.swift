import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeText

/// A teacher's vectors of all texts of a training set, each of length 1.
package final class TeacherVectors: Sendable {
  /// Numbers of a vector.
  package let width: Int
  private let columns: Int
  /// A row for every text: those of the first row of the set, then those of the second, and so on.
  private let vectors: Matrix

  private init(_ vectors: Matrix, columns: Int) {
    (self.vectors, self.columns, width) = (vectors, columns, vectors.columns)
    let view = vectors.view
    view.forEachRows { rows in
      for row in rows {
        let row = view.row(row)
        let length = row.read.dot(row.read).squareRoot()
        if length > 0 { row.scale(by: 1 / length) }
      }
    }
  }

  /// The vectors in the `.npy` file at `url`, in the order of the texts of `set`.
  ///
  /// - Throws: `MinkeError` when there are more or fewer than texts, or one is not finite.
  package convenience init(contentsOf url: URL, for set: TrainingSet) throws {
    let reader = try NumPyReader(url)
    try reader.checkVectors()
    let count = set.count * set.columns.count
    guard reader.shape[0] == count, reader.elementType != .uint8 else {
      throw MinkeError(
        .shapeMismatch, reader.subject, expected: "vectors of numbers for \(count) texts", found: "\(reader.shape)")
    }
    let vectors = Matrix(rows: count, columns: reader.shape[1])
    var row = 0
    while let part = try reader.nextVectors() {
      vectors.copy(part, at: row)
      row += part.count
    }
    self.init(vectors, columns: set.columns.count)
  }

  /// The vectors that `teacher` gives for the texts of `set`, which is of these arguments. They are kept in the folder
  /// `cache`, in files of some thousand rows.
  ///
  /// A file is named by a hash of the teacher and of its texts: whatever is there is right, and what an earlier run was
  /// stopped in goes on.
  /// - Throws: `MinkeError` when the teacher gives bits, or a file cannot be read or written; what encoding throws.
  package convenience init(
    of teacher: any TextEncoder, _ selection: DataSelection, _ purpose: DataPurpose, _ tokenization: TextTokenization,
    for set: TrainingSet, cache: URL, progress: ProgressHandler? = nil
  ) throws {
    let (columns, count) = (set.columns.count, set.count * set.columns.count)
    let vectors = Matrix(rows: count, columns: try Self.width(of: teacher))
    try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
    var row = 0
    try TrainingSet.forEachTexts(of: selection, purpose, tokenization) { texts in
      guard row + texts.count <= count else { throw Self.changed(selection) }
      let file = cache.appendingPathComponent(Self.name(of: teacher, texts))
      if FileManager.default.fileExists(atPath: file.path) {
        let reader = try NumPyReader(file)
        guard reader.shape == [texts.count, vectors.columns] else {
          throw MinkeError(
            .shapeMismatch, reader.subject, expected: "\([texts.count, vectors.columns])", found: "\(reader.shape)")
        }
        var start = row
        while let part = try reader.nextVectors() {
          vectors.copy(part, at: start)
          start += part.count
        }
      } else {
        var writer = try NumPyWriter(
          FileWriter(file), elementType: .float32, columns: vectors.columns, rows: texts.count)
        // Some hundred at a time, so that progress is seen.
        let step = 512 * columns
        for start in stride(from: 0, to: texts.count, by: step) {
          let part = Array(texts[start..<min(texts.count, start + step)])
          let found = try Self.encode(part, columns, purpose, teacher)
          try writer.append(found)
          vectors.copy(found, at: row + start)
          progress?(row + start + part.count, count)
        }
        try writer.finish()
      }
      row += texts.count
      progress?(row, count)
    }
    guard row == count else { throw Self.changed(selection) }
    self.init(vectors, columns: columns)
  }

  private static func changed(_ selection: DataSelection) -> MinkeError {
    MinkeError(
      .inputOutput, selection.files.joined(separator: ", "), expected: "the rows that were just read",
      found: "others; the files have changed")
  }

  /// The vectors of the first rows, which stand for all, to measure a step with; and how long one text took.
  static func sample(
    _ teacher: any TextEncoder, _ selection: DataSelection, _ purpose: DataPurpose, _ tokenization: TextTokenization,
    for set: TrainingSet
  ) throws -> (TeacherVectors, secondsPerText: Double) {
    let width = try width(of: teacher)
    var selection = selection
    selection.limit = min(64, selection.limit ?? 64)
    var texts: [String] = []
    try TrainingSet.forEachTexts(of: selection, purpose, tokenization) { texts += $0 }
    let start = ContinuousClock.now
    let found = try encode(texts, set.columns.count, purpose, teacher)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    return (
      TeacherVectors(Matrix(found.floats ?? [], columns: width), columns: set.columns.count),
      seconds / Double(max(1, texts.count))
    )
  }

  /// Copies the vector of a text.
  func copy(row: Int, column: Int, into place: MutableMatrixView) {
    place.copy(vectors.view.row((row * columns + column) % vectors.rows).read)
  }

  // MARK: Encoding

  private static func width(of teacher: any TextEncoder) throws(MinkeError) -> Int {
    guard teacher.metric != .hamming else {
      throw MinkeError(.invalidArgument, teacher.identity.name, expected: "a teacher of numbers", found: "one of bits")
    }
    return teacher.dimension
  }

  private static func name(of teacher: any TextEncoder, _ texts: [String]) -> String {
    var message = Array("\(teacher.identity.fingerprint)\n".utf8)
    for text in texts { message += Array("\(text.utf8.count)\n\(text)\n".utf8) }
    let hash = message.withUnsafeBytes { BLAKE2b.hash($0, length: 16) }
    return "teacher-" + hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + ".npy"
  }

  /// The vectors of texts of whole rows, in this order; first texts are queries and the others documents.
  private static func encode(
    _ texts: [String], _ columns: Int, _ purpose: DataPurpose, _ teacher: any TextEncoder
  ) throws -> Embeddings {
    guard purpose == .pairs, teacher.tokenization.prompts != Prompts() else { return try teacher.encode(texts) }
    func part(_ takes: (Int) -> Bool, _ role: TextRole) throws -> Embeddings {
      try teacher.encode(texts.indices.filter { takes($0 % columns) }.map { texts[$0] }, role: role)
    }
    let (first, others) = (try part({ $0 == 0 }, .query), try part({ $0 != 0 }, .document))
    var all = first.rows(0..<0)
    for row in 0..<texts.count / columns {
      try all.append(first.rows(row..<row + 1))
      try all.append(others.rows(row * (columns - 1)..<(row + 1) * (columns - 1)))
    }
    return all
  }
}

extension Matrix {
  /// Copies vectors of numbers to the rows from `row` on.
  fileprivate func copy(_ vectors: Embeddings, at row: Int) {
    guard let floats = vectors.floats else { preconditionFailure("numbers were asked for") }
    floats.withUnsafeBufferPointer { floats in
      guard let start = floats.baseAddress else { return }
      view.rows(row..<row + vectors.count).copy(MatrixView(start, rows: vectors.count, columns: columns))
    }
  }
}
