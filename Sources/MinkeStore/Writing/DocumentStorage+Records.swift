import Foundation
import Minke
import MinkeCore
import MinkeModels
import MinkeReading
import MinkeText

/// A text to be kept, with an id to know it by and what else is known of it.
public struct TextRecord: Sendable, Equatable {
  /// What results call it; a record of the same id is replaced.
  public var id: String
  /// What is split into passages.
  public var text: String
  /// What stands before each of its passages when it is searched for.
  public var title: String?
  /// What filters and results may use.
  public var metadata: [String: JSONValue]

  /// A text called `id`.
  public init(id: String, text: String, title: String? = nil, metadata: [String: JSONValue] = [:]) {
    (self.id, self.text, self.title, self.metadata) = (id, text, title, metadata)
  }

  /// The text with its title in front, as it is searched for.
  package var wholeText: String { title.map { $0 + "\n\n" + text } ?? text }

  /// A name made of what the record holds.
  package var digest: String { hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }

  /// A hash of all but the id.
  var hash: [UInt8] {
    var bytes = Array(text.utf8)
    bytes.append(0)
    bytes += Array((title ?? "").utf8)
    bytes.append(title == nil ? 0 : 1)
    bytes += Array(JSONValue.object(metadata).text.utf8)
    return bytes.withUnsafeBytes { BLAKE2b.hash($0, length: 16) }
  }
}

extension DocumentStorage {
  /// Records looked up and read together.
  package static var recordsAtOnce: Int { 4096 }

  /// Adds records; see ``PassageCollection/add(_:splitter:progress:)``.
  package func write(
    _ records: [TextRecord], splitter: PassageSplitter?, _ progress: (@Sendable (IndexProgress) -> Void)?
  ) throws -> IndexReport {
    var rest = records[...]
    return try add(source: nil, splitter: splitter, progress: progress) {
      defer { rest = rest.dropFirst(Self.recordsAtOnce) }
      return rest.isEmpty ? nil : Array(rest.prefix(Self.recordsAtOnce))
    }
  }

  /// Adds the records that `next` gives until it gives nil.
  ///
  /// - Parameter source: the number of the file that they are from; those of it that do not come again are removed.
  package func add(
    source: Int64?, splitter: PassageSplitter? = nil, progress: (@Sendable (IndexProgress) -> Void)? = nil,
    next: () throws -> [TextRecord]?
  ) throws -> IndexReport {
    var report = IndexReport()
    let writer = CollectionWriter(self)
    let before = try source.map { try documents(ofSource: $0) } ?? []
    var seen = Set<Int64>()
    var bytes = 0
    let pipeline = PassagePipeline(encoder: encoder, dimension: try settings.dimension, splitter: splitter)
    while let records = try next() {
      try Task.checkCancellation()
      // Of records of one id the last counts.
      var last: [String: Int] = [:]
      for (index, record) in records.enumerated() { last[record.id] = index }
      let known = try knownRecords(Array(last.keys))
      let hashes = try Workers.map(count: records.count, grain: 64) { records[$0].hash }
      var wanted: [(record: TextRecord, hash: [UInt8])] = []
      for (index, record) in records.enumerated() where last[record.id] == index {
        bytes += record.text.utf8.count
        guard let present = known[record.id] else {
          report.added += 1
          wanted.append((record, hashes[index]))
          continue
        }
        seen.insert(present.id)
        if present.hash == hashes[index] {
          report.unchanged += 1
        } else {
          report.changed += 1
          wanted.append((record, hashes[index]))
        }
      }
      let new = wanted
      var unfinished: Int?
      _ = try pipeline.run(
        new.map { .text(Document(id: $0.record.id, text: $0.record.wholeText)) }
      ) { batch in
        try writer.add(batch, continuing: unfinished) { number in
          let (record, hash) = new[number]
          return NewDocument(
            kind: .record, key: Array(record.id.utf8), name: record.id, title: record.title, hash: hash, source: source,
            metadata: .object(record.metadata))
        }
        unfinished = batch.unfinished
        progress?(IndexProgress(passages: writer.total, bytes: bytes))
      }
    }
    try writer.finish()
    report.passages = writer.total
    let gone = before.filter { !seen.contains($0) }
    report.removed = gone.count
    try removeDocuments(gone)
    return report
  }
}

extension FilePath {
  /// The path from the root on, without `.` and `..` where these can be told without looking.
  package var absolute: FilePath {
    var whole = bytes
    if whole.first != UInt8(ascii: "/") {
      whole = Array(FileManager.default.currentDirectoryPath.utf8) + [UInt8(ascii: "/")] + whole
    }
    var parts: [ArraySlice<UInt8>] = []
    for part in whole.split(separator: UInt8(ascii: "/")) {
      if part.elementsEqual([0x2e]) { continue }
      if part.elementsEqual([0x2e, 0x2e]) { _ = parts.popLast() } else { parts.append(part) }
    }
    return FilePath(bytes: [UInt8(ascii: "/")] + parts.joined(separator: [UInt8(ascii: "/")]))
  }
}
