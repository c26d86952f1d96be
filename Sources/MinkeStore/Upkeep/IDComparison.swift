/// Compares the ids of what is kept of passages with those of the passages themselves, both ascending.
package struct IDComparison<Found: Sequence<Int64>> {
  private var ids: Found.Iterator
  private var next: Int64?
  private let what: String
  private let kind: CollectionDefect.Kind
  private let isWhole: Bool
  private var (missing, extra) = (IDRuns(), IDRuns())

  /// - Parameters:
  ///   - what: what should be there of each passage: `vector` or `words`.
  ///   - isWhole: whether all of it could be read; what is missing is else no wonder.
  package init(_ found: Found, _ what: String, _ kind: CollectionDefect.Kind, isWhole: Bool) {
    ids = found.makeIterator()
    next = ids.next()
    (self.what, self.kind, self.isWhole) = (what, kind, isWhole)
  }

  /// Takes the id of the next passage.
  package mutating func pass(_ id: Int64, _ defects: inout DefectList) {
    while let other = next, other < id {
      tell(extra.add(other), isExtra, &defects)
      next = ids.next()
    }
    if next == id {
      next = ids.next()
    } else if isWhole {
      tell(missing.add(id), isMissing, &defects)
    }
  }

  /// Tells of what is left when there are no more passages.
  package mutating func end(_ defects: inout DefectList) {
    while let other = next {
      tell(extra.add(other), isExtra, &defects)
      next = ids.next()
    }
    tell(missing.end(), isMissing, &defects)
    tell(extra.end(), isExtra, &defects)
  }

  private var isMissing: String { "there is no \(what)" }
  private var isExtra: String { "there is \(what == "vector" ? "a vector" : what) and no text" }

  private func tell(_ run: String?, _ problem: String, _ defects: inout DefectList) {
    if let run { defects.add(kind, run, problem) }
  }
}

/// Puts ids that follow one another together, so that one sentence says it of all.
package struct IDRuns {
  private var run: ClosedRange<Int64>?

  package init() {}

  /// Takes an id, above those before; gives the run that ended before it.
  package mutating func add(_ id: Int64) -> String? {
    if let present = run, id == present.upperBound &+ 1 {
      run = present.lowerBound...id
      return nil
    }
    defer { run = id...id }
    return end()
  }

  /// The last run; nil where there was none.
  package mutating func end() -> String? {
    defer { run = nil }
    return run.map { $0.count == 1 ? "passage \($0.lowerBound)" : "passages \($0.lowerBound) to \($0.upperBound)" }
  }
}
