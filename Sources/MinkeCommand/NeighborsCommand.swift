import ArgumentParser
import Minke

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct NeighborsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "knn",
    abstract: "Find the exact nearest neighbors between two .npy files of vectors.",
    discussion: """
      float32 [n, d] and int8 [n, d] are compared by dot or cosine, uint8 [n, bits/8] by hamming; numbers under hamming, \
      or in binary storage, are compared by their signs. Ids are row numbers of --base. Without --output and --scores, \
      one JSON object a query is printed. - is standard input or output.

        minke knn --base base.npy --queries queries.npy --metric cosine -k 10 --output ids.npy
      """)

  @Option(help: ArgumentHelp("The vectors to search, .npy.", valueName: "file"), completion: .file())
  var base: String

  @Option(help: ArgumentHelp("The vectors to find neighbors of, .npy.", valueName: "file"), completion: .file())
  var queries: String

  @OptionGroup var index: IndexOptions

  @Option(name: .customShort("k", allowingJoined: true), help: "How many neighbors of each query.")
  var k = 10

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("Write the ids here, int64 [queries, k].", valueName: "file.npy"), completion: .file())
  var output: String?

  @Option(
    help: ArgumentHelp("Write the scores here, float32 [queries, k].", valueName: "file.npy"), completion: .file())
  var scores: String?

  func validate() throws {
    if k < 1 { throw ValidationError("-k is 1 or more.") }
    if base == "-", queries == "-" { throw ValidationError("Only one of --base and --queries can be standard input.") }
    if let output, let scores, Self.place(output) == Self.place(scores) {
      throw ValidationError("--output and --scores are the same file.")
    }
  }

  /// What a path leads to.
  private static func place(_ path: String) -> String {
    path == "-" ? path : URL(fileURLWithPath: path).resolvingSymlinksInPath().standardized.path
  }

  func run() async throws {
    let base = try NumPyReader(option: base)
    let queries = try NumPyReader(option: queries)
    try queries.checkVectors()
    let index = try index.index(of: base)
    let sink = try NeighborsSink(
      ids: output, scores: scores, rows: queries.shape[0], columns: min(k, index.count))
    while let batch = try queries.nextVectors(bytes: 8 << 20) {
      try sink.write(try await index.search(self.index.form(of: batch, for: index, queries.subject), k: k))
    }
    try sink.finish()
  }
}

/// Where the command writes what it found: ids and scores as arrays, or both as JSON.
private final class NeighborsSink {
  private var ids: NumPyWriter?
  private var scores: NumPyWriter?
  private var lines: FileWriter?
  private var count = 0

  init(ids idPath: String?, scores scorePath: String?, rows: Int, columns: Int) throws {
    if let idPath {
      ids = try NumPyWriter(FileWriter(toOption: idPath), elementType: .int64, columns: columns, rows: rows)
    }
    if let scorePath {
      scores = try NumPyWriter(FileWriter(toOption: scorePath), elementType: .float32, columns: columns, rows: rows)
    }
    if idPath == nil, scorePath == nil { lines = FileWriter() }
  }

  func write(_ found: Neighbors) throws {
    try found.ids.withUnsafeBytes { try ids?.append($0) }
    try found.scores.withUnsafeBytes { try scores?.append($0) }
    if lines != nil {
      for matches in found {
        let ids = matches.map(\.id.description).joined(separator: ",")
        let scores = matches.map(\.score.description).joined(separator: ",")
        try lines?.write("{\"query\":\(count),\"ids\":[\(ids)],\"scores\":[\(scores)]}\n")
        count += 1
      }
    }
  }

  func finish() throws {
    try ids?.finish()
    try scores?.finish()
    try lines?.finish()
  }
}

extension NumPyReader {
  /// A reader of the file that an option names; `-` is standard input.
  convenience init(option path: String) throws(MinkeError) {
    if path == "-" { try self.init(standardInput: ()) } else { try self.init(URL(fileURLWithPath: path)) }
  }
}

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
