import ArgumentParser
import Minke

extension ModelCommand {
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "List the built-in models and those that were fetched from a hub.",
      discussion: """
        Of each: its name, the commit with the branches and tags that lead to it, its size, and its kind, or why Minke \
        cannot load it.
        """)

    @OptionGroup var form: JSONOption

    func run() async throws {
      let rows = ModelLibrary.builtInNames.map(Row.init(builtIn:)) + HubCache.standard.models().map(Row.init)
      var output = FileWriter()
      if form.isOn {
        for row in rows { try output.write(row.json.text + "\n") }
      } else {
        let columns = rows.map {
          [$0.name, $0.shownRevision, byteSize($0.byteCount), $0.kind ?? "not loadable: \($0.problem)"]
        }
        let widths = (0..<3).map { column in columns.map { DisplayWidth.columns(of: $0[column]) }.max() ?? 0 }
        for line in columns {
          let cells = zip(line, widths).map { DisplayWidth.padded($0, to: $1) } + line.dropFirst(widths.count)
          try output.write(Style.printable(cells.joined(separator: "  ")) + "\n")
        }
      }
      try output.finish()
    }

    /// A model, built-in or cached.
    private struct Row {
      let name: String
      var commit: String?
      var references: [String] = []
      let folder: String
      let byteCount: Int
      let kind: String?
      let problem: String

      init(builtIn name: String) {
        self.name = name
        let report = Result { try ModelReport(name) }
        let found = try? report.get()
        folder = found?.folder ?? ""
        byteCount = found?.files.reduce(0) { $0 + $1.byteCount } ?? 0
        (kind, problem) = Self.kind { try ModelSource(name).family() }
      }

      init(_ model: CachedModel) {
        (name, commit, references) = (model.name.repository, model.name.revision, model.references)
        (folder, byteCount) = (model.folder.path, model.byteCount)
        (kind, problem) = Self.kind { try model.family() }
      }

      private static func kind(_ family: () throws -> String) -> (String?, String) {
        do { return (try family(), "") } catch { return (nil, "\(error)") }
      }

      /// The beginning of the commit, and what leads to it.
      var shownRevision: String {
        guard let commit else { return "built-in" }
        return ([String(commit.prefix(7))] + references).joined(separator: " ")
      }

      var json: JSONValue {
        [
          "name": .string(name), "revision": commit.map { .string($0) } ?? .null,
          "references": .array(references.map { .string($0) }), "folder": .string(folder), "bytes": .integer(byteCount),
          "family": kind.map { .string($0) } ?? .null, "problem": kind == nil ? .string(problem) : .null,
        ]
      }
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "remove",
      abstract: "Remove a model that was fetched from a hub.",
      discussion: """
        Files that other commits of the model need stay. Python's programs that use the same model fetch it anew.

          minke model remove sentence-transformers/all-MiniLM-L6-v2
        """)

    @Argument(
      help: "ORG/NAME for all of it, or ORG/NAME@REVISION for a branch, a tag or a commit.",
      completion: .custom { (_: [String], _: Int, typed: String) in ModelCompletion.cachedNames(for: typed) })
    var model: String

    func run() async throws {
      let removal = try HubCache.standard.remove(HubModelName(model))
      let count = removal.commits.count
      say("\(model): \(count == 1 ? "1 commit" : "\(count) commits") removed, \(byteSize(removal.byteCount)) freed")
    }
  }
}
