import ArgumentParser
import Minke
import MinkeHub

struct PullCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull",
    abstract: "Fetch a model from a hub.",
    discussion: """
      What was fetched is used by its name, without a network, wherever a model is asked for. Only the files that Minke \
      reads are fetched. They are kept where Python's huggingface_hub keeps them, so that each finds what the other has; \
      minke model list shows them. After ctrl-C, or whatever else ended it, the next pull goes on where this one stopped.

        minke pull sentence-transformers/all-MiniLM-L6-v2
        minke encode --model sentence-transformers/all-MiniLM-L6-v2 lines.txt

      HF_ENDPOINT names another hub, HF_TOKEN holds the token for models that not everyone may read, HF_HOME or \
      HF_HUB_CACHE another folder, and HTTPS_PROXY a proxy. With HF_HUB_OFFLINE=1 nothing is fetched. The folder goes to \
      standard output.
      """)

  @Argument(help: "ORG/NAME, or ORG/NAME@REVISION for a branch, a tag or a commit.", completion: .none)
  var model: String

  @Option(
    help: ArgumentHelp(
      "Fetch this file instead of those that Minke reads. May be given several times.", valueName: "path"))
  var file: [String] = []

  func run() async throws {
    let pulled = try await PullOption.fetch(HubModelName(model), files: file)
    var output = FileWriter()
    try output.write("\(pulled.folder.path)\n")
    try output.finish()
    guard file.isEmpty else { return }
    // It is here for other programs, but whoever fetched it should know now.
    do { _ = try ModelSource(pulled.name.description).family() } catch { say("minke: \(error)") }
  }
}
