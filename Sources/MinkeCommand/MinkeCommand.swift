import ArgumentParser
import Minke

@main
struct MinkeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "minke", abstract: "Find things by meaning.")
}
