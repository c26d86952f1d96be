import ArgumentParser
import Minke
import MinkeHub

/// The option of commands that take a model: to fetch it where it is missing.
struct PullOption: ParsableArguments {
  @Flag(help: "Fetch a model called ORG/NAME from the hub first where it is not there.")
  var pull = false

  /// Fetches those of the models `names` that are not there, if that is wanted.
  func fetchMissing(_ names: String?...) async throws {
    guard pull else { return }
    for case let name? in names {
      if let model = try Self.missing(name) { try await Self.fetch(model) }
    }
  }

  /// The model called `name` if it is not there and a hub may have it; nil if it is there.
  private static func missing(_ name: String) throws -> HubModelName? {
    do {
      _ = try ModelSource(name)
      return nil
    } catch  where error.kind == .notFound {
      // What a hub cannot have either is the error that it was.
      guard let model = try? HubModelName(name) else { throw error }
      return model
    }
  }

  /// Fetches `model`, or only `files` of it, with a bar, and says what came.
  @discardableResult
  static func fetch(_ model: HubModelName, files: [String] = []) async throws -> Hub.Pulled {
    let bar = ProgressBar(model.repository, unit: .bytes)
    defer { bar.finish() }
    let pulled = try await Hub().pull(model, files: files, progress: bar.handler)
    bar.finish()
    let (all, fetched) = (byteSize(pulled.byteCount), byteSize(pulled.fetchedByteCount))
    say(
      "\(pulled.name): \(all), \(pulled.fetchedByteCount == 0 ? "all of it there before" : "\(fetched) of it fetched")")
    return pulled
  }
}
