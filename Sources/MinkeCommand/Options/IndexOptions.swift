import ArgumentParser
import Minke

/// How vectors are kept and compared.
struct IndexOptions: ParsableArguments {
  enum StorageName: String, ExpressibleByArgument, CaseIterable { case float32, int8, binary, twoStage = "two-stage" }

  @Option(help: "dot, cosine or hamming; by default hamming for bits and binary storage, else cosine.")
  var metric: Metric?

  @Option(
    help: """
      float32, int8, binary or two-stage (a binary scan, then float32 scores of the best); by default what the vectors \
      are made of.
      """)
  var storage: StorageName?

  @Option(help: "How many candidates a two-stage search scores, for each neighbor wanted.")
  var oversampling = 10

  /// An empty index for vectors of `dimension` numbers, or bits, that are made of `elementType`.
  func index(dimension: Int, elementType: ElementType) throws -> VectorIndex {
    let metric = metric ?? (elementType == .uint8 || storage == .binary ? .hamming : .cosine)
    let storage = storage ?? (metric == .hamming ? .binary : elementType == .int8 ? .int8 : .float32)
    let kept: VectorIndex.Storage =
      switch storage {
      case .float32: .float32
      case .int8: .int8
      case .binary: .binary
      case .twoStage: .twoStage(rescoring: .float32, oversampling: oversampling)
      }
    return try VectorIndex(dimension: dimension, metric: metric, storage: kept)
  }

  /// The index over the vectors that are left in `reader`, which is read piece by piece.
  func index(of reader: NumPyReader) throws -> VectorIndex {
    try reader.checkVectors()
    let index = try index(dimension: reader.vectorDimension, elementType: reader.elementType)
    if reader.elementType == .int8, index.storage == .int8 {
      while let piece = try reader.next() {
        let bytes = piece.bytes()
        try withExtendedLifetime(bytes) { _ = try index.add(int8Rows: UnsafeRawBufferPointer(bytes.pointer).bytes) }
      }
    } else {
      while let batch = try reader.nextVectors() { try index.add(form(of: batch, for: index, reader.subject)) }
    }
    guard index.count > 0 else {
      throw MinkeError(.invalidArgument, reader.subject, expected: "one vector or more", found: "none")
    }
    return index
  }

  /// `vectors` as `index` takes them: the signs of numbers where it holds bits. `subject` stands for them in errors.
  func form(of vectors: Embeddings, for index: VectorIndex, _ subject: String) throws -> Embeddings {
    do {
      return index.storage == .binary ? try vectors.binarized() : vectors
    } catch let error as MinkeError {
      throw error.inside(subject)
    }
  }
}

extension Metric: ExpressibleByArgument {}
