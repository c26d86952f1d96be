import Minke
import MinkeCore
import MinkeModels

extension PassageExplorer {
  /// The passages most like one that is held; see ``Collection/similar(to:line:options:)``.
  package func similar(
    to document: String, line: Int?, options: CollectionSearchOptions
  ) throws -> [FoundPassage] {
    try options.search.check()
    guard line ?? 1 > 0 else {
      throw MinkeError(.invalidArgument, "line", expected: "1 or more", found: "\(line ?? 0)")
    }
    let own = try passages(of: document, at: line)
    let query = try mean(of: own)
    let filter = try filter(options.filter, excluding: own)
    var options = options
    options.search.mode = .meaning
    let ranking = try Ranking(
      options.search, queries: 1, of: passageCount,
      meaning: { _, k in try nearest(query, k: k, among: filter) }, words: { _, _ in { [[]] } })
    return try passages(ranking, 0, options)
  }

  /// The passage at a line of a document, or all of it.
  private func passages(of document: String, at line: Int?) throws -> [Int64] {
    guard let places = try places(of: document) else {
      throw MinkeError(.notFound, document, expected: "a document of \(location)", found: "none")
    }
    guard !places.isEmpty else {
      throw MinkeError(.notFound, document, expected: "a document with text", found: "none")
    }
    guard let line else { return places.map(\.id) }
    /// How far the line is from a passage, and from its middle.
    func distance(_ place: PassagePlace) -> (Int, Int) {
      let (first, last) = (place.lines.lowerBound, place.lines.upperBound)
      return (max(first - line, line - last, 0), abs(first + last - 2 * line))
    }
    return places.min { distance($0) < distance($1) }.map { [$0.id] } ?? []
  }
}
