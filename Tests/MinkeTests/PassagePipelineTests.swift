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

  @Test func `vectors are those of the context in a line of its own, and the text`() throws {
    let code =
      "struct Whale {\n" + (0..<90).map { "  func swim\($0)() { print(\"deep [SEP] sea\") }\n" }.joined() + "}\n"
    let page = "<h1>Whales</h1>" + String(repeating: "<p>They swim far. They sing.</p>", count: 90)
    for model in ["static-embedding-tiny", "model2vec-tiny", "sse-tiny", "byrne-embed-tiny"] {
      let encoder = try ModelLibrary.textEncoder(Fixture.url(model).path)
      let sources: [DocumentSource] = [
        .text(Document(id: "a", text: code, format: .code(.swift))),
        .text(Document(id: "b", text: page, format: .html)),
      ]
      var contexts: Set<String> = []
      _ = try PassagePipeline(encoder: encoder).run(sources) { batch in
        let texts = (0..<batch.count).map { index in
          (batch.context(index).map { $0 + "\n" } ?? "") + batch.text(index)
        }
        let vectors = try encoder.encode(texts)
        #expect(vectors == batch.vectors, "\(model)")
        contexts.formUnion((0..<batch.count).compactMap(batch.context))
      }
      #expect(contexts == ["struct Whale", "Whales"], "\(model)")
    }
  }

  @Test func `the caller chooses how long passages are, up to whole documents`() throws {
    let encoder = try Self.encoder.get()
    let text = (0..<30_000).map { "# Heading \($0)\n\nSentence. Another.\n\n" }.joined()
    for (number, source) in [
      DocumentSource.text(Document(id: "a", text: text, format: .markdown)),
      .text(Document(id: "b", text: "x,y\n1,2\n3,4", format: .csv)),
    ].enumerated() {
      var found: [(text: String, vector: [Float])] = []
      let report = try PassagePipeline(encoder: encoder, splitter: .whole, batchSize: 1 << 18).run([source]) { batch in
        for index in 0..<batch.count { found.append((batch.text(index), batch.vectors[index])) }
      }
      #expect(report.passages == 1 && found.count == 1)
      if number == 0 { #expect(found[0].text == text.dropLast(2)) }
      let vector = try encoder.encode([found[0].text])[0]
      #expect(vector == found[0].vector)
    }
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.md")
      try Data(text.utf8).write(to: url)
      let files = try TextFileWalker([FilePath(url.path)]).files.map { DocumentSource.file($0) }
      var lengths: [Int] = []
      let pipeline = PassagePipeline(encoder: encoder, splitter: .whole, batchSize: 1 << 18)
      _ = try pipeline.run(files) { batch in lengths += (0..<batch.count).map { batch.text($0).utf8.count } }
      #expect(lengths == [text.utf8.count - 2])
      var short = 0
      let shorter = PassagePipeline(encoder: encoder, splitter: PassageSplitter(length: 20, overlap: 0))
      _ = try shorter.run(files) { short += $0.count }
      #expect(short == 30_000)
    }
  }

  @Test func `documents of all formats are read beside each other, batch by batch`() throws {
    let encoder = try Self.encoder.get()
    try Fixture.withTemporaryFolder { folder in
      let rows = "name,says\n" + (0..<20_000).map { "whale \($0),\"a song\nof \($0)\"\n" }.joined()
      for (name, text) in [
        ("a.csv", rows), ("b.html", "<h1>Sea</h1><p>Salt &amp; water.</p>"), ("c.jsonl", "{\"text\":\"one\"}\nno\n"),
        ("d.ipynb", "{}"), ("e.swift", "func f() {}\n"), ("f.eml", "Subject: Fish\n\nSoup\n"),
        ("g.rst", "Head\n====\n\nText.\n"),
      ] { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
      let sources = try TextFileWalker([FilePath(folder.path)]).files.map { DocumentSource.file($0) }
      let one = try run(sources, encoder: encoder, batchSize: 1 << 30)
      let many = try run(sources, encoder: encoder, batchSize: 1 << 18)
      #expect(many.batches > 2)
      #expect(one.passages == many.passages && one.vectors == many.vectors && one.report == many.report)
      #expect(one.report.documents == 6 && one.report.passages == 20_005)
      #expect(one.report.omitted.map(\.lines.firstLine) == [2] && one.report.omitted[0].document.hasSuffix("c.jsonl"))
      #expect(one.report.notExtracted.map { $0.path.description.hasSuffix("d.ipynb") } == [true])
      let progress = Mutex<[ReadingProgress]>([])
      _ = try PassagePipeline(encoder: encoder, batchSize: 1 << 18).run(
        sources, progress: { now in progress.withLock { $0.append(now) } }, into: { _ in })
      let seen = progress.withLock { $0 }
      #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.bytes <= $1.bytes })
      #expect(seen.last.map { $0.bytes == $0.totalBytes - 2 } == true)
    }
  }

  @Test func `a file that begins as PDF is read as such whatever its name`() throws {
    try Fixture.withTemporaryFolder { folder in
      for (name, bytes) in [("a", Array("%PDF-1.4\n%".utf8) + [0xff, 0]), ("b.txt", Array("%PDF-1.7\nnothing".utf8))] {
        try Data(bytes).write(to: folder.appendingPathComponent(name))
      }
      let sources = try TextFileWalker([FilePath(folder.path)]).files.map { DocumentSource.file($0) }
      let report = try run(sources, encoder: Self.encoder.get(), batchSize: 1 << 20).report
      #expect(report.documents == 0 && report.notExtracted.count == 2 && report.notText.isEmpty)
    }
  }
}
