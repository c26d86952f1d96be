import Foundation
import MinkeCore

/// A task that is measured by one of the protocols of MTEB, read from a folder.
///
/// Every task encodes without a role, unless it says another.
public protocol ProtocolTask: Sendable {
  static var kind: TaskKind { get }

  /// What results call it.
  var name: String { get }

  /// Reads the folder's files.
  ///
  /// - Throws: `MinkeError` when one is missing or malformed, or holds nothing that can be measured.
  init(_ folder: TaskFolder) throws

  /// Measures vectors. Where something is drawn at random it is, with the same seed, what the Python library `mteb` draws,
  /// on any number of threads.
  ///
  /// - Throws: `MinkeError` when vectors do not fit the texts or are not finite; what the encoder throws.
  func run(_ vectors: any TextVectors, seed: UInt32, progress: ProgressHandler?) throws -> TaskResult
}

extension ProtocolTask {
  /// The seed that `mteb` begins with.
  public static var defaultSeed: UInt32 { 42 }

  /// Measures vectors with the seed that `mteb` begins with.
  public func run(_ vectors: any TextVectors, progress: ProgressHandler? = nil) throws -> TaskResult {
    try run(vectors, seed: Self.defaultSeed, progress: progress)
  }

  /// Reads the folder at `url`.
  public init(contentsOf url: URL) throws { try self.init(TaskFolder(url)) }
}

extension TaskKind {
  /// The type of this kind's tasks, where MTEB has a protocol for it.
  public var protocolTask: (any ProtocolTask.Type)? {
    switch self {
    case .classification: ClassificationTask.self
    case .clustering: ClusteringTask.self
    case .pairs: PairClassificationTask.self
    case .reranking: RerankingTask.self
    case .summarization: SummarizationTask.self
    default: nil
    }
  }
}

extension [Double] {
  var mean: Double { reduce(0, +) / Double(count) }

  /// The population's standard deviation, as NumPy's `std`.
  var deviation: Double {
    let mean = mean
    return map { ($0 - mean) * ($0 - mean) }.mean.squareRoot()
  }
}

/// Progress of several jobs, one after the other, as that of one.
struct ProgressParts {
  let handler: ProgressHandler?
  let total: Int

  /// Progress of a part that begins where `done` of all units are.
  func part(after done: Int) -> ProgressHandler? {
    guard let handler else { return nil }
    let total = total
    return { completed, _ in handler(done + completed, total) }
  }

  /// Progress of the rest behind `done` units, in so many steps of one length.
  func steps(_ steps: Int, after done: Int) -> ProgressMeter {
    guard let handler else { return ProgressMeter(total: steps, handler: nil) }
    let total = total
    return ProgressMeter(total: steps) { completed, steps in
      handler(done + (total - done) * completed / max(1, steps), total)
    }
  }
}
