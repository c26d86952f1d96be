import Foundation
import MinkeCore
import MinkeModels
import MinkeText

extension TrainingSet {
  /// Reads texts for a language model: the tokens of all of them one after the other, cut into sequences of `length`.
  ///
  /// `separator` stands behind every text, and behind every conversation, which is put down in ChatML. What is left at the
  /// end and fills no sequence is not learnt from.
  /// - Throws: as ``TextPiece/forEach(of:_:)``; when all is shorter than one sequence, or the vocabulary lacks what
  ///   conversations need.
  package init(
    sequencesOf length: Int, _ selection: DataSelection, _ tokenizer: any LosslessTokenizer, separator: TokenID?,
    progress: ProgressHandler? = nil
  ) throws {
    self.init(columns: ["text"])
    let form = selection.turns.isEmpty ? nil : try ChatML(tokenizer, named: "conversations")
    var ids: [TokenID] = []
    try TextPiece.forEach(of: selection) { pieces in
      let parts = try Workers.map(count: pieces.count, grain: 1) { index -> [TokenID] in
        var part: [TokenID] = []
        var endsText = true
        switch pieces[index] {
        case .text(let text, let isEnd):
          text.withUnsafeBufferPointer { tokenizer.encode($0, addingSpecialTokens: false, into: &part) }
          endsText = isEnd
        case .conversation(let messages):
          for message in messages { part += form?.tokens(of: message) ?? [] }
        }
        if endsText, let separator { part.append(separator) }
        return part
      }
      for part in parts { ids += part }
      progress?(ids.count / length, 0)
    }
    guard ids.count >= length else {
      throw MinkeError(
        .invalidArgument, selection.files.joined(separator: ", "),
        expected: "texts of at least one sequence, \(length) tokens", found: "\(ids.count) tokens")
    }
    let count = ids.count / length
    ids.removeLast(ids.count - count * length)
    columns[0].ids = ids
    columns[0].ends = (1...count).map { $0 * length }
    sources = [Int32](repeating: 0, count: count)
    sourceNames = [""]
    files = selection.files
  }
}
