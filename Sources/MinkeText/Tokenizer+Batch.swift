import MinkeCore

extension Tokenizer {
  /// The ids of each of `texts`, worked out on all cores.
  ///
  /// - Throws: `CancellationError` when the calling task was cancelled.
  public func encode(_ texts: [String], addingSpecialTokens: Bool = false) throws -> [[TokenID]] {
    var result = [[TokenID]](repeating: [], count: texts.count)
    try result.withUnsafeMutableBufferPointer { result in
      // SAFETY: each piece writes the elements of its own range, and the pieces do not overlap.
      nonisolated(unsafe) let result = result
      try Workers.forEachPiece(of: texts.count, grain: 64) { piece, _ in
        var ids: [TokenID] = []
        for index in piece {
          ids.removeAll(keepingCapacity: true)
          var text = texts[index]
          text.withUTF8 { encode($0, addingSpecialTokens: addingSpecialTokens, into: &ids) }
          result[index] = ids.withUnsafeBufferPointer(Array.init)
        }
      }
    }
    return result
  }
}

extension Tokenizer {
  /// The ids of each of `texts`, worked out on all cores without holding up a thread of Swift's cooperative pool.
  ///
  /// - Throws: `CancellationError` when the calling task was cancelled.
  public func encode(_ texts: [String], addingSpecialTokens: Bool = false) async throws -> [[TokenID]] {
    try await Workers.run { try encode(texts, addingSpecialTokens: addingSpecialTokens) }
  }
}
