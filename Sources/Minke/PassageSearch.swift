import MinkeCore
import MinkeModels
import MinkeSearch
import MinkeText

/// Files, read once and held in memory, that can be asked by meaning.
///
/// It splits text files into passages, turns these into vectors and compares a query with every one of them.
public struct PassageSearch: Sendable {
  /// A passage found.
  public struct Result: Sendable {
    /// How alike passage and query are: cosine, at most 1; for a binary encoder, the cosine of the signs.
    public let score: Float
    /// The file, as it was named or found below a folder that was named.
    public let file: String
    public let passage: Passage
    public let text: String
  }

  public let encoder: any TextEncoder
  /// How many files were read, and how many left out.
  public let counts: TextFileWalker.Counts
  /// Passages held.
  public var passageCount: Int { index.count }

  private let index: VectorIndex
  private let dimension: Int?
  private let passages: [Located]

  /// A passage, with its file and its text.
  private struct Located: Sendable {
    let path: String
    let passage: Passage
    let text: String
  }

  /// Reads the files at `paths`, and all text files below the folders among them.
  ///
  /// - Parameters:
  ///   - dimension: how many leading numbers of each vector to keep; nil keeps all.
  ///   - progress: hears how many passages are encoded.
  /// - Throws: ``MinkeError`` when a path does not exist or the dimension is not available; `CancellationError`.
  public init(
    paths: [String], encoder: any TextEncoder, dimension: Int? = nil, progress: ProgressHandler? = nil
  ) throws {
    self.encoder = encoder
    self.dimension = dimension
    var files: [TextFile] = []
    counts = try TextFileWalker(paths).readEach { files.append($0) }
    let texts = files
    let splitter = PassageSplitter(tokenizer: encoder.tokenizer)
    let split = try Workers.map(count: texts.count) { file in
      texts[file].bytes.withUnsafeBufferPointer { bytes in
        splitter.split(bytes, format: PassageSplitter.Format(path: texts[file].path)).map {
          (passage: $0, text: $0.text(in: bytes))
        }
      }
    }
    passages = split.enumerated().flatMap { file, found in
      found.map { Located(path: texts[file].path, passage: $0.passage, text: $0.text) }
    }

    let options = EncodingOptions(dimension: dimension, progress: progress)
    let vectors = try encoder.encode(passages.map(\.text), options: options)
    index = try VectorIndex(
      dimension: vectors.dimension, metric: encoder.metric, storage: encoder.metric == .hamming ? .binary : .float32)
    try index.add(vectors)
  }

  /// The `k` passages most like `query`, the best first; fewer where there are fewer.
  ///
  /// - Throws: ``MinkeError`` when `k` is below 1; `CancellationError`.
  public func search(_ query: String, k: Int = 10) throws -> [Result] {
    guard k > 0 else { throw MinkeError(.invalidArgument, "k", expected: "1 or more", found: "\(k)") }
    guard index.count > 0 else { return [] }
    let vector = try encoder.encode([query], dimension: dimension)
    let found = try index.search(vector, k: k)
    return zip(found.ids, found.scores).map { id, score in
      let place = passages[Int(id)]
      let cosine = encoder.metric.similarity(ofScore: score, dimension: vector.dimension)
      return Result(score: cosine, file: place.path, passage: place.passage, text: place.text)
    }
  }
}
