import Foundation
import MinkeCore

/// A list of tasks whose figures are printed together, with a mean for each category and one over all.
public struct Suite: Sendable, Equatable {
  /// One of the tasks.
  public struct Task: Sendable, Equatable {
    public var name: String
    public var kind: TaskKind
    /// What its mean goes into.
    public var category: String
    /// Its folder or file, relative to the suite's data.
    public var path: String

    public init(name: String, kind: TaskKind, category: String? = nil, path: String? = nil) {
      (self.name, self.kind, self.path) = (name, kind, path ?? name)
      self.category = category ?? kind.category
    }
  }

  public var name: String
  public var tasks: [Task]

  public init(name: String, tasks: [Task]) { (self.name, self.tasks) = (name, tasks) }

  /// Reads `{"name": ..., "tasks": [{"name": ..., "type": "retrieval", "path": ..., "category": ...}, ...]}`; `name` and
  /// `category` of a task may be missing.
  ///
  /// - Throws: `MinkeError` when the file cannot be read or says something else.
  public init(contentsOf url: URL) throws {
    let file = try MappedFile(url)
    let json = try JSONValue(parsing: file.bytes, subject: file.path)
    guard let listed = json["tasks"]?.array, !listed.isEmpty else {
      throw MinkeError(.malformedFile, file.path, expected: "a list \"tasks\"", found: "none")
    }
    name = json["name"]?.string ?? url.deletingPathExtension().lastPathComponent
    tasks = try listed.enumerated().map { index, task in
      guard let type = task["type"]?.string, let kind = TaskKind(rawValue: type), kind != .agreement else {
        throw MinkeError(
          .malformedFile, "\(file.path): task \(index + 1)",
          expected:
            "a \"type\", one of \(TaskKind.allCases.filter { $0 != .agreement }.map(\.rawValue).joined(separator: ", "))",
          found: task["type"]?.text ?? "none")
      }
      guard let path = task["path"]?.string ?? task["name"]?.string, !path.isEmpty else {
        throw MinkeError(.malformedFile, "\(file.path): task \(index + 1)", expected: "a \"path\"", found: "none")
      }
      return Task(
        name: task["name"]?.string ?? URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent, kind: kind,
        category: task["category"]?.string, path: path)
    }
  }

  /// The suites that need no file, by their names.
  public static let known: [Suite] = [.mtebEnglishV2]

  /// The 41 tasks of MTEB(eng, v2). Each is looked for under its name among the data: a folder, or for STS a `.tsv`,
  /// `.csv` or `.jsonl` file.
  public static let mtebEnglishV2 = Suite(
    name: "mteb-eng-v2",
    tasks: [
      (
        TaskKind.retrieval,
        """
        ArguAna CQADupstackGamingRetrieval CQADupstackUnixRetrieval ClimateFEVERHardNegatives FEVERHardNegatives FiQA2018
        HotpotQAHardNegatives SCIDOCS TRECCOVID Touche2020Retrieval.v3
        """
      ),
      (
        .classification,
        """
        AmazonCounterfactualClassification Banking77Classification ImdbClassification MTOPDomainClassification
        MassiveIntentClassification MassiveScenarioClassification ToxicConversationsClassification
        TweetSentimentExtractionClassification
        """
      ),
      (
        .clustering,
        """
        ArXivHierarchicalClusteringP2P ArXivHierarchicalClusteringS2S BiorxivClusteringP2P.v2 MedrxivClusteringP2P.v2
        MedrxivClusteringS2S.v2 StackExchangeClustering.v2 StackExchangeClusteringP2P.v2 TwentyNewsgroupsClustering.v2
        """
      ),
      (.pairs, "SprintDuplicateQuestions TwitterSemEval2015 TwitterURLCorpus"),
      (.reranking, "AskUbuntuDupQuestions MindSmallReranking"),
      (.sts, "BIOSSES SICK-R STS12 STS13 STS14 STS15 STS17 STS22.v2 STSBenchmark"),
      (.summarization, "SummEvalSummarization.v2"),
    ].flatMap { kind, names in
      names.split(whereSeparator: \.isWhitespace).map { Task(name: String($0), kind: kind) }
    })

  /// The place of a task's data below `folder`; nil where there is none.
  public func location(of task: Task, in folder: URL) -> URL? {
    ["", ".jsonl", ".tsv", ".csv"].lazy.map { folder.appendingPathComponent(task.path + $0) }
      .first { FileManager.default.fileExists(atPath: $0.path) }
  }
}

extension TaskKind {
  /// What the field calls the tasks of this kind together.
  public var category: String {
    switch self {
    case .retrieval: "Retrieval"
    case .sts: "STS"
    case .classification: "Classification"
    case .clustering: "Clustering"
    case .pairs: "PairClassification"
    case .reranking: "Reranking"
    case .summarization: "Summarization"
    case .agreement: "Agreement"
    case .languageModel: "Language modeling"
    }
  }
}
