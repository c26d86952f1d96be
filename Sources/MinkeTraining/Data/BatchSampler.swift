import MinkeCore

/// Gives the rows of a training set in batches, anew in every epoch, in an order that the seed decides.
///
/// No text occurs twice in a batch, in whatever column: two rows with one text would be taken for negatives of each
/// other. Rows that find no place in an epoch's whole batches are left out of it.
package struct BatchSampler: Sendable {
  /// Where a sampler is: batches given in the present epoch.
  package struct Position: Sendable, Equatable {
    package var epoch = 0
    package var batch = 0
    package init(epoch: Int = 0, batch: Int = 0) { (self.epoch, self.batch) = (epoch, batch) }
  }

  package let batchSize: Int
  /// Whether all rows of a batch are of one source.
  package let oneSource: Bool
  /// Rows that stand one after the other in the data and come together into a batch, where they are of one document and so
  /// hard negatives of each other; 1 for rows on their own.
  package let block: Int
  package let seed: UInt64
  private let set: TrainingSet
  private let rows: [Int32]
  /// The rows of the present epoch's batches, one batch after the other.
  private var plan: [Int32] = []
  private var current = Position()
  /// Batches of the first epoch.
  package let batchesPerEpoch: Int

  /// - Parameter rows: which rows of `set` are given.
  /// - Throws: `MinkeError` when there are not enough rows, or not enough different texts, for one batch.
  package init(
    _ set: TrainingSet, rows: [Int32], batchSize: Int, oneSource: Bool = false, block: Int = 1, seed: UInt64
  ) throws(MinkeError) {
    guard batchSize > 0, batchSize <= rows.count else {
      throw MinkeError(
        .invalidArgument, "batch", expected: "1 to \(rows.count), the rows there are", found: "\(batchSize)")
    }
    (self.set, self.rows, self.batchSize, self.oneSource, self.seed) = (set, rows, batchSize, oneSource, seed)
    self.block = block
    let first = Self.plan(set, rows, batchSize, oneSource, block, seed, epoch: 0)
    batchesPerEpoch = first.count / batchSize
    guard batchesPerEpoch > 0 else {
      let mixed = oneSource ? Self.plan(set, rows, batchSize, false, block, seed, epoch: 0).count : 0
      throw MinkeError(
        .invalidArgument, "batch",
        expected: mixed > 0
          ? "at most the rows of the largest source" : "\(batchSize) rows without a text that comes twice",
        found: mixed > 0 ? "\(batchSize)" : "fewer; all others repeat their texts")
    }
    plan = first
  }

  /// What the batches leave out, for people.
  package var notes: [String] {
    guard oneSource else { return [] }
    var counts = [Int](repeating: 0, count: set.sourceNames.count)
    for row in rows { counts[Int(set.sources[Int(row)])] += 1 }
    return counts.indices.filter { counts[$0] > 0 && counts[$0] < batchSize }.map {
      "source \"\(set.sourceNames[$0])\" left out: its \(counts[$0]) rows do not fill a batch"
    }
  }

  /// Where the sampler is. Setting it goes on from there.
  package var position: Position {
    get { current }
    set {
      if newValue.epoch != current.epoch {
        plan = Self.plan(set, rows, batchSize, oneSource, block, seed, epoch: newValue.epoch)
      }
      current = newValue
    }
  }

  /// The rows of the next batch.
  package mutating func next() -> ArraySlice<Int32> {
    // Where texts repeat a lot, an order may by chance leave room for no batch at all.
    while current.batch * batchSize >= plan.count { position = Position(epoch: current.epoch + 1) }
    defer { current.batch += 1 }
    return plan[current.batch * batchSize..<(current.batch + 1) * batchSize]
  }

  /// The rows of all batches of an epoch.
  private static func plan(
    _ set: TrainingSet, _ rows: [Int32], _ batchSize: Int, _ oneSource: Bool, _ block: Int, _ seed: UInt64,
    epoch: Int
  ) -> [Int32] {
    var generator = SplitMix64(seed: seed &+ UInt64(epoch) &* 0x9e37_79b9_7f4a_7c15)
    func mixed(_ rows: [Int32]) -> [Int32] {
      let blocks = stride(from: 0, to: rows.count, by: block).map { rows[$0..<min($0 + block, rows.count)] }
      return shuffled(blocks, &generator).flatMap { $0 }
    }
    guard oneSource else { return batches(of: mixed(rows), set, batchSize) }
    var groups = [[Int32]](repeating: [], count: set.sourceNames.count)
    for row in rows { groups[Int(set.sources[Int(row)])].append(row) }
    let plans = groups.map { batches(of: mixed($0), set, batchSize) }
    let places = plans.indices.flatMap { group in
      stride(from: 0, to: plans[group].count, by: batchSize).map { (group, $0) }
    }
    return shuffled(places, &generator).flatMap { plans[$0.0][$0.1..<$0.1 + batchSize] }
  }

  /// `rows` in whole batches, each row in the first that has none of its texts and room.
  private static func batches(of rows: [Int32], _ set: TrainingSet, _ batchSize: Int) -> [Int32] {
    let columns = set.columns.map(\.hashes)
    // Scored pairs are no negatives of each other.
    guard set.scores == nil, columns.allSatisfy({ !$0.isEmpty }) else {
      return Array(rows.prefix(rows.count / batchSize * batchSize))
    }
    var planned: [Int32] = []
    planned.reserveCapacity(rows.count)
    // Rows that an earlier batch had no place for.
    var waiting: [Int32] = []
    var next = 0
    var texts: Set<UInt64> = []
    while waiting.count + rows.count - next >= batchSize {
      let start = planned.count
      texts.removeAll(keepingCapacity: true)
      func takes(_ row: Int32) -> Bool {
        if columns.contains(where: { texts.contains($0[Int(row)]) }) { return false }
        for column in columns { texts.insert(column[Int(row)]) }
        return true
      }
      var left: [Int32] = []
      for (place, row) in waiting.enumerated() {
        if planned.count - start == batchSize {
          left += waiting[place...]
          break
        }
        if takes(row) { planned.append(row) } else { left.append(row) }
      }
      while planned.count - start < batchSize, next < rows.count {
        if takes(rows[next]) { planned.append(rows[next]) } else { left.append(rows[next]) }
        next += 1
      }
      waiting = left
      guard planned.count - start == batchSize else {
        planned.removeLast(planned.count - start)
        break
      }
    }
    return planned
  }

  /// `elements` in random order (Fisher and Yates).
  private static func shuffled<Element>(_ elements: [Element], _ generator: inout SplitMix64) -> [Element] {
    var elements = elements
    for place in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(place, generator.below(place + 1))
    }
    return elements
  }
}
