/// What kind of document a text is, which says where its passages may begin and what of it is text at all.
public enum DocumentFormat: Sendable, Hashable {
  /// Paragraphs between empty lines.
  case plain
  /// Also headings, at which a passage begins without repeating anything, and fenced code, kept together.
  case markdown
  /// Also headings: lines with a line of punctuation below, or above and below.
  case restructuredText
  /// Also headings: lines that begin with stars.
  case org
  /// Source code, divided at functions and types; a passage's context names those around it.
  case code(SourceLanguage)
  /// The text of a page without its tags, scripts, styles and navigation; a passage's context is the headings above it.
  case html
  /// Rows of fields divided by commas, or by semicolons where the first row has more of these. Each row is a passage or
  /// more, a line for each field with its name from the first row.
  case csv
  /// The same, divided by tabs.
  case tsv
  /// A JSON value on each line. Each is a passage or more, of its strings: `title` and `text` first, others with their
  /// names.
  case jsonLines
  /// A Jupyter notebook: its cells in order, without their outputs.
  case notebook
  /// An e-mail message: subject, sender, recipients and date, and its text; attachments by name only.
  case email
  /// The pages of a PDF file. A file needs the program `pdftotext`; a text in memory has a form feed after each page.
  case pdf

  /// The format that the ending of a file's name tells.
  public init(path: String) {
    let name = path.split(separator: "/").last ?? ""
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    let ending = parts.count > 1 ? parts.last?.lowercased() ?? "" : ""
    self = Self.endings[ending] ?? SourceLanguage(ending: ending).map { .code($0) } ?? .plain
  }

  private static let endings: [String: DocumentFormat] = [
    "md": .markdown, "markdown": .markdown, "mdown": .markdown, "mkd": .markdown, "rst": .restructuredText, "org": .org,
    "html": .html, "htm": .html, "xhtml": .html, "csv": .csv, "tsv": .tsv, "jsonl": .jsonLines, "ndjson": .jsonLines,
    "ipynb": .notebook, "eml": .email, "pdf": .pdf,
  ]
}

/// A programming language whose functions and types are known from its syntax.
public enum SourceLanguage: String, Sendable, CaseIterable {
  /// C.
  case c
  /// C++.
  case cpp
  /// C#.
  case csharp
  /// Dart.
  case dart
  /// Go.
  case go
  /// Java.
  case java
  /// JavaScript.
  case javascript
  /// Kotlin.
  case kotlin
  /// Objective-C.
  case objectiveC = "objective-c"
  /// PHP.
  case php
  /// Python.
  case python
  /// Ruby.
  case ruby
  /// Rust.
  case rust
  /// Scala.
  case scala
  /// Shells of the Bourne family.
  case shell
  /// Swift.
  case swift
  /// TypeScript.
  case typescript

  /// The language of files whose names end so; nil for one that is not known.
  init?(ending: String) {
    switch ending {
    case "c", "h": self = .c
    case "cc", "cpp", "cxx", "hh", "hpp", "hxx": self = .cpp
    case "cs": self = .csharp
    case "dart": self = .dart
    case "go": self = .go
    case "java": self = .java
    case "js", "jsx", "mjs", "cjs": self = .javascript
    case "kt", "kts": self = .kotlin
    case "m", "mm": self = .objectiveC
    case "php": self = .php
    case "py", "pyi": self = .python
    case "rb": self = .ruby
    case "rs": self = .rust
    case "scala": self = .scala
    case "sh", "bash", "zsh": self = .shell
    case "swift": self = .swift
    case "ts", "tsx": self = .typescript
    default: return nil
    }
  }
}
