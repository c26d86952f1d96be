import ArgumentParser
import Foundation
import Minke
import MinkeStore

struct CollectionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collection", abstract: "Look into a collection, check it, make it smaller, copy it out and in.",
    subcommands: [Info.self, Verify.self, Export.self, Import.self, Compact.self], defaultSubcommand: nil)

  struct Info: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "info",
      abstract: "Say what a collection holds: how many documents and passages, the model, bytes by part.")

    @OptionGroup var collection: CollectionArgument
    @OptionGroup var form: JSONOption

    func run() async throws {
      let info = try CollectionPlace.info(of: collection.path)
      var report = FigureReport()
      report.add("documents", info.documents)
      if info.unfinishedDocuments > 0 { report.add("unfinished_documents", info.unfinishedDocuments) }
      report.add("passages", info.passages)
      report.add("vectors", info.vectors)
      report.add("distinct_words", info.distinctWords)
      report.add("model", info.settings.model.name)
      report.add("model_path", info.settings.modelName)
      report.add("fingerprint", info.settings.model.fingerprint)
      report.add("dimension", info.settings.dimension)
      report.add("metric", info.settings.metric.rawValue)
      report.add("storage", info.settings.storage.rawValue)
      report.add("stems", info.settings.stems ? "English" : "none")
      report.add("format_version", info.formatVersion)
      report.add("vector_parts", info.vectorParts)
      report.add("word_parts", info.wordParts)
      report.add("removed_vectors_kept", info.removedVectors)
      report.add("removed_words_kept", info.removedWords)
      report.add("bytes_of_text", bytes: info.sizes.text)
      report.add("bytes_of_vectors", bytes: info.sizes.vectors)
      report.add("bytes_of_words", bytes: info.sizes.postings)
      report.add("bytes_of_the_rest", bytes: info.sizes.rest)
      report.add("bytes_free", bytes: info.sizes.free)
      report.add("bytes", bytes: info.sizes.total)
      try report.print(json: form.isOn)
    }
  }

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify",
      abstract: "Look for damage in a collection, and say what to do about it.",
      discussion: """
        All of the file is read: the database's structure, all checksums, and whether documents, passages, vectors and words \
        fit together. What is wrong is printed, one line each. The status is 0 when all is well and 2 when something is \
        damaged. A document that was not read to its end is named, but is no damage.

          minke collection verify notes.minke
        """)

    @OptionGroup var collection: CollectionArgument
    @OptionGroup var form: JSONOption

    func run() async throws {
      let path = collection.path
      let bar = ProgressBar("verifying")
      let defects = try await Workers.run { try CollectionPlace.verify(path, progress: bar.handler) }
      bar.finish()
      var output = FileWriter()
      for defect in defects {
        let json: JSONValue = [
          "kind": .string(defect.kind.rawValue), "place": .string(defect.place), "problem": .string(defect.problem),
          "remedy": .string(defect.remedy), "damage": .boolean(defect.isDamage),
        ]
        try output.write((form.isOn ? json.text : Style.printable(defect.description)) + "\n")
      }
      try output.finish()
      let damage = defects.count(where: \.isDamage)
      guard damage == 0 else {
        say("minke: \(path): expected a whole collection, found \(damage) defect\(damage == 1 ? "" : "s")")
        throw CommandStatus.failed
      }
      say("\(path): no damage")
    }
  }

  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "export",
      abstract: "Write a collection as files that any program reads.",
      discussion: """
        The folder gets passages.jsonl (a passage a line: id, document, text, lines, bytes, title, metadata), vectors.npy \
        (the vectors of these in the same order, float32, or packed bits in uint8), documents.jsonl and settings.json. It \
        appears whole or not at all.

          minke collection export notes.minke notes-out
        """)

    @OptionGroup var collection: CollectionArgument

    @Argument(help: "The folder to make.", completion: .directory)
    var folder: String

    func run() async throws {
      let (path, folder) = (collection.path, URL(fileURLWithPath: folder))
      let collection = try CollectionPlace.open(path)
      defer { try? collection.close() }
      let bar = ProgressBar("exporting")
      defer { bar.finish() }
      let count = try collection.export(to: folder, progress: bar.handler)
      bar.finish()
      say("\(folder.relativePath): \(count) passage\(count == 1 ? "" : "s")")
    }
  }

  struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import",
      abstract: "Make a collection of what export wrote, without encoding anything.",
      discussion: """
          minke collection import notes-out copy.minke
          minke collection import notes-out smaller.minke --storage two-stage
        """)

    @Argument(help: "The folder that export made.", completion: .directory)
    var folder: String

    @Argument(
      help: ArgumentHelp("The collection to make, which must not exist.", valueName: "collection"), completion: .file())
    var path: String

    @Option(
      name: [.customShort("m"), .customLong("model")],
      help: "The model that made the vectors; by default the one named in the folder.",
      completion: ModelCompletion.kind)
    var model: String?

    @Option(help: "How vectors are kept; by default as they were.")
    var storage: CollectionSettings.Storage?

    func run() async throws {
      let bar = ProgressBar("importing")
      defer { bar.finish() }
      let encoder = try model.map { try ModelLibrary.textEncoder($0) }
      let (folder, place, storage) = (URL(fileURLWithPath: folder), path, storage)
      let collection = try await Workers.run {
        try CollectionPlace.import(
          from: folder, into: place, encoder: encoder, storage: storage, progress: bar.handler)
      }
      defer { try? collection.close() }
      bar.finish()
      let count = try collection.passageCount
      say("\(path): \(count) passage\(count == 1 ? "" : "s")")
    }
  }

  struct Compact: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "compact",
      abstract: "Make a collection as small and as fast as it can be.",
      discussion: """
        Parts are merged, what was removed is dropped, and the file is written anew without free pages, for which it takes \
        as much room again meanwhile. What searches find stays the same.

          minke collection compact notes.minke
        """)

    @OptionGroup var collection: CollectionArgument

    func run() async throws {
      let path = collection.path
      let collection = try CollectionPlace.open(path)
      defer { try? collection.close() }
      let bar = ProgressBar("compacting")
      defer { bar.finish() }
      let report = try await Workers.run { try collection.compact(progress: bar.handler) }
      bar.finish()
      say("\(path): \(byteSize(report.bytesBefore)) before, \(byteSize(report.bytesAfter)) now")
    }
  }
}

/// The collection that a command is about.
struct CollectionArgument: ParsableArguments {
  @Argument(help: "The collection.", completion: .file())
  var path: String
}
