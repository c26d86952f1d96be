import ArgumentParser
import Minke
import MinkeText

/// Which files a command reads.
struct FileOptions: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "Only files that match this pattern, as in a .gitignore, hidden and ignored ones too; with ! in front, no files "
        + "that match. May be given several times, and the last that matches decides.", valueName: "glob"))
  var glob: [String] = []

  @Option(
    name: [.short, .long], help: "Only files of this type, such as swift, md or py. May be given several times.",
    completion: .list(FileType.all.map(\.name)))
  var type: [String] = []

  @Flag(help: "Show the types and the names that their files have.")
  var typeList = false

  @Flag(help: "Also hidden files and folders.")
  var hidden = false

  @Flag(help: "Also what .gitignore, .ignore and .git/info/exclude leave out.")
  var noIgnore = false

  @Option(help: "How files without a byte order mark are written; by default UTF-8.")
  var encoding: InputEncoding = .automatic

  @Flag(help: "Say on standard error which files were passed over, and why.")
  var debug = false

  var selection: FileSelection {
    FileSelection(includesHidden: hidden, followsIgnoreFiles: !noIgnore, globs: glob, types: type)
  }

  /// What is to be read at `paths`, in order: files, what is below folders, standard input; `named` are the paths as
  /// they are.
  func find(_ paths: [String]) throws -> (sources: [DocumentSource], skipped: [SkippedFile], named: [FilePath]) {
    let named = paths.isEmpty ? [FilePath("")] : RawArguments.paths(paths.filter { $0 != "-" })
    // Files are found together, so that one of several names is read once.
    let walker = try TextFileWalker(named, selection: selection)
    var sources = walker.files.map { DocumentSource.file($0) }
    if paths.contains("-") { sources.append(.standardInput) }
    return (sources, walker.skipped, named)
  }

  static func printTypes() throws {
    var output = FileWriter()
    for type in FileType.all { try output.write("\(type.name): \(type.globs.joined(separator: ", "))\n") }
    try output.finish()
  }
}
