import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeText

/// A teacher's vectors of all texts of a training set, each of length 1.
///
/// As a file they are a `.npy` array with a row for every text: those of the first row of the set, then those of the
/// second, and so on.
package final class TeacherVectors: Sendable {
  /// Numbers of a vector.
  package let width: Int
  private let columns: Int
  private let vectors: Matrix

  /// The vectors in the file at `url` for the texts of `set`.
  ///
  /// - Throws: `MinkeError` when there are more or fewer, or one is not finite.
  package init(contentsOf url: URL, for set: TrainingSet) throws {
    let reader = try NumPyReader(url)
    try reader.checkVectors()
    let count = set.count * set.columns.count
    guard reader.shape[0] == count, reader.elementType != .uint8 else {
      throw MinkeError(
        .shapeMismatch, reader.subject, expected: "vectors of numbers for \(count) texts", found: "\(reader.shape)")
    }
    (width, columns) = (reader.shape[1], set.columns.count)
    vectors = Matrix(rows: count, columns: width)
    var row = 0
    while let part = try reader.nextVectors() {
      guard let floats = part.floats else { preconditionFailure("numbers were asked for") }
      floats.withUnsafeBufferPointer { floats in
        guard let start = floats.baseAddress else { return }
        vectors.view.rows(row..<row + part.count).copy(MatrixView(start, rows: part.count, columns: width))
      }
      row += part.count
    }
    normalize()
  }

  /// The vectors of some texts that stand for all: enough to measure a step with.
  private init(sample: Embeddings, columns: Int) {
    (width, self.columns) = (sample.dimension, columns)
    vectors = Matrix(sample.floats ?? [], columns: width)
    normalize()
  }

  /// Copies the vector of a text.
  func copy(row: Int, column: Int, into place: MutableMatrixView) {
    place.copy(vectors.view.row((row * columns + column) % vectors.rows).read)
  }

  private func normalize() {
    let view = vectors.view
    view.forEachRows { rows in
      for row in rows {
        let row = view.row(row)
        let length = row.read.dot(row.read).squareRoot()
        if length > 0 { row.scale(by: 1 / length) }
      }
    }
  }

  // MARK: Making

  /// Encodes all texts of the rows that `selection` takes and writes the vectors to `url`.
  ///
  /// - Throws: what reading the files or encoding throws; `MinkeError` when the teacher gives bits.
  package static func write(
    _ teacher: any TextEncoder, _ selection: DataSelection, _ purpose: DataPurpose, _ tokenization: TextTokenization,
    for set: TrainingSet, to url: URL, progress: ProgressHandler? = nil
  ) throws {
    let (columns, count) = (set.columns.count, set.count * set.columns.count)
    var writer = try NumPyWriter(
      FileWriter(url), elementType: .float32, columns: try width(of: teacher), rows: count)
    try TrainingSet.forEachTexts(of: selection, purpose, tokenization) { texts in
      // Some hundred at a time, so that progress is seen.
      let step = 512 * columns
      for start in stride(from: 0, to: texts.count, by: step) {
        let part = Array(texts[start..<min(texts.count, start + step)])
        try writer.append(encode(part, columns, purpose, teacher))
        progress?(min(writer.rows, count), count)
      }
    }
    try writer.finish()
  }

  /// The vectors of the first rows, and how long one text took.
  static func sample(
    _ teacher: any TextEncoder, _ selection: DataSelection, _ purpose: DataPurpose, _ tokenization: TextTokenization,
    for set: TrainingSet
  ) throws -> (TeacherVectors, secondsPerText: Double) {
    _ = try width(of: teacher)
    var selection = selection
    selection.limit = min(64, selection.limit ?? 64)
    var texts: [String] = []
    try TrainingSet.forEachTexts(of: selection, purpose, tokenization) { texts += $0 }
    let start = ContinuousClock.now
    let vectors = try encode(texts, set.columns.count, purpose, teacher)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    return (TeacherVectors(sample: vectors, columns: set.columns.count), seconds / Double(max(1, texts.count)))
  }

  private static func width(of teacher: any TextEncoder) throws(MinkeError) -> Int {
    guard teacher.metric != .hamming else {
      throw MinkeError(.invalidArgument, teacher.identity.name, expected: "a teacher of numbers", found: "one of bits")
    }
    return teacher.dimension
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
