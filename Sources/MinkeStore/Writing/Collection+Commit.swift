import Foundation
import GRDB
import MinkeCore
import MinkeModels
import MinkeSearch
import MinkeText

extension Collection {
  package func commit(_ documents: [NewDocument], vectors: Embeddings?, run: Int64) throws {
    guard !documents.isEmpty else { return }
    try file.write { db in
      let state = try state(in: db)
      try state.settings.check(encoder, of: path)
      var gone: [Int64] = []
      var ids: [Int64] = []
      var texts: [String] = []
      for document in documents {
        let (id, wasThere) = try save(document, db)
        if wasThere, !document.continues { gone += try db.removePassages(ofDocument: id) }
        for new in document.passages {
          ids.append(try save(new, of: id, db))
          texts.append(NewPassage.searchedText(new.text, context: new.passage.context))
        }
      }
      try forget(gone, state, db)
      if let vectors, !ids.isEmpty {
        let searched = texts
        try db.addParts(ids: ids, vectors: vectors, state.settings) { searched[$0] }
      }
      try db.raiseGeneration()
    }
    try tidy()
  }

  /// Writes the row of a document; says whether there was one of its key.
  private func save(_ document: NewDocument, _ db: Database) throws -> (id: Int64, wasThere: Bool) {
    let key = Data(document.key)
    let present = try db.firstRow(
      "SELECT id FROM documents WHERE kind = ? AND key = ?", [document.kind.rawValue, key], of: "\(path): documents"
    ) { try $0.integer(0) }
    // A document counts as read only when it is whole.
    let hash = document.isWhole ? document.hash.map { Data($0) } : nil
    let metadata = document.metadata?.stored
    let checksum = StoredDocument.checksum(
      document.kind, key: document.key, name: document.name, title: document.title, metadata: metadata)
    if let present {
      try db.run(
        """
        UPDATE documents
        SET name = ?, title = ?, size = ?, modified = ?, hash = ?, source = ?, metadata = ?, checksum = ? WHERE id = ?
        """,
        [
          document.name, document.title, document.size, document.modified, hash, document.source, metadata,
          checksum, present,
        ])
      return (present, true)
    }
    try db.run(
      """
      INSERT INTO documents (kind, key, name, title, size, modified, hash, source, metadata, checksum)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        document.kind.rawValue, key, document.name, document.title, document.size, document.modified, hash,
        document.source, metadata, checksum,
      ])
    return (db.lastInsertedRowID, false)
  }

  private func save(_ new: NewPassage, of document: Int64, _ db: Database) throws -> Int64 {
    let passage = new.passage
    try db.run(
      """
      INSERT INTO passages (document, first_byte, last_byte, first_line, last_line, page, checksum, context, text)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        document, passage.byteRange.lowerBound, passage.byteRange.upperBound, passage.lines.lowerBound,
        passage.lines.upperBound, passage.page,
        StoredPassage.checksum(document: document, passage, text: new.text), passage.context, new.text,
      ])
    return db.lastInsertedRowID
  }

  /// Takes passages, whose rows are gone, out of the parts.
  func forget(_ ids: [Int64], _ state: CollectionState, _ db: Database) throws {
    guard !ids.isEmpty else { return }
    let ids = ids.sorted()
    for part in state.vectors {
      var gone = part.range.gone
      for id in ids.within(part.range) { gone.insert(Int(id - part.range.first)) }
      if gone.count != part.range.gone.count {
        if gone.count == part.range.count { try part.remove(from: db) } else { try part.update(gone: gone, in: db) }
      }
    }
    for part in state.words {
      var gone = part.range.gone
      for id in ids.within(part.range) { gone.insert(Int(id - part.range.first)) }
      if gone.count != part.range.gone.count {
        if gone.count == part.range.count { try part.remove(from: db) } else { try part.update(gone: gone, in: db) }
      }
    }
  }

  @discardableResult
  package func removeDocuments(_ documents: [Int64]) throws -> Int {
    var removed = 0
    // Transactions of bounded size: each holds the write lock for a moment only.
    var rest = documents[...]
    while !rest.isEmpty {
      try Task.checkCancellation()
      try file.write { db in
        let state = try state(in: db)
        var gone: [Int64] = []
        while let id = rest.first, gone.count < 50_000 {
          gone += try db.removePassages(ofDocument: id)
          try db.run("DELETE FROM documents WHERE id = ?", [id])
          rest.removeFirst()
        }
        try forget(gone, state, db)
        try db.raiseGeneration()
        removed += gone.count
      }
      try tidy()
    }
    return removed
  }
}

extension Database {
  /// Writes the vectors and the words of passages whose rows are there.
  ///
  /// - Parameters:
  ///   - ids: those of the passages, ascending.
  ///   - vectors: as the encoder gave them, one a passage.
  ///   - keepsLengths: whether the vectors have the length that they are to have.
  ///   - text: what passage number so and so is found by.
  func addParts(
    ids: [Int64], vectors: Embeddings, keepsLengths: Bool = false, _ settings: CollectionSettings,
    text: @Sendable (Int) -> String
  ) throws {
    let format = try keepsLengths ? settings.vectorFormat().keepingLengths() : settings.vectorFormat()
    let vectors = settings.binarizes ? try vectors.binarized() : vectors
    guard vectors.count == ids.count, let first = ids.first, let last = ids.last else {
      throw MinkeError(.shapeMismatch, "vectors", expected: "one a passage, \(ids.count)", found: "\(vectors.count)")
    }
    let pieces = stride(from: 0, to: ids.count, by: format.capacity).map {
      $0..<min(ids.count, $0 + format.capacity)
    }
    for (range, made) in zip(pieces, try Workers.map(count: pieces.count) { try format.write(vectors, pieces[$0]) }) {
      let block = try addBlock(made.block)
      let chunks = try addBlocks(made.chunks)
      try VectorPart.add(Array(ids[range]), block: block, chunks: chunks, to: self)
    }
    let blocks = try WordSegmentBuilder.build(ids: ids, analyzer: settings.analyzer) { index, body in
      var text = text(index)
      text.withUTF8(body)
    }
    try WordPart.add(first: first, last: last, count: ids.count, blocks: blocks, to: self)
  }

  /// Deletes the rows of a document's passages, and gives their ids.
  func removePassages(ofDocument document: Int64) throws -> [Int64] {
    var ids: [Int64] = []
    try forEachRow("SELECT id FROM passages WHERE document = ?", [document], of: "passages") {
      ids.append(try $0.integer(0))
    }
    try run("DELETE FROM passages WHERE document = ?", [document])
    return ids
  }
}
