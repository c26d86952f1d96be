import Foundation
import MinkeCore

/// A list of tasks whose figures are printed together, with a mean for each category and one over all.
public struct Suite: Sendable, Equatable {
  /// One of the tasks.
  public struct Task: Sendable, Equatable {
    /// What results call it.
    public var name: String
    /// What sort of task it is.
    public var kind: TaskKind
    /// What its mean goes into.
    public var category: String
    /// Its folder or file, relative to the suite's data.
    public var path: String
    /// What `task.json` would say, and goes before it (``TaskFolder``); of retrieval, `graded_gains` for a main figure that
    /// heeds them, and `ignore_identical_ids` where queries are documents too.
    public var settings: [String: JSONValue]

    /// A task; without a category it has that of its kind, and without a path its name is the path.
    public init(
      name: String, kind: TaskKind, category: String? = nil, path: String? = nil, settings: [String: JSONValue] = [:]
    ) {
      (self.name, self.kind, self.path, self.settings) = (name, kind, path ?? name, settings)
      self.category = category ?? kind.category
    }
  }

  /// What reports call the suite.
  public var name: String
  /// The tasks in the order in which they are run.
  public var tasks: [Task]

  /// A suite of these tasks.
  public init(name: String, tasks: [Task]) { (self.name, self.tasks) = (name, tasks) }

  /// Reads `{"name": ..., "tasks": [{"name": ..., "type": "retrieval", "path": ..., "category": ...}, ...]}`; `name` and
  /// `category` of a task may be missing, and its ``Task/settings`` stand beside.
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
      let settings = (task.object ?? [:]).filter { !["name", "type", "path", "category"].contains($0.key) }
      try Self.check(settings, of: kind, subject: "\(file.path): task \(index + 1)")
      return Task(
        name: task["name"]?.string ?? URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent, kind: kind,
        category: task["category"]?.string, path: path, settings: settings)
    }
  }

  private static func check(_ settings: [String: JSONValue], of kind: TaskKind, subject: String) throws {
    if kind.protocolTask != nil {
      var known = TaskSettings()
      try known.set(settings, subject: subject)
    } else if kind == .retrieval {
      do {
        _ = try RetrievalEvaluation(settings: settings)
      } catch let error as MinkeError {
        throw error.inside(subject)
      }
    } else if let member = settings.keys.sorted().first {
      throw MinkeError(.malformedFile, subject, expected: "name, type, path and category", found: "\"\(member)\"")
    }
  }

  /// The suites that need no file, by their names.
  public static let known: [Suite] = [.mtebEnglishV2]

  /// The 41 tasks of MTEB(eng, v2), with the settings that the library `mteb` has for them. Each is looked for under its
  /// name among the data: a folder, or for STS a `.tsv`, `.csv` or `.jsonl` file.
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
      names.split(whereSeparator: \.isWhitespace).map { name in
        let settings: [String: JSONValue] =
          switch (kind, name) {
          case (.retrieval, "ArguAna"), (.retrieval, "FEVERHardNegatives"), (.retrieval, "FiQA2018"):
            ["graded_gains": true, "ignore_identical_ids": true]
          case (.retrieval, _): ["graded_gains": true]
          case (_, "AmazonCounterfactualClassification"), (_, "TweetSentimentExtractionClassification"):
            ["samples_per_label": 32]
          case (_, "ToxicConversationsClassification"): ["samples_per_label": 16]
          case (.classification, _): ["samples_per_label": 8]
          // Its data are a sample already.
          case (_, "StackExchangeClustering.v2"): ["max_documents": 2048]
          case (.clustering, _): ["document_fraction": .number(0.04)]
          default: [:]
          }
        return Task(name: String(name), kind: kind, settings: settings)
      }
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
