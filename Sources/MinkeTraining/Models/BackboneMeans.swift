import MinkeCore
import MinkeModels
import MinkeText
import Synchronization

/// What the backbone of Byrne-Embed gives for texts, which training does not change: kept, so that the epochs after the
/// first need the head alone.
final class BackboneMeans: Sendable {
  private let files: ByrneTrainingFiles
  private let kept = Mutex<[[TokenID]: [Float]]>([:])
  /// The most texts that are kept; those beyond are computed each time.
  private let limit: Int

  /// - Parameter byteLimit: the most memory for what is kept.
  init(_ files: ByrneTrainingFiles, byteLimit: Int = 1 << 30) {
    self.files = files
    // A text of some dozen tokens, and what an entry costs beside its numbers.
    limit = byteLimit / (files.hiddenSize * MemoryLayout<Float>.stride + 256)
  }

  /// The texts that are kept.
  var count: Int { kept.withLock { $0.count } }

  /// The mean of each text's last hidden states, `[texts, hiddenSize]`, with the same bits whether kept or computed.
  ///
  /// - Throws: as ``ByrneTrainingFiles/means(of:)``.
  func means(of texts: [[TokenID]]) throws -> Matrix {
    let means = Matrix(rows: texts.count, columns: files.hiddenSize)
    var missing: [Int] = []
    kept.withLock { kept in
      for (row, text) in texts.enumerated() {
        guard let mean = kept[text] else {
          missing.append(row)
          continue
        }
        for (column, number) in mean.enumerated() { means.view[row, column] = number }
      }
    }
    guard !missing.isEmpty else { return means }
    var inputs = missing.map { texts[$0] }
    // The products of one token by itself are rounded in another way than among others: it gets company.
    if inputs.count == 1, inputs[0].count == 1 { inputs += inputs }
    let computed = try files.means(of: inputs)
    kept.withLock { kept in
      for (index, row) in missing.enumerated() {
        let mean = computed.view.read.row(index)
        means.view.row(row).copy(mean)
        if kept.count < limit { kept[texts[row]] = mean.copied() }
      }
    }
    return means
  }
}
