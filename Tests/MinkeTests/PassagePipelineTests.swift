import Foundation
import Minke
import MinkeTestSupport
import Synchronization
import Testing

struct PassagePipelineTests {
  private static let encoder = Result { try ModelLibrary.textEncoder(Fixture.url("static-embedding-tiny").path) }

  /// All passages that come out for `sources`, and the number of batches.
  private func run(
    _ sources: [DocumentSource], encoder: any TextEncoder, batchSize: Int
  ) throws -> (passages: [String], vectors: [[Float]], batches: Int, report: ReadingReport) {
    var passages: [String] = []
    var vectors: [[Float]] = []
    var batches = 0
    let report = try PassagePipeline(encoder: encoder, batchSize: batchSize).run(sources) { batch in
      batches += 1
      for index in 0..<batch.count {
        let passage = batch.passage(index)
        passages.append("\(batch.document(of: index)) \(passage.byteRange) \(passage.lines) \(batch.text(index))")
        vectors.append(batch.vectors[index])
      }
    }
    return (passages, vectors, batches, report)
  }

  /// A folder of small files and one that fills several batches.
  private func writeFiles(in folder: URL) throws -> [DocumentSource] {
    for number in 0..<30 {
      try Data("# File \(number)\n\nA whale swims in text \(number).\n".utf8).write(
        to: folder.appendingPathComponent("f\(number).md"))
    }
    let large = (0..<30_000).map { "Sentence \($0) of the large one.\($0 % 7 == 0 ? "\r\n\r\n" : "\r\n")" }.joined()
    try Data(large.utf8).write(to: folder.appendingPathComponent("f20-large.txt"))
    return try TextFileWalker([FilePath(folder.path)]).files.map { .file($0) }
  }

  @Test func `passages and vectors do not depend on the size of batches`() throws {
    let encoder = try Self.encoder.get()
    try Fixture.withTemporaryFolder { folder in
      let sources = try writeFiles(in: folder)
      let one = try run(sources, encoder: encoder, batchSize: 1 << 30)
      let many = try run(sources, encoder: encoder, batchSize: 1 << 18)
      #expect(one.batches == 1 && many.batches > 3)
      #expect(one.passages == many.passages)
      #expect(one.vectors == many.vectors)
      #expect(one.report == many.report)
      #expect(one.report.documents == 31)
      // By document, then by place.
      let documents = one.passages.compactMap { Int($0.prefix { $0 != " " }) }
      #expect(documents == documents.sorted())
    }
  }

  @Test func `vectors are those of the passages' texts`() throws {
    for model in ["static-embedding-tiny", "model2vec-tiny", "sse-tiny", "byrne-embed-tiny"] {
      let encoder = try ModelLibrary.textEncoder(Fixture.url(model).path)
      let text = (0..<40).map { "Mr. \($0) saw the whale, e.g. a white one.\n東京。それは\n\n" }.joined()
      let sources: [DocumentSource] = [.text(Document(id: "a", text: text)), .text(Document(id: "b", text: ""))]
      var count = 0
      let report = try PassagePipeline(encoder: encoder).run(sources) { batch in
        let texts = (0..<batch.count).map(batch.text)
        let vectors = try encoder.encode(texts)
        #expect(vectors == batch.vectors, "\(model)")
        count += texts.count
      }
      #expect(count > 1)
      #expect(report.documents == 2 && report.passages == count)
    }
  }

  @Test func `what cannot be read is left out and named, with the reason`() throws {
    try Fixture.withTemporaryFolder { folder in
      for (name, bytes) in [
        ("a.txt", Array("text".utf8)), ("nul", [0x61, 0, 0x62]), ("latin1", [0x61, 0xff, 0x62]), ("gone", [0x61]),
      ] { try Data(bytes).write(to: folder.appendingPathComponent(name)) }
      let sources = try TextFileWalker([FilePath(folder.path)]).files.map { DocumentSource.file($0) }
      try FileManager.default.removeItem(at: folder.appendingPathComponent("gone"))
      let report = try run(sources, encoder: Self.encoder.get(), batchSize: 1 << 20).report
      #expect(report.documents == 1)
      #expect(report.skipped.map(\.reason) == [.gone, .notText(.utf8), .binary])
      #expect(report.failures.isEmpty && report.notText.count == 2)
    }
  }

  @Test func `a file that grows after it was found keeps the order of documents`() throws {
    try Fixture.withTemporaryFolder { folder in
      let sources = try writeFiles(in: folder)
      let grown = folder.appendingPathComponent("f1.md")
      let text = String(repeating: "It grew and grew and grew. ", count: 60_000)
      try Data(text.utf8).write(to: grown)
      let result = try run(sources, encoder: Self.encoder.get(), batchSize: 1 << 18)
      let documents = result.passages.compactMap { Int($0.prefix { $0 != " " }) }
      #expect(documents == documents.sorted())
      #expect(result.report.documents == 31)
    }
  }

  @Test func `progress never falls and ends with everything`() throws {
    let seen = Mutex<[ReadingProgress]>([])
    let sources = (0..<40).map {
      DocumentSource.text(Document(id: "\($0)", text: String(repeating: "word ", count: 9000)))
    }
    let report = try PassagePipeline(encoder: Self.encoder.get(), batchSize: 1 << 18).run(
      sources, progress: { progress in seen.withLock { $0.append(progress) } }, into: { _ in })
    let progress = seen.withLock { $0 }
    #expect(progress.count > 3)
    #expect(zip(progress, progress.dropFirst()).allSatisfy { $0.bytes <= $1.bytes && $0.passages <= $1.passages })
    #expect(progress.last?.bytes == progress.last?.totalBytes)
    #expect(progress.last?.passages == report.passages)
  }

  @Test func `a cancelled task stops it`() async throws {
    let encoder = try Self.encoder.get()
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try PassagePipeline(encoder: encoder).run([.text(Document(id: "a", text: "text"))]) { _ in }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }
}
