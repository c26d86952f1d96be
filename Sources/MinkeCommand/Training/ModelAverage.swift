import ArgumentParser
import Minke
import MinkeTraining

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ModelCommand {
  struct Average: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "average",
      abstract: "Write the mean of models that were taught from one start, often better than each.",
      discussion: """
          minke model average one-run/model another-run/model --output both
        """)

    @Argument(help: "The folders of the models, with weights in float32.", completion: .directory)
    var models: [String]

    @Option(name: .shortAndLong, help: ArgumentHelp("The folder to make.", valueName: "folder"), completion: .directory)
    var output: String

    func run() async throws {
      let folders = try models.map { try ModelSource($0).open() }
      let destination = URL(fileURLWithPath: output)
      try await Workers.run { try WeightAverage.write(folders, to: destination) }
      say("\(output): the mean of \(models.count) models")
    }
  }
}
