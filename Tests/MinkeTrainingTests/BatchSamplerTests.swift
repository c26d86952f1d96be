import MinkeCore
import Testing

@testable import MinkeTraining

@Suite struct BatchSamplerTests {
  /// Rows of two texts that are given as numbers, from `sources` sources in turn.
  private func rows(_ texts: [(UInt64, UInt64)], sources: Int = 1) -> TrainingSet {
    var set = TrainingSet(columns: ["anchor", "positive"])
    for (index, pair) in texts.enumerated() {
      for (column, hash) in [pair.0, pair.1].enumerated() {
        set.columns[column].ids.append(Int32(truncatingIfNeeded: hash))
        set.columns[column].ends.append(index + 1)
        set.columns[column].hashes.append(hash)
      }
      set.sources.append(Int32(index % sources))
    }
    set.sourceNames = (0..<sources).map { "source \($0)" }
    return set
  }

  private func all(_ set: TrainingSet) -> [Int32] { (0..<Int32(set.count)).map { $0 } }

  @Test func `No text is twice in a batch, and no row twice in an epoch`() throws {
    var generator = SplitMix64(seed: 1)
    // Texts repeat within a column and from one column to the other.
    let set = rows(
      (0..<2000).map { row in (UInt64(generator.below(400)), UInt64(generator.below(600)) + UInt64(row % 2 * 100_000)) }
        .filter { $0.0 != $0.1 })
    var sampler = try BatchSampler(set, rows: all(set), batchSize: 32, seed: 7)
    var given: [Int32] = []
    for _ in 0..<sampler.batchesPerEpoch {
      let batch = sampler.next()
      #expect(batch.count == 32)
      let texts = batch.flatMap { row in set.columns.map { $0.hashes[Int(row)] } }
      #expect(Set(texts).count == texts.count)
      given += batch
    }
    #expect(Set(given).count == given.count)
    // Few rows find no place, though many texts repeat.
    #expect(given.count > 1800)
    #expect(sampler.position == .init(epoch: 0, batch: sampler.batchesPerEpoch))
    let next = sampler.next()
    #expect(sampler.position == .init(epoch: 1, batch: 1) && Array(next) != Array(given.prefix(32)))
  }

  @Test func `Rows of a block come together`() throws {
    let set = rows((0..<512).map { (UInt64($0), UInt64(1000 + $0)) })
    var sampler = try BatchSampler(set, rows: all(set), batchSize: 64, block: 8, seed: 3)
    for _ in 0..<sampler.batchesPerEpoch {
      let batch = Array(sampler.next())
      for start in stride(from: 0, to: 64, by: 8) {
        #expect(batch[start].isMultiple(of: 8) && (0..<8).allSatisfy { batch[start + $0] == batch[start] + Int32($0) })
      }
    }
    #expect(Array(sampler.next()) != (0..<64).map { $0 })
  }

  @Test func `A position restored goes on with the same batches`() throws {
    let set = rows((0..<500).map { (UInt64($0), UInt64(1000 + $0 % 90)) }, sources: 3)
    for oneSource in [false, true] {
      func sampler(seed: UInt64 = 5) throws -> BatchSampler {
        try BatchSampler(set, rows: all(set), batchSize: 16, oneSource: oneSource, seed: seed)
      }
      var first = try sampler()
      for _ in 0..<first.batchesPerEpoch + 3 { _ = first.next() }
      let position = first.position
      let wanted = (0..<70).map { _ in Array(first.next()) }
      var second = try sampler()
      second.position = position
      #expect((0..<70).map { _ in Array(second.next()) } == wanted)
      var other = try sampler(seed: 6)
      other.position = position
      #expect((0..<70).map { _ in Array(other.next()) } != wanted)
    }
  }

  @Test func `Batches of one source hold rows of one source`() throws {
    let set = rows((0..<300).map { (UInt64($0), UInt64(1000 + $0)) }, sources: 3)
    var sampler = try BatchSampler(set, rows: all(set), batchSize: 20, oneSource: true, seed: 0)
    var order: [Int32] = []
    for _ in 0..<sampler.batchesPerEpoch {
      let sources = Set(sampler.next().map { set.sources[Int($0)] })
      #expect(sources.count == 1)
      order += sources
    }
    // Sources take turns instead of coming one after the other.
    #expect(order.count == 15 && order != order.sorted())
    let few = try BatchSampler(
      set, rows: all(set).filter { $0 % 3 != 1 || $0 < 30 }, batchSize: 20, oneSource: true, seed: 0)
    #expect(few.notes == ["source \"source 1\" left out: its 10 rows do not fill a batch"])
  }

  @Test func `Batches that cannot be filled are errors`() throws {
    let set = rows((0..<100).map { (UInt64($0), UInt64(1000 + $0)) })
    #expect(throws: MinkeError(.invalidArgument, "batch", expected: "1 to 100, the rows there are", found: "101")) {
      try BatchSampler(set, rows: all(set), batchSize: 101, seed: 0)
    }
    let same = rows((0..<100).map { (7, UInt64(1000 + $0)) })
    do {
      _ = try BatchSampler(same, rows: all(same), batchSize: 2, seed: 0)
      Issue.record("no error")
    } catch {
      #expect(error.expected == "2 rows without a text that comes twice")
    }
    #expect(try BatchSampler(same, rows: all(same), batchSize: 1, seed: 0).batchesPerEpoch == 100)
  }
}
