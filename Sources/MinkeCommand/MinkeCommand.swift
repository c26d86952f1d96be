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
struct MinkeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "minke",
    abstract: "Find things by meaning, offline, on this machine's processor.",
    discussion: """
      A first try, in any folder with text files:

        minke search "how do I undo a mistake" .

      Wherever a model is asked for, give the name of a built-in one (\(ModelLibrary.builtInNames.joined(separator: ", "))) \
      or the path of a model folder, or ORG/NAME for one that minke pull fetched from a hub. Wherever a file is, - stands for standard input or output. Results go to standard \
      output, everything else to standard error.

      The status is 0 when all went well, 1 when a search found nothing, 2 after an error, 64 for a wrong command line, \
      and 130 after ctrl-C.

      MINKE_THREADS sets the number of threads, MINKE_KERNELS the instruction set \
      (\(KernelLevel.available.map(\.rawValue).joined(separator: ", ")) on this machine). NO_COLOR and CLICOLOR_FORCE \
      are heeded.
      """,
    version: MinkeVersion.current,
    subcommands: [
      SearchCommand.self, IndexCommand.self, AddCommand.self, RemoveCommand.self, CollectionCommand.self,
      SimilarCommand.self, DuplicatesCommand.self, ClusterCommand.self, EncodeCommand.self, TokenizeCommand.self,
      SimilarityCommand.self, NeighborsCommand.self, BitsCommand.self, GenerateCommand.self, ChatCommand.self,
      AskCommand.self, ServeCommand.self, AgentCommand.self, ScoreCommand.self, EvalCommand.self, TrainCommand.self,
      PullCommand.self, ModelCommand.self, BenchCommand.self,
    ])

  /// What every error begins with, as those of other programs begin with their names.
  static var _errorPrefix: String { "minke: " }

  /// Not `async`: then libdispatch would take over the first thread, and start one that lets every signal through.
  static func main() {
    StandardStreams.occupy()
    do throws(MinkeError) { try StandardStreams.requireRoom() } catch { fail(error) }
    Signals.start()
    // Detached, for this is the main actor, whose thread waits.
    Task.detached { await runAndEnd() }
    // Whoever ends the program is the task, or a signal.
    while true { pause() }
  }

  private nonisolated static func runAndEnd() async -> Never {
    do {
      var command = try await asyncParseAsRoot()
      try KernelLevel.checkEnvironment()
      try Workers.checkEnvironment()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      exit()
    } catch let error as MinkeError {
      // The reader has seen enough, as `head` does. The status is what a shell shows for a program ended by SIGPIPE.
      if error.kind == .closedPipe { exit(withError: ExitCode(128 + SIGPIPE)) }
      fail(error)
    } catch  where error is ExitCode || exitCode(for: error) == .success {
      exit(withError: error)
    } catch  where exitCode(for: error) != .failure {
      // A wrong argument may be the name of a file.
      say(fullMessage(for: error))
      exit(withError: exitCode(for: error))
    } catch {
      fail(error)
    }
  }

  private static func fail(_ error: any Error) -> Never {
    say("minke: \(error)")
    exit(withError: CommandStatus.failed)
  }
}

/// How a command ends when it does not end well.
enum CommandStatus {
  /// Nothing was found, as `grep` says it.
  static let nothingFound = ExitCode(1)
  /// An error, which was said on standard error.
  static let failed = ExitCode(2)
}
