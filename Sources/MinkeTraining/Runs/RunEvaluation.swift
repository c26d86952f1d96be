import Foundation
import MinkeCore
import MinkeEvaluation
import MinkeModels

/// Measures a model on its way: folders in BEIR's layout, files of scored pairs, or the tasks of language models.
package struct RunEvaluation: Sendable {
  private enum Task: Sendable {
    case retrieval(RetrievalDataset)
    case similarity(ScoredPairs)
    case language(any LanguageTask)
  }

  private let tasks: [Task]

  /// Reads the tasks at `paths`.
  ///
  /// - Throws: `MinkeError` when one is not there or malformed.
  package init(_ paths: [String], kind: Recipe.Kind) throws {
    tasks = try paths.flatMap { path -> [Task] in
      let url = URL(fileURLWithPath: path)
      if kind == .lm { return try LanguageTaskFiles.tasks(at: url).map { .language($0) } }
      return try [
        ModelFolder.kind(of: url) == .folder
          ? .retrieval(RetrievalDataset(contentsOf: url)) : .similarity(ScoredPairs(contentsOf: url))
      ]
    }
  }

  package var isEmpty: Bool { tasks.isEmpty }

  /// What the present weights reach, by the way that every command loads models: out of a folder, which goes away.
  package func callAsFunction(_ trainee: any Trainee) throws -> [TaskResult] {
    if tasks.isEmpty { return [] }
    return try FolderWriter.withTemporaryFolder { folder in
      try trainee.write(to: folder)
      let name = folder.path
      let encoder =
        try tasks.contains { if case .language = $0 { false } else { true } }
        ? ModelLibrary.textEncoder(name) : nil
      return try tasks.flatMap { task -> [TaskResult] in
        switch (task, encoder) {
        case (.retrieval(let dataset), let encoder?):
          return try RetrievalEvaluation().run(dataset, EncodedVectors(encoder)).map(\.result)
        case (.similarity(let pairs), let encoder?):
          return [try SimilarityEvaluation().run(pairs, EncodedVectors(encoder, normalize: false))]
        case (.language(let task), _):
          return try task.evaluate(ModelLibrary.languageModel(name), limit: nil, progress: nil)
        case (_, nil): return []
        }
      }
    }
  }
}
