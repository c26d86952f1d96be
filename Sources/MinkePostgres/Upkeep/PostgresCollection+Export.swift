#if PostgreSQL
  import Foundation
  import MinkeCheckpoints
  import MinkeCore
  import MinkeStore

  extension PostgresCollection {
    /// Writes all that the collection holds as files that any program reads, into a folder that appears whole or not at
    /// all; `Collection` can import them into a file. One state of the collection is written.
    ///
    /// - Parameters:
    ///   - folder: must not exist.
    ///   - progress: hears how many passages are written.
    /// - Returns: the number of passages.
    /// - Throws: `MinkeError` when there is something at `folder` or writing fails; `CancellationError`.
    @discardableResult
    public func export(to folder: URL, progress: ProgressHandler? = nil) throws -> Int {
      try FolderWriter.write(to: folder) { draft in
        try withState { connection, state in
          let documents = try writeDocuments(draft, connection)
          try writePassages(draft, state, connection, progress)
          var file = try FileWriter(draft.appendingPathComponent(ExportFormat.settings))
          try file.write(
            ExportFormat.json(state.settings, documents: documents, passages: state.passageCount).text + "\n")
          try file.finish()
          return state.passageCount
        }
      }
    }

    /// Rows that are in memory at once.
    private static let atOnce: Int64 = 4096

    private func writeDocuments(_ folder: URL, _ connection: PostgresConnection) throws -> Int {
      var file = try FileWriter(folder.appendingPathComponent(ExportFormat.documents))
      var (count, last): (Int, Int64) = (0, 0)
      while true {
        let rows = try connection.query(
          """
          SELECT d.id, d.kind, d.key, d.name, d.title, d.size, d.modified, CASE WHEN d.whole THEN d.hash END, s.key,
            d.metadata::text
          FROM documents d LEFT JOIN sources s ON s.id = d.source WHERE d.id > $1 ORDER BY d.id LIMIT $2
          """, [.integer(last), .integer(Self.atOnce)])
        if rows.count == 0 { break }
        for row in rows.rows {
          last = try row.integer(0)
          guard let kind = DocumentKind(rawValue: try row.integer(1)) else {
            throw MinkeError(.malformedFile, location, expected: "a file or a record", found: "something else")
          }
          let document = ExportedDocument(
            id: last, kind: kind, key: try row.bytes(2), name: try row.text(3), title: try row.optionalText(4),
            size: try row.optionalInteger(5), modified: try row.optionalInteger(6), hash: row.optionalBytes(7),
            source: row.optionalBytes(8), metadata: try row.json(9))
          try file.write(document.json.text + "\n")
          count += 1
        }
        try Task.checkCancellation()
      }
      try file.finish()
      return count
    }

    private func writePassages(
      _ folder: URL, _ state: PostgresState, _ connection: PostgresConnection, _ progress: ProgressHandler?
    ) throws {
      let (settings, total) = (state.settings, state.passageCount)
      let isBinary = settings.storage == .binary
      let meter = ProgressMeter(total: total, handler: progress)
      var lines = try FileWriter(folder.appendingPathComponent(ExportFormat.passages))
      var vectors = try NumPyWriter(
        FileWriter(folder.appendingPathComponent(ExportFormat.vectors)), elementType: isBinary ? .uint8 : .float32,
        columns: isBinary ? settings.dimension / 8 : settings.dimension, rows: total)
      var (count, last): (Int, Int64) = (0, 0)
      while true {
        try Task.checkCancellation()
        let passages = try connection.query(
          "SELECT \(StoredPassage.postgresColumns) WHERE p.id > $1 ORDER BY p.id LIMIT $2",
          [.integer(last), .integer(Self.atOnce)]
        ).rows.map { try StoredPassage($0) }
        guard let highest = passages.last?.id else { break }
        let range: [PostgresParameter] = [.integer(last), .integer(highest)]
        let rows = try connection.query(
          isBinary
            ? "SELECT passage, bits FROM signs WHERE passage > $1 AND passage <= $2 ORDER BY passage"
            : "SELECT passage, embedding FROM vectors WHERE passage > $1 AND passage <= $2 ORDER BY passage", range)
        guard try rows.rows.map({ try $0.integer(0) }) == passages.map(\.id) else {
          throw MinkeError(
            .malformedFile, location, expected: "a vector for each passage", found: "those of other passages")
        }
        for (row, passage) in zip(rows.rows, passages) {
          if isBinary {
            try row.bits(1, dimension: settings.dimension).withUnsafeBytes { try vectors.append($0) }
          } else {
            try row.vector(1, dimension: settings.dimension).withUnsafeBytes { try vectors.append($0) }
          }
          try lines.write(passage.json.text + "\n")
        }
        count += passages.count
        meter.advance(by: passages.count)
        last = highest
      }
      guard count == total else {
        throw MinkeError(.malformedFile, location, expected: "\(total) passages", found: "\(count)")
      }
      try lines.finish()
      try vectors.finish()
    }
  }
#endif
