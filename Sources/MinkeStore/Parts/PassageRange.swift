import GRDB
import MinkeCore
import MinkeSearch

/// The passages of a part: ids from `first` to `last`, `count` of them, and which of these were removed since.
///
/// Parts of one kind never overlap: each holds the passages of one or more transactions, and only neighbors are merged.
package struct PassageRange: Sendable, Equatable {
  package let first: Int64
  package let last: Int64
  package let count: Int
  /// What was removed, each id less ``first``.
  package var gone: OrdinalSet

  package init(first: Int64, last: Int64, count: Int, gone: OrdinalSet = OrdinalSet()) {
    (self.first, self.last, self.count, self.gone) = (first, last, count, gone)
  }

  package var living: Int { count - gone.count }

  /// The ids that were removed, in order.
  var goneIDs: [Int64] {
    var ids: [Int64] = []
    gone.forEach { ids.append(first + Int64($0)) }
    return ids
  }

  /// The range of a row, and whether its numbers can be.
  package init(
    first: Int64, last: Int64, count: Int, removed: Int, gone: [UInt8]?, subject: String
  ) throws(MinkeError) {
    guard first > 0, last >= first, last < .max, count > 0, Int64(count) <= last - first + 1, last - first < 1 << 31,
      let gone = gone.map({ OrdinalSet(bytes: $0) }) ?? OrdinalSet(), gone.count == removed, removed <= count
    else {
      throw MinkeError(.malformedFile, subject, expected: "a range of passages", found: "numbers that cannot be")
    }
    self.init(first: first, last: last, count: count, gone: gone)
  }

  /// Whether blocks from `first` on can be: no counting from there on overflows.
  package static func canBegin(at first: Int64) -> Bool { (1..<1 << 60).contains(first) }

  func checksum(_ others: Int64..., ids: [UInt8]? = nil) -> Int64 {
    var bytes = RowBytes()
    for number in [first, last, Int64(count), Int64(gone.count)] + others { bytes.add(number) }
    bytes.add(gone.isEmpty ? nil : gone.bytes)
    bytes.add(ids)
    return bytes.checksum
  }
}

extension [Int64] {
  /// Those of the ids, which ascend, that lie in a range.
  package func within(_ range: PassageRange) -> ArraySlice<Int64> {
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
