import MinkeCore
import MinkeText

/// What is learnt from, in memory: the tokens of every row's texts.
package struct TrainingSet: Sendable {
  /// The texts of one column, row after row.
  package struct Column: Sendable {
    package let name: String
    /// The tokens of all texts, one text after the other.
    package internal(set) var ids: [TokenID] = []
    /// Where in ``ids`` the text of each row ends.
    package internal(set) var ends: [Int] = []
    /// A number for the tokens of each text, so that equal texts are found; empty where that does not matter.
    package internal(set) var hashes: [UInt64] = []

    init(_ name: String) { self.name = name }

    /// The tokens of the text of a row.
    package subscript(row: Int) -> ArraySlice<TokenID> { ids[(row == 0 ? 0 : ends[row - 1])..<ends[row]] }
  }

  package internal(set) var columns: [Column]
  /// The names of the sources.
  package internal(set) var sourceNames: [String] = []
  /// For each row, which of ``sourceNames`` it is from.
  package internal(set) var sources: [Int32] = []
  /// How alike the texts of each row are; nil where rows are not scored.
  package internal(set) var scores: [Float]?
  /// The files that rows are from.
  package internal(set) var files: [String] = []
  /// For each row its file and line; empty where rows are no lines.
  var places: [(file: Int32, line: Int32)] = []
  /// What was left out, for people.
  package internal(set) var notes: [String] = []

  init(columns: [String]) { self.columns = columns.map { Column($0) } }

  /// Rows.
  package var count: Int { columns[0].ends.count }
  /// Tokens of all texts.
  package var tokenCount: Int { columns.reduce(0) { $0 + $1.ids.count } }

  /// The tokens of the texts of `rows` in the column `column`.
  package func texts(_ rows: some Sequence<Int32>, column: Int) -> TokenBatch {
    var batch = TokenBatch()
    for row in rows { batch.append(columns[column][Int(row)]) }
    return batch
  }

  /// What errors call a row.
  package func name(of row: Int) -> String {
    guard places.indices.contains(row) else { return "sequence \(row + 1)" }
    return "\(files[Int(places[row].file)]): line \(places[row].line)"
  }

  /// Whether `rows` are named in full, or by the first few.
  package func names(of rows: some Collection<Int32>) -> String {
    let shown = rows.prefix(8).map { name(of: Int($0)) }.joined(separator: ", ")
    return rows.count > 8 ? "\(shown) and \(rows.count - 8) more" : shown
  }

  /// Rows chosen to be measured and not learnt from, and the others; both ascend.
  ///
  /// The choice falls on first texts, by their tokens and the seed: rows that share one stay together, and the order of
  /// the rows does not matter.
  /// - Parameter share: a share of the rows below 1, or a number of rows.
  /// - Throws: `MinkeError` when nothing would be left to learn from.
  package func split(heldOut share: Double, seed: UInt64) throws(MinkeError) -> (learnt: [Int32], heldOut: [Int32]) {
    let wanted = share < 1 ? Int((share * Double(count)).rounded()) : Int(share)
    guard wanted > 0 else { return ((0..<Int32(count)).map { $0 }, []) }
    guard wanted < count else {
      throw MinkeError(
        .invalidArgument, "rows held out", expected: "fewer than the \(count) rows there are", found: "\(wanted)")
    }
    let hashes = columns[0].hashes
    let keys = (0..<count).map { row in
      var generator = SplitMix64(seed: seed ^ (hashes.isEmpty ? UInt64(row) : hashes[row]))
      return generator.next()
    }
    let order = (0..<Int32(count)).sorted { (keys[Int($0)], $0) < (keys[Int($1)], $1) }
    var end = wanted
    while end < count, keys[Int(order[end])] == keys[Int(order[end - 1])] { end += 1 }
    guard end < count else {
      throw MinkeError(
        .invalidArgument, "rows held out", expected: "rows with different first texts", found: "one text in all")
    }
    return (order[end...].sorted(), order[..<end].sorted())
  }
}
