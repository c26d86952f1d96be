import MinkeCore
import MinkeModels
import MinkeText

/// The way of text from documents to vectors: read, split, encode, and hand on, a batch at a time.
///
/// All cores work on each step of a batch. Only one batch is in memory, whatever the size and the number of the
/// documents. The passages do not depend on the number of threads, nor on where batches begin and end.
package struct PassagePipeline: Sendable {
  package let encoder: any TextEncoder
  private let splitter: PassageSplitter
  private let options: EncodingOptions
  private let encoding: TextEncoding?
  private let batchSize: Int

  /// Documents of a batch, at most: each has some memory of its own.
  private static let largestCount = 4096
  /// Bytes of text that are one piece of work.
  private static let grain = 1 << 14

  /// - Parameters:
  ///   - dimension: how many leading numbers of each vector to keep; nil keeps all.
  ///   - encoding: how files without a mark are written; nil for UTF-8.
  ///   - splitter: how long passages are, and how much they repeat; nil for the default. Tokens are counted by the
  ///     encoder's tokenizer in any case.
  ///   - batchSize: bytes of text in memory at once, about.
  package init(
    encoder: any TextEncoder, dimension: Int? = nil, encoding: TextEncoding? = nil, splitter: PassageSplitter? = nil,
    batchSize: Int = 2 << 20
  ) {
    self.encoder = encoder
    self.encoding = encoding
    self.batchSize = max(batchSize, 1 << 18)
    self.splitter = (splitter ?? PassageSplitter()).counting(with: encoder.tokenizer)
    options = EncodingOptions(dimension: dimension, role: .document)
  }

  /// Reads `sources` in order and hands their passages to `sink`.
  ///
  /// - Parameters:
  ///   - encodes: whether vectors are wanted; without, batches have none.
  ///   - progress: hears how far it has come, after each batch and while one is encoded.
  ///   - sink: takes each batch; one may hold no passage.
  /// - Returns: what was read. A file that cannot be read is left out and named there.
  /// - Throws: what `sink` and the encoder throw; `CancellationError` when the calling task was cancelled.
  package func run(
    _ sources: [DocumentSource], encodes: Bool = true, progress: (@Sendable (ReadingProgress) -> Void)? = nil,
    into sink: (PassageBatch) throws -> Void
  ) throws -> ReadingReport {
    var report = ReadingReport()
    var state = ReadingProgress(totalBytes: sources.reduce(0) { $0 + ($1.expectedSize ?? 0) })
    let tokenEncoder = (encoder as? any TokenIDEncoder).flatMap { $0.takesTokenIDs(options) ? $0 : nil }
    var next = 0
    var open: [OpenDocument] = []
    while next < sources.count || !open.isEmpty {
      try Task.checkCancellation()
      var room = batchSize - (open.isEmpty ? 0 : batchSize)
      while next < sources.count, room > 0, open.count < Self.largestCount {
        open.append(
          OpenDocument(
            sources[next], number: next, encoding: encoding, splitter: splitter, keepsIDs: tokenEncoder != nil))
        room -= sources[next].expectedSize ?? batchSize
        next += 1
      }
      let documents = try split(open)
      // What was opened behind a document that is longer than it seemed comes again.
      if let last = documents.last { next = last.number + 1 }
      let batch =
        try encodes
        ? encode(documents, with: tokenEncoder, state, progress)
        : PassageBatch(documents, places: Self.places(of: documents), vectors: encoder.encode([], options: options))
      for document in documents {
        if document.isLast, document.skipped == nil { report.documents += 1 }
        if let reason = document.skipped {
          let path = sources[document.number].path ?? FilePath(document.id)
          report.skipped.append(SkippedFile(path: path, reason: reason))
        }
        if document.isLast, let lines = document.omitted {
          report.omitted.append(OmittedPart(document: document.id, lines: lines))
        }
        state.bytes += document.readCount
      }
      report.passages += batch.count
      state.files = report.documents
      state.passages = report.passages
      try sink(batch)
      progress?(state)
      open = documents.filter { !$0.isLast }
    }
    return report
  }

  /// Reads a piece of each document, up to the first that has more of them, and splits it.
  private func split(_ open: [OpenDocument]) throws -> [OpenDocument] {
    try Workers.forEachPiece(of: open.count, grain: open.count / 64) { range, _ in
      for index in range { open[index].read(batchSize) }
    }
    let unfinished = open.firstIndex { !$0.isLast }
    let read = Array(open[...(unfinished ?? open.count - 1)])
    var parts: [(document: Int, blocks: Range<Int>)] = []
    var partsOfDocument: [Range<Int>] = []
    for (index, document) in read.enumerated() {
      let firstPart = parts.count
      var start = 0
      var size = 0
      for block in document.blocks.indices {
        size += document.blocks[block].count
        if size >= Self.grain || block == document.blocks.count - 1 {
          parts.append((index, start..<block + 1))
          (start, size) = (block + 1, 0)
        }
      }
      partsOfDocument.append(firstPart..<parts.count)
    }
    let (work, ranges) = (parts, partsOfDocument)
    let units = try Workers.map(count: work.count, grain: work.count / 64) {
      read[work[$0].document].units(of: work[$0].blocks)
    }
    try Workers.forEachPiece(of: read.count, grain: read.count / 64) { range, _ in
      for index in range { read[index].pack(Array(units[ranges[index]])) }
    }
    return read
  }

  private static func places(of documents: [OpenDocument]) -> [(document: Int, passage: Int)] {
    documents.enumerated().flatMap { index, document in document.piece.passages.indices.map { (index, $0) } }
  }

  private func encode(
    _ documents: [OpenDocument], with tokenEncoder: (any TokenIDEncoder)?, _ state: ReadingProgress,
    _ progress: (@Sendable (ReadingProgress) -> Void)?
  ) throws -> PassageBatch {
    let passages = Self.places(of: documents)
    if let tokenEncoder {
      let vectors = try tokenEncoder.encode(count: passages.count, options: options) { index, ids in
        let (document, passage) = passages[index]
        documents[document].appendIDs(of: passage, tokenizer: tokenEncoder.tokenizer, to: &ids)
      }
      return PassageBatch(documents, places: passages, vectors: vectors)
    }
    var options = options
    if let progress {
      let bytes = documents.reduce(0) { $0 + $1.readCount }
      options.progress = { completed, total in
        var now = state
        now.bytes += bytes * completed / max(1, total)
        now.passages += completed
        progress(now)
      }
    }
    let texts = try Workers.map(count: passages.count, grain: 64) { index in
      documents[passages[index].document].withEncodedText(of: passages[index].passage) {
        String(decoding: $0, as: UTF8.self)
      }
    }
    return PassageBatch(documents, places: passages, vectors: try encoder.encode(texts, options: options))
  }
}
