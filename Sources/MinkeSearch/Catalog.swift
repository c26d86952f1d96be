import MinkeCore

/// Where each id is, and which ids come next.
///
/// As long as ids were added in ascending order and none was removed, the index itself is a sorted list of them and
/// nothing is stored; else a dictionary is kept, made when it is first needed.
struct Catalog: Sendable {
  /// Whether the ids of the vectors ascend.
  private(set) var isAscending: Bool
  /// The largest id so far, also of vectors that were removed.
  private(set) var largest: Int64
  private var positions: [Int64: Int]?

  init(isAscending: Bool = true, largest: Int64 = -1) {
    self.isAscending = isAscending
    self.largest = largest
  }

  /// An estimate of the dictionary's memory: 16 bytes and a bit a bucket.
  var byteCount: Int { positions.map { $0.capacity * 4 / 3 * 16 } ?? 0 }

  mutating func position(of id: Int64, in contents: Contents) -> Int? {
    guard isAscending else {
      makeDictionary(of: contents)
      return positions?[id]
    }
    var (low, high) = (0, contents.count)
    while low < high {
      let middle = (low + high) / 2
      if contents.id(at: middle) < id { low = middle + 1 } else { high = middle }
    }
    return low < contents.count && contents.id(at: low) == id ? low : nil
  }

  /// The ids of `count` vectors to be added: those `wanted`, which must be new, or the next ones.
  mutating func ids(for count: Int, wanted: [Int64]?, in contents: Contents) throws(MinkeError) -> [Int64] {
    guard let wanted else { return try Self.ids(after: largest, count: count) }
    try Self.check(wanted, count: count)
    if follows(wanted, contents) { return wanted }
    for id in wanted where position(of: id, in: contents) != nil {
      throw MinkeError(
        .invalidArgument, "ids", expected: "ids that are not in the index (upsert replaces)", found: "\(id)")
    }
    return wanted
  }

  /// The `count` ids that follow `largest`.
  static func ids(after largest: Int64, count: Int) throws(MinkeError) -> [Int64] {
    let (end, overflow) = largest.addingReportingOverflow(Int64(count))
    guard !overflow else {
      throw MinkeError(
        .invalidArgument, "ids", expected: "ids to be given", found: "no \(count) free ids after \(largest)")
    }
    return count == 0 ? [] : Array(largest + 1...end)
  }

  /// Throws unless there are `count` ids and none of them twice.
  static func check(_ ids: [Int64], count: Int) throws(MinkeError) {
    guard ids.count == count else {
      throw MinkeError(.shapeMismatch, "ids", expected: "one id a vector, \(count)", found: "\(ids.count)")
    }
    if zip(ids, ids.dropFirst()).allSatisfy({ $0 < $1 }) { return }
    var seen = Set<Int64>(minimumCapacity: count)
    for id in ids where !seen.insert(id).inserted {
      throw MinkeError(.invalidArgument, "ids", expected: "no id twice", found: "\(id) twice")
    }
  }

  /// Notes that `ids` are added after the vectors of `contents`.
  mutating func add(_ ids: [Int64], to contents: Contents) {
    if isAscending, !follows(ids, contents) {
      makeDictionary(of: contents)
      isAscending = false
    }
    if positions != nil { for (index, id) in ids.enumerated() { positions?[id] = contents.count + index } }
    largest = max(largest, ids.max() ?? largest)
  }

  /// Gets ready to remove the vectors at `positions`, each given once: they are not the last ones, if ids stop ascending.
  mutating func prepare(toRemove positions: [Int], from contents: Contents) {
    guard isAscending, let first = positions.min(), first < contents.count - positions.count else { return }
    makeDictionary(of: contents)
    isAscending = false
  }

  /// Takes the vector at `position` out of `contents`.
  mutating func remove(at position: Int, from contents: inout Contents) {
    let last = contents.count - 1
    if !isAscending {
      positions?[contents.id(at: last)] = position
      positions?[contents.id(at: position)] = nil
    }
    contents.remove(at: position)
    if contents.count == 0 { (isAscending, positions) = (true, nil) }
  }

  /// Whether `ids` ascend, and from above every id of an index that ascends itself.
  private func follows(_ ids: [Int64], _ contents: Contents) -> Bool {
    guard isAscending else { return false }
    var before: Int64? = contents.count > 0 ? contents.id(at: contents.count - 1) : nil
    for id in ids {
      if let before, id <= before { return false }
      before = id
    }
    return true
  }

  private mutating func makeDictionary(of contents: Contents) {
    guard positions == nil else { return }
    var result = [Int64: Int](minimumCapacity: contents.count)
    for position in 0..<contents.count { result[contents.id(at: position)] = position }
    positions = result
  }
}
