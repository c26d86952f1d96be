import MinkeCore

/// Where each id is, and which ids come next.
///
/// As long as ids were added in ascending order and none was removed, the index itself is a sorted list of them and
/// nothing is stored; else a dictionary is kept.
struct Catalog: Sendable {
  private var positions: [Int64: Int]?
  private var largest: Int64 = -1

  /// An estimate of the dictionary's memory: 16 bytes and a bit a bucket.
  var byteCount: Int { positions.map { $0.capacity * 4 / 3 * 16 } ?? 0 }

  func position(of id: Int64, in contents: Contents) -> Int? {
    if let positions { return positions[id] }
    var (low, high) = (0, contents.count)
    while low < high {
      let middle = (low + high) / 2
      if contents.id(at: middle) < id { low = middle + 1 } else { high = middle }
    }
    return low < contents.count && contents.id(at: low) == id ? low : nil
  }

  /// The ids of `count` vectors to be added: those `wanted`, which must be new, or the next ones.
  func ids(for count: Int, wanted: [Int64]?, in contents: Contents) throws(MinkeError) -> [Int64] {
    guard let wanted else {
      let (end, overflow) = largest.addingReportingOverflow(Int64(count))
      guard !overflow else {
        throw MinkeError(
          .invalidArgument, "ids", expected: "ids to be given", found: "no \(count) free ids after \(largest)")
      }
      return count == 0 ? [] : Array(largest + 1...end)
    }
    guard wanted.count == count else {
      throw MinkeError(.shapeMismatch, "ids", expected: "one id a vector, \(count)", found: "\(wanted.count)")
    }
    if follow(wanted, contents) { return wanted }
    var seen = Set<Int64>(minimumCapacity: count)
    for id in wanted where !seen.insert(id).inserted || position(of: id, in: contents) != nil {
      throw MinkeError(.invalidArgument, "ids", expected: "ids that are not in the index", found: "\(id) twice")
    }
    return wanted
  }

  /// Notes that `ids` are added after the vectors of `contents`.
  mutating func add(_ ids: [Int64], to contents: Contents) {
    if positions == nil, !follow(ids, contents) { positions = Self.dictionary(of: contents) }
    if positions != nil { for (index, id) in ids.enumerated() { positions?[id] = contents.count + index } }
    largest = max(largest, ids.max() ?? largest)
  }

  /// Takes `id` out of `contents`; says whether it was there.
  mutating func remove(_ id: Int64, from contents: inout Contents) -> Bool {
    guard let position = position(of: id, in: contents) else { return false }
    let last = contents.count - 1
    if position == last {
      positions?[id] = nil
    } else {
      if positions == nil { positions = Self.dictionary(of: contents) }
      positions?[contents.id(at: last)] = position
      positions?[id] = nil
    }
    contents.remove(at: position)
    if contents.count == 0 { positions = nil }
    return true
  }

  /// Whether `ids` ascend, and from above every id of an index that ascends itself.
  private func follow(_ ids: [Int64], _ contents: Contents) -> Bool {
    guard positions == nil else { return false }
    var before: Int64? = contents.count > 0 ? contents.id(at: contents.count - 1) : nil
    for id in ids {
      if let before, id <= before { return false }
      before = id
    }
    return true
  }

  private static func dictionary(of contents: Contents) -> [Int64: Int] {
    var result = [Int64: Int](minimumCapacity: contents.count)
    for position in 0..<contents.count { result[contents.id(at: position)] = position }
    return result
  }
}
