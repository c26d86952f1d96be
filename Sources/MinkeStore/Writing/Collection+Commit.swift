import Foundation
import GRDB
import MinkeCore
import MinkeModels
import MinkeSearch
import MinkeText

extension Collection {
  /// Writes documents with their passages and vectors in one transaction; documents of the same key are replaced.
  ///
  /// - Parameter vectors: one a passage, in the order of the documents.
  /// - Returns: how many passages were taken out in exchange.
  @discardableResult
  func commit(_ documents: [NewDocument], vectors: Embeddings?) throws -> Int {
    guard !documents.isEmpty else { return 0 }
    let removed = try file.write { db in
      let state = try state(in: db)
      try check(state.settings)
      var gone: [Int64] = []
      var ids: [Int64] = []
      var texts: [String] = []
      for document in documents {
        let (id, wasThere) = try save(document, db)
        if wasThere, !document.continues { gone += try db.removePassages(ofDocument: id) }
        for new in document.passages {
          ids.append(try save(new, of: id, db))
          texts.append(new.searchedText)
        }
      }
      try forget(gone, state, db)
      if !ids.isEmpty, let vectors {
        try addParts(
          vectors: vectors, ids: ids, texts: texts, state.settings, state.settings.vectorFormat(), db)
      }
      try db.raiseGeneration()
      return gone.count
    }
    try tidy()
    return removed
  }

  /// Writes the row of a document; says whether there was one of its key.
  private func save(_ document: NewDocument, _ db: Database) throws -> (id: Int64, wasThere: Bool) {
    let key = Data(document.key)
    let present = try db.firstRow(
      "SELECT id FROM documents WHERE kind = ? AND key = ?", [document.kind.rawValue, key], of: "\(path): documents"
    ) { try $0.integer(0) }
    // A document counts as read only when it is whole.
    let hash = document.isWhole ? document.hash.map { Data($0) } : nil
    if let present {
      try db.run(
        """
        UPDATE documents SET name = ?, title = ?, size = ?, modified = ?, hash = ?, source = ?, metadata = ? WHERE id = ?
        """,
        [
          document.name, document.title, document.size, document.modified, hash, document.source,
          document.metadata?.stored, present,
        ])
      return (present, true)
    }
    try db.run(
      """
      INSERT INTO documents (kind, key, name, title, size, modified, hash, source, metadata)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        document.kind.rawValue, key, document.name, document.title, document.size, document.modified, hash,
        document.source, document.metadata?.stored,
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

  /// Adds the vectors and words of passages with `ids`, which ascend and are above all others.
  func addParts(
    vectors: Embeddings, ids: [Int64], texts: [String], _ settings: CollectionSettings, _ format: VectorBlockFormat,
    _ db: Database
  ) throws {
    let vectors = settings.binarizes ? try vectors.binarized() : vectors
    guard vectors.count == ids.count else {
      throw MinkeError(.shapeMismatch, "vectors", expected: "one a passage, \(ids.count)", found: "\(vectors.count)")
    }
    let pieces = (ids.count + format.capacity - 1) / format.capacity
    let written = try Workers.map(count: pieces) { piece in
      try format.write(vectors, piece * format.capacity..<min(ids.count, (piece + 1) * format.capacity))
    }
    for (piece, made) in written.enumerated() {
      let range = piece * format.capacity..<min(ids.count, (piece + 1) * format.capacity)
      let block = try db.addBlock(made.block)
      let chunks = try db.addBlocks(made.chunks)
      try VectorPart.add(Array(ids[range]), block: block, chunks: chunks, to: db)
    }
    let blocks = try WordSegmentBuilder.build(ids: ids, analyzer: settings.analyzer) { index, body in
      var text = texts[index]
      text.withUTF8(body)
    }
    try WordPart.add(first: ids[0], last: ids[ids.count - 1], count: ids.count, blocks: blocks, to: db)
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

  /// Takes out the documents with these row ids; gives the number of their passages.
  @discardableResult
  func removeDocuments(_ documents: [Int64]) throws -> Int {
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

extension [Int64] {
  /// Those of the ids, which ascend, that lie in a range.
  fileprivate func within(_ range: PassageRange) -> ArraySlice<Int64> {
    func place(_ id: Int64) -> Int {
      var (low, high) = (0, count)
      while low < high {
        let middle = (low + high) / 2
        if self[middle] < id { low = middle + 1 } else { high = middle }
      }
      return low
    }
    return self[place(range.first)..<place(range.last + 1)]
  }
}
