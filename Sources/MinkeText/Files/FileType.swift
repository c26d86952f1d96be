/// The names that files of a kind have, such as `*.swift`.
public struct FileType: Sendable, Equatable {
  /// What the type is called.
  public let name: String
  /// Patterns of names.
  public let globs: [String]

  /// All types, by name.
  public static let all: [FileType] = [
    FileType("c", "*.c", "*.h"),
    FileType("cpp", "*.cc", "*.cpp", "*.cxx", "*.h", "*.hh", "*.hpp", "*.hxx"),
    FileType("cs", "*.cs"),
    FileType("css", "*.css", "*.scss"),
    FileType("csv", "*.csv", "*.tsv"),
    FileType("dart", "*.dart"),
    FileType("eml", "*.eml"),
    FileType("go", "*.go"),
    FileType("html", "*.html", "*.htm", "*.xhtml"),
    FileType("ipynb", "*.ipynb"),
    FileType("java", "*.java"),
    FileType("js", "*.js", "*.jsx", "*.mjs", "*.cjs"),
    FileType("json", "*.json", "*.jsonl", "*.ndjson"),
    FileType("jsonl", "*.jsonl", "*.ndjson"),
    FileType("kotlin", "*.kt", "*.kts"),
    FileType("log", "*.log"),
    FileType("lua", "*.lua"),
    FileType("make", "Makefile", "makefile", "GNUmakefile", "*.mk", "CMakeLists.txt", "*.cmake"),
    FileType("md", "*.md", "*.markdown", "*.mdown", "*.mkd"),
    FileType("objc", "*.h", "*.m", "*.mm"),
    FileType("org", "*.org"),
    FileType("pdf", "*.pdf"),
    FileType("php", "*.php"),
    FileType("py", "*.py", "*.pyi"),
    FileType("r", "*.R", "*.r", "*.Rmd"),
    FileType("rst", "*.rst"),
    FileType("ruby", "*.rb", "Gemfile", "Rakefile"),
    FileType("rust", "*.rs"),
    FileType("scala", "*.scala"),
    FileType("sh", "*.sh", "*.bash", "*.zsh"),
    FileType("sql", "*.sql"),
    FileType("swift", "*.swift"),
    FileType("tex", "*.tex", "*.bib"),
    FileType("toml", "*.toml"),
    FileType("ts", "*.ts", "*.tsx"),
    FileType("txt", "*.txt", "*.text"),
    FileType("xml", "*.xml", "*.xsd", "*.xsl", "*.svg"),
    FileType("yaml", "*.yaml", "*.yml"),
  ]

  private init(_ name: String, _ globs: String...) {
    self.name = name
    self.globs = globs
  }
}
