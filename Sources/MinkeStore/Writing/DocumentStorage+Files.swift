import Foundation
import Minke
import MinkeCore
import MinkeModels
import MinkeReading
import MinkeText

/// What is read of paths, and how.
public struct IndexingOptions: Sendable {
  /// Which of the files below a folder are read.
  public var selection: FileSelection
  /// How files without a mark are written; nil for UTF-8.
  package var encoding: TextEncoding?
  /// How texts are split; nil for passages of the usual length.
  public var splitter: PassageSplitter?

  /// Options that differ from the default where they are given.
  public init(selection: FileSelection = FileSelection(), splitter: PassageSplitter? = nil) {
    (self.selection, self.splitter) = (selection, splitter)
  }
}

extension DocumentStorage {
  /// Brings the collection to the state of the files at `paths` and below the folders among them; see
  /// ``PassageCollection/index(_:options:progress:)``.
  package func follow(
    _ paths: [FilePath], _ options: IndexingOptions, _ progress: (@Sendable (IndexProgress) -> Void)?
  ) throws -> IndexReport {
    // Before the files: what others add meanwhile is not known, and so is not taken for gone.
    let known = try knownFiles()
    let walker = try TextFileWalker(paths, selection: options.selection)
    let named = Set(paths.map(\.bytes))
    let isRecords = { (file: TextFileWalker.File) in named.contains(file.path.bytes) && file.path.holdsRecords }
    // A collection may lie in a folder that it holds.
    let files = walker.files.filter { !owns($0.path) }
    var report = try index(
      files.filter { !isRecords($0) }, known, roots: paths, skipped: walker.skipped, options, progress)
    for file in files where isRecords(file) { try index(recordsOf: file, options, &report, progress) }
    return report
  }

  private func index(
    _ files: [TextFileWalker.File], _ known: [[UInt8]: KnownFile], roots: [FilePath], skipped: [SkippedFile],
    _ options: IndexingOptions, _ progress: (@Sendable (IndexProgress) -> Void)?
  ) throws -> IndexReport {
    var report = IndexReport()
    report.skipped = skipped
    let keys = files.map { $0.path.absolute.bytes }
    // By size and time first, and where these differ by what is in it.
    let suspects = files.indices.filter { index in
      guard let before = known[keys[index]], before.hash != nil else { return true }
      return before.size != files[index].size || before.modified != files[index].modified
    }
    report.unchanged = files.count - suspects.count
    let hashes = try Workers.map(count: suspects.count) { ContentHash.of(files[suspects[$0]].path) }
    var touched: [(id: Int64, modified: Int64)] = []
    var wanted: [(file: Int, hash: [UInt8]?)] = []
    for (place, index) in suspects.enumerated() {
      let before = known[keys[index]]
      if let before, let hash = before.hash, hash == hashes[place] {
        report.unchanged += 1
        touched.append((before.id, files[index].modified))
      } else {
        wanted.append((index, hashes[place]))
      }
    }
    try note(touched)

    let new = wanted
    let writer = CollectionWriter(self)
    var unfinished: Int?
    let pipeline = PassagePipeline(
      encoder: encoder, dimension: try settings.dimension, encoding: options.encoding, splitter: options.splitter)
    let sources = new.map { DocumentSource.file(files[$0.file]) }
    let hear: @Sendable (ReadingProgress) -> Void = {
      progress?(IndexProgress(passages: $0.passages, bytes: $0.bytes, totalBytes: $0.totalBytes))
    }
    let reading = try pipeline.run(sources, progress: hear) { batch in
      try writer.add(batch, continuing: unfinished) { number -> NewDocument? in
        let (index, hash) = new[number]
        let file = files[index]
        return NewDocument(
          kind: .file, key: keys[index], name: file.path.shown, size: file.size, modified: file.modified, hash: hash)
      }
      unfinished = batch.unfinished
    }
    try writer.finish()
    report.passages = writer.total
    report.skipped += reading.skipped

    // What could not be read now may be there still; what can be read and is no text any more is gone.
    var unread: [[UInt8]: SkipReason] = [:]
    for file in reading.skipped { unread[file.path.absolute.bytes] = file.reason }
    for (index, _) in new where unread[keys[index]] == nil {
      if known[keys[index]] == nil { report.added += 1 } else { report.changed += 1 }
    }
    let present = Set(keys)
    let areas = roots.map(\.absolute)
    let unreachable = (skipped + reading.skipped).filter(\.reason.isFailure).map(\.path.absolute)
    let gone = known.filter { key, _ in
      if let reason = unread[key] { return !reason.isFailure }
      if present.contains(key) { return false }
      let path = FilePath(bytes: key)
      return areas.contains { path.isBelow($0) } && !unreachable.contains { path.isBelow($0) }
    }
    report.removed = gone.count
    try removeDocuments(gone.values.map(\.id).sorted())
    return report
  }

  private func index(
    recordsOf file: TextFileWalker.File, _ options: IndexingOptions, _ report: inout IndexReport,
    _ progress: (@Sendable (IndexProgress) -> Void)?
  ) throws {
    let key = file.path.absolute.bytes
    let before = try recordFile(key)
    if let before, before.size == file.size, before.modified == file.modified {
      report.unchanged += try documents(ofSource: before.id).count
      return
    }
    // Its size and time are noted when all of it was read.
    let source = try before?.id ?? addRecordFile(key)
    var lines = RecordLines(try FileLines(contentsOf: file.path))
    let total = file.size
    let hear: @Sendable (IndexProgress) -> Void = {
      progress?(IndexProgress(passages: $0.passages, bytes: $0.bytes, totalBytes: total))
    }
    let more = try add(source: source, splitter: options.splitter, progress: hear) {
      try lines.next(Self.recordsAtOnce)
    }
    try finishRecordFile(source, size: file.size, modified: file.modified)
    report.added += more.added
    report.changed += more.changed
    report.unchanged += more.unchanged
    report.removed += more.removed
    report.passages += more.passages
    report.mistakes += lines.mistakes.map(\.error)
  }
}

extension FilePath {
  /// Whether the name says that each line is a JSON object.
  package var holdsRecords: Bool {
    let name = description.lowercased()
    return name.hasSuffix(".jsonl") || name.hasSuffix(".ndjson")
  }

  /// Whether this is `folder` or lies below it; both are absolute.
  func isBelow(_ folder: FilePath) -> Bool {
    guard bytes.starts(with: folder.bytes) else { return false }
    return bytes.count == folder.bytes.count || folder.bytes == [UInt8(ascii: "/")]
      || bytes[folder.bytes.count] == UInt8(ascii: "/")
  }

  /// The path as results show it, without `./` in front.
  var shown: String {
    let text = description
    return text.hasPrefix("./") ? String(text.dropFirst(2)) : text
  }
}

/// The hash that tells whether a file is what it was.
enum ContentHash {
  /// The hash of the file's bytes; nil when it cannot be read.
  static func of(_ path: FilePath) -> [UInt8]? {
    path.contents()?.withUnsafeBytes { BLAKE2b.hash($0, length: 16) }
  }
}
