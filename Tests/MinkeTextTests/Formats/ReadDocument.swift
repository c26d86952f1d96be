import Foundation
import MinkeTestSupport
import Testing

@testable import MinkeText

/// A document and its passages.
struct ReadDocument {
  let source: [UInt8]
  let passages: [Passage]
  let texts: [String]
  let omitted: OmittedLines?

  init(_ source: [UInt8], _ format: DocumentFormat, length: Int = 200) throws {
    self.source = source
    let structured = try #require(try StructuredText(source, format: format))
    let found = PassageSplitter(length: length, overlap: 0).split(structured)
    passages = found.map(\.passage)
    texts = found.map { String(decoding: structured.text[$0.textRange], as: UTF8.self) }
    omitted = structured.omitted
  }

  init(_ source: String, _ format: DocumentFormat, length: Int = 200) throws {
    try self.init(Array(source.utf8), format, length: length)
  }

  /// The file under Tests/Fixtures/formats.
  init(fixture name: String, length: Int = 200) throws {
    let source = Array(try Data(contentsOf: Fixture.url("formats/\(name)")))
    try self.init(source, DocumentFormat(path: name), length: length)
  }

  /// What the file has where a passage is said to stand.
  func slice(_ passage: Int) -> String { String(decoding: source[passages[passage].byteRange], as: UTF8.self) }

  /// Checks what holds for the passages of every document.
  func checkPlaces(sourceLocation: SourceLocation = #_sourceLocation) {
    for passage in passages {
      let range = passage.byteRange
      #expect(!range.isEmpty && range.upperBound <= source.count, sourceLocation: sourceLocation)
      let before = 1 + source[..<range.lowerBound].count { $0 == 0x0a }
      let within = source[range].dropLast().count { $0 == 0x0a }
      #expect(passage.lines == before...before + within, sourceLocation: sourceLocation)
    }
    #expect(texts.allSatisfy { !$0.isEmpty }, sourceLocation: sourceLocation)
  }
}
