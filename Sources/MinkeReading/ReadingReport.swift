import MinkeText

/// How far reading has come.
public struct ReadingProgress: Sendable, Equatable {
  /// Files and texts read.
  public var files = 0
  /// Passages made of them.
  public var passages = 0
  /// Bytes of text read.
  public var bytes = 0
  /// Bytes of all files, as they were when they were found; 0 while that is not known.
  public var totalBytes = 0
}

/// What was read, and what was left out.
public struct ReadingReport: Sendable, Equatable {
  /// Files and texts read.
  public var documents = 0
  /// Passages made of them.
  public var passages = 0
  /// Files and folders that were left out, and why, those that the selection leaves out included.
  public var skipped: [SkippedFile] = []
  /// Documents that were read but for some lines that are not what they should be.
  public var omitted: [OmittedPart] = []

  /// A report of nothing.
  public init() {}

  /// What could not be read although it should have been.
  public var failures: [SkippedFile] { skipped.filter(\.reason.isFailure) }

  /// Files whose text could not be taken out of them.
  public var notExtracted: [SkippedFile] {
    skipped.filter { file in
      switch file.reason {
      case .tooLarge, .missingProgram, .notExtracted: true
      default: false
      }
    }
  }

  /// Files that are no text.
  public var notText: [SkippedFile] {
    skipped.filter { file in
      switch file.reason {
      case .binary, .notText: true
      default: false
      }
    }
  }
}

/// Lines of a document that were left out.
public struct OmittedPart: Sendable, Equatable {
  /// The document's name; a file's path.
  public let document: String
  /// The lines.
  public let lines: OmittedLines
}
