/// Why a file or folder was not read.
public enum SkipReason: Error, Sendable, Equatable, CustomStringConvertible {
  /// Its name begins with a full stop.
  case hidden
  /// A rule of an ignore file leaves it out: the file's path and the line.
  case ignored(by: String, line: Int)
  /// A glob that was given leaves it out, or none that was given takes it in.
  case notSelected
  /// It is of none of the types asked for.
  case otherType
  /// A link to a folder; these are not followed.
  case linkToFolder
  /// The same file was met before under another name.
  case readAlready
  /// It had gone when it was to be read, or is a link to nothing.
  case gone
  /// A pipe, a socket or a device, or a folder where a file is needed.
  case notPlainFile(String)
  /// It holds a NUL character, as text never does.
  case binary
  /// It has bytes that are not of its encoding, UTF-8 unless another was named.
  case notText(TextEncoding)
  /// Its text must be taken out of it as a whole, and it has more bytes than that is done for.
  case tooLarge(limit: Int)
  /// Its text is taken out of it by a program that is not installed, and the package that this comes with.
  case missingProgram(String, package: String)
  /// No text can be taken out of it: it is damaged, locked, or has none.
  case notExtracted(String)
  /// The operating system refused to read it, in its own words.
  case unreadable(String)

  /// Whether something is missing that was asked for, and not merely left out.
  public var isFailure: Bool { if case .unreadable = self { true } else { false } }

  public var description: String {
    switch self {
    case .hidden: "hidden"
    case .ignored(let path, let line): "ignored by \(path), line \(line)"
    case .notSelected: "not selected by a glob"
    case .otherType: "of another type"
    case .linkToFolder: "a link to a folder"
    case .readAlready: "the same file as one before"
    case .gone: "gone"
    case .notPlainFile(let kind): "\(kind), not a plain file"
    case .binary: "binary: it holds a NUL character"
    case .notText(let encoding): "not \(encoding.displayName) text"
    case .tooLarge(let limit): "larger than \(limit >> 20) MiB"
    case .missingProgram(let program, let package):
      "its text is read by \(program), which is not installed; it comes with the package \(package)"
    case .notExtracted(let words): words
    case .unreadable(let words): words
    }
  }
}

/// A file or folder that was not read, and why.
public struct SkippedFile: Sendable, Equatable {
  /// The file or folder; for a document that is none, its name.
  public let path: FilePath
  /// Why it was left out.
  public let reason: SkipReason

  /// A file or folder and why it was left out.
  public init(path: FilePath, reason: SkipReason) {
    self.path = path
    self.reason = reason
  }
}
