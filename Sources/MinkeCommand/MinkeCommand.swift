import ArgumentParser
import Minke

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

@main
struct MinkeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "minke",
    abstract: "Find things by meaning, offline, on this machine's processor.",
    discussion: """
      A first try, in any folder with text files:

        minke search "how do I undo a mistake" .

      Wherever a model is asked for, give the name of a built-in one (\(ModelLibrary.builtInNames.joined(separator: ", "))) \
      or the path of a model folder. Results go to standard output, everything else to standard error.

      MINKE_THREADS sets the number of threads, MINKE_KERNELS the instruction set \
      (\(KernelLevel.available.map(\.rawValue).joined(separator: ", ")) on this machine).
      """,
    version: MinkeVersion.current,
    subcommands: [
      SearchCommand.self, EncodeCommand.self, TokenizeCommand.self, SimilarityCommand.self, NeighborsCommand.self,
      BitsCommand.self, GenerateCommand.self, ChatCommand.self, ScoreCommand.self, ModelCommand.self,
      BenchCommand.self,
    ])

  static func main() {
    // A reader that goes away is learnt from the failing write, so that open files are still put in order.
    signal(SIGPIPE, SIG_IGN)
    do {
      var command = try parseAsRoot()
      try KernelLevel.checkEnvironment()
      try command.run()
    } catch let error as MinkeError {
      // The reader has seen enough, as `head` does. The status is what a shell shows for a program ended by SIGPIPE.
      if error.kind == .closedPipe { exit(withError: ExitCode(128 + SIGPIPE)) }
      say("minke: \(error)")
      exit(withError: ExitCode(1))
    } catch {
      exit(withError: error)
    }
  }
}
