import MinkeCore

public struct WordAnalyzer: Sendable, Hashable { public init(stems: Bool = true) {} }
public struct BM25: Sendable, Hashable { public static let standard = BM25(); init() {} }
public struct WordQuery: Sendable {
  public struct Field: Sendable { public let name: String; public let value: String; public let isExcluded: Bool }
  public init(parsing: String) { text = parsing }
  public var text: String
  public var words: [String] = []
  public var phrases: [String] = []
  public var excluded: [String] = []
  public var fields: [Field] = []
}
package protocol WordBlocks: Sendable { func block(_ number: Int) throws -> SharedBuffer<UInt8> }
package struct WordSegment: Sendable {
  package init(blocks: any WordBlocks, blockCount: Int) throws { fatalError() }
  package var count: Int { 0 }
  package func ordinal(of id: Int64) -> Int? { nil }
}
package enum WordSegmentBuilder {
  package static func build(
    ids: [Int64], analyzer: WordAnalyzer, text: @Sendable (Int, (UnsafeBufferPointer<UInt8>) -> Void) -> Void
  ) throws -> [AlignedBuffer<UInt8>] { [] }
  package static func merge(_ segments: [(WordSegment, dead: OrdinalSet)]) throws -> [AlignedBuffer<UInt8>] { [] }
}
package struct WordSearch: Sendable {
  package init(_ segments: [(WordSegment, dead: OrdinalSet)], analyzer: WordAnalyzer, bm25: BM25 = .standard) {}
  package func search(_ queries: [WordQuery], k: Int, among: IDFilter?) throws -> [[Match]] { [] }
  package func constraint(of: WordQuery) throws -> IDFilter? { nil }
}

public final class WordIndex: Sendable {
  public init(analyzer: WordAnalyzer = WordAnalyzer(), bm25: BM25 = .standard) {}
  public func add(_ texts: [String], ids: [Int64]? = nil) throws -> [Int64] { [] }
  public func remove(ids: [Int64]) {}
  package func search(_ queries: [WordQuery], k: Int, among: IDFilter? = nil) throws -> [[Match]] { queries.map { _ in [] } }
  package func constraint(of: WordQuery) throws -> IDFilter? { nil }
}
