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
    abstract: "Find the exact nearest neighbours between two .npy files of vectors.",
    discussion: """
      float32 [n, d] is compared by dot or cosine, uint8 [n, bits/8] by hamming; float32 under hamming is compared by \
      its signs. Ids are row numbers of --base. Without --output, one JSON object a query is printed.

        minke knn --base base.npy --queries queries.npy --metric cosine -k 10 --output ids.npy
      """)

  @Option(help: ArgumentHelp("The vectors to search, .npy.", valueName: "file"))
  var base: String

  @Option(help: ArgumentHelp("The vectors to find neighbours of, .npy.", valueName: "file"))
  var queries: String

  @OptionGroup var index: IndexOptions

  @Option(name: .customShort("k", allowingJoined: true), help: "How many neighbours of each query.")
  var k = 10

  @Option(help: ArgumentHelp("Write the ids here, int64 [queries, k].", valueName: "file.npy"))
  var output: String?

  @Option(help: ArgumentHelp("Write the scores here, float32 [queries, k].", valueName: "file.npy"))
  var scores: String?

  func run() async throws {
    let (index, queries) = try index.build(
      base: Embeddings(npy: URL(fileURLWithPath: base)), queries: Embeddings(npy: URL(fileURLWithPath: queries)))
    let found = try index.search(queries, k: k)
    let shape = [found.queries, found.k]
    if let output {
      let ids = try Tensor(name: "ids", shape: shape, integers: found.ids.map(Int.init))
      try NumPyArray(ids).write(to: URL(fileURLWithPath: output))
    }
    if let scores {
      let values = try Tensor(name: "scores", shape: shape, floats: found.scores)
      try NumPyArray(values).write(to: URL(fileURLWithPath: scores))
    }
    if output == nil, scores == nil {
      var writer = FileWriter()
      for query in 0..<found.queries {
        let row = query * found.k..<(query + 1) * found.k
        let ids = found.ids[row].map(String.init).joined(separator: ",")
        let scores = found.scores[row].map(\.description).joined(separator: ",")
        try writer.write("{\"query\":\(query),\"ids\":[\(ids)],\"scores\":[\(scores)]}\n")
      }
      try writer.finish()
    }
  }
}

/// How vectors of .npy files are kept and compared.
struct IndexOptions: ParsableArguments {
  enum StorageName: String, ExpressibleByArgument, CaseIterable { case float32, int8, binary, twoStage = "two-stage" }

  @Option(help: "dot, cosine or hamming; by default cosine for float32 and hamming for uint8.")
  var metric: Metric?

  @Option(help: "float32, int8, binary or two-stage (a binary scan, then float32 scores of the best).")
  var storage: StorageName?

  @Option(help: "How many candidates a two-stage search scores, for each neighbour wanted.")
  var oversampling = 10

  /// The index over `base`, and `queries` in the form it searches by.
  func build(base: Embeddings, queries: Embeddings) throws -> (VectorIndex, Embeddings) {
    var (base, queries) = (base, queries)
    let metric = metric ?? (base.floats == nil ? .hamming : .cosine)
    let storage = storage ?? (metric == .hamming ? .binary : .float32)
    if metric == .hamming {
      base = try base.binarized()
      queries = try queries.binarized()
    }
    let kept: VectorIndex.Storage =
      switch storage {
      case .float32: .float32
      case .int8: .int8
      case .binary: .binary
      case .twoStage: .twoStage(rescoring: .float32, oversampling: oversampling)
      }
    let index = try VectorIndex(dimension: base.dimension, metric: metric, storage: kept)
    try index.add(base)
    return (index, queries)
  }
}

extension Metric: ExpressibleByArgument {}
