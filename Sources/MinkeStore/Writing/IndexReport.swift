import MinkeCore
import MinkeReading
import MinkeText

/// What adding to a collection did.
public struct IndexReport: Sendable, Equatable {
  /// Documents that are new.
  public var added = 0
  /// Documents that were there and are now others.
  public var changed = 0
  /// Documents that are as they were.
  public var unchanged = 0
  /// Documents taken out, since what they were made of is gone.
  public var removed = 0
  /// Passages made.
  public var passages = 0
  /// Files and folders that were left out, and why.
  public var skipped: [SkippedFile] = []

  /// Lines of record files that are no records.
  public var mistakes: [MinkeError] = []

  /// A report of nothing.
  public init() {}

  /// What could not be read although it should have been.
  public var failures: [SkippedFile] { skipped.filter(\.reason.isFailure) }
}

/// How far adding to a collection has come.
public struct IndexProgress: Sendable, Equatable {
  /// Passages made.
  public var passages = 0
  /// Bytes read.
  public var bytes = 0
  /// Bytes to be read in all; 0 while that is not known.
  public var totalBytes = 0

  /// Progress that has come so far.
  public init(passages: Int = 0, bytes: Int = 0, totalBytes: Int = 0) {
    (self.passages, self.bytes, self.totalBytes) = (passages, bytes, totalBytes)
  }
}
