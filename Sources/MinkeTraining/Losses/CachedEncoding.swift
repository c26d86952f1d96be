import MinkeCore

/// A loss over vectors of more texts than fit into memory on their way back (GradCache, Gao et al. 2021).
///
/// The texts are encoded in chunks without keeping the way back, the loss gives the gradient of their vectors, and each
/// chunk is encoded again and goes back from there. The gradients are those of all texts at once; memory is that of one
/// chunk, the vectors, and the loss itself.
package struct CachedEncoding {
  /// Texts of a chunk.
  package let chunk: Int

  package init(chunk: Int) {
    precondition(chunk > 0)
    self.chunk = chunk
  }

  /// Adds the gradients of `loss`, which is given the vectors of each of `columns`, to the parameters of `model`.
  ///
  /// - Parameter read: called with the loss, whose value is gone afterwards.
  package func callAsFunction(
    _ model: some EncoderTrainee, _ columns: [TokenBatch], on tape: Tape, reading read: (Variable) -> Void,
    loss: ([Variable]) -> Variable
  ) {
    let width = model.dimensions[0]
    let vectors = columns.map { Matrix(rows: $0.texts.count, columns: width) }
    let gradients = columns.map { Matrix(rows: $0.texts.count, columns: width) }
    for (column, vectors) in zip(columns, vectors) {
      for range in chunks(of: column) {
        tape.reset()
        tape.withoutRecording {
          vectors.view.rows(range).copy(model.encode(column.texts(range), on: tape).value.read)
        }
      }
    }
    tape.reset()
    let leaves = vectors.map { tape.leaf($0.view) }
    let total = loss(leaves)
    read(total)
    tape.backward(from: total)
    for (leaf, gradient) in zip(leaves, gradients) { gradient.view.copy(leaf.gradient.read) }
    for (column, gradient) in zip(columns, gradients) {
      for range in chunks(of: column) {
        tape.reset()
        let again = model.encode(column.texts(range), on: tape)
        again.gradient.copy(gradient.view.rows(range).read)
        tape.backward()
      }
    }
    tape.reset()
  }

  private func chunks(of column: TokenBatch) -> [Range<Int>] {
    stride(from: 0, to: column.texts.count, by: chunk).map { $0..<min(column.texts.count, $0 + chunk) }
  }
}
