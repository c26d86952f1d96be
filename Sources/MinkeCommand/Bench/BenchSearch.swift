import ArgumentParser
import Minke

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension BenchCommand {
  struct Search: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "search",
      abstract: "Milliseconds to search an index with a batch of queries and with one.",
      discussion: "Without --base and --queries, vectors are random.")

    @Option(help: ArgumentHelp("The vectors to search, .npy.", valueName: "file"))
    var base: String?

    @Option(help: ArgumentHelp("The queries, .npy.", valueName: "file"))
    var queries: String?

    @OptionGroup var index: IndexOptions

    @Option(help: "How many random vectors.")
    var count = 1_000_000

    @Option(help: "Numbers, or bits, of a random vector.")
    var dimension = 384

    @Option(help: "How many random queries.")
    var batch = 16

    @Option(name: .customShort("k", allowingJoined: true), help: "How many neighbors of each query.")
    var k = 10

    @OptionGroup var form: JSONOption

    func validate() throws {
      if (base == nil) != (queries == nil) { throw ValidationError("--base and --queries go together.") }
      if base == "-", queries == "-" {
        throw ValidationError("Only one of --base and --queries can be standard input.")
      }
      if min(count, dimension, batch, k) < 1 {
        throw ValidationError("--count, --dimension, --batch and -k are 1 or more.")
      }
    }

    func run() async throws {
      let (index, queries) = try base == nil ? random() : read()
      let first = queries.rows(0..<1)
      let many = try Timing { _ = try index.search(queries, k: k) }
      let one = try Timing { _ = try index.search(first, k: k) }
      let plain = try MemoryBandwidth.measure(bytes: index.byteCount)
      let read = Double(index.byteCount) / plain

      var report = FigureReport()
      report.add("kernels", KernelLevel.active.rawValue)
      report.add("threads", Double(Workers.count), "")
      report.add("vectors", Double(index.count), "")
      report.add("dimension", Double(index.dimension), "")
      report.add("index_bytes", Double(index.byteCount), "bytes")
      report.add("queries", Double(queries.count), "")
      report.add("batch", many.median * 1e3, "ms")
      report.add("one_query", one.median * 1e3, "ms")
      report.add("plain_read", read * 1e3, "ms")
      report.add("plain_read_rate", plain / 1e9, "GB/s")
      report.add("one_query_over_read", one.median / read, "times")
      try report.print(json: form.isOn)
    }

    /// The index of the file `base`, and the queries of the other.
    private func read() throws -> (VectorIndex, Embeddings) {
      let queryReader = try NumPyReader(option: queries ?? "-")
      let index = try index.index(of: NumPyReader(option: base ?? "-"))
      guard var all = try queryReader.nextVectors() else {
        throw MinkeError(.invalidArgument, queryReader.subject, expected: "one vector or more", found: "none")
      }
      while let more = try queryReader.nextVectors() { try all.append(more) }
      return (index, try self.index.form(of: all, for: index, queryReader.subject))
    }

    /// An index of random vectors, and random queries.
    private func random() throws -> (VectorIndex, Embeddings) {
      let index = try index.index(dimension: dimension, elementType: .float32)
      let memory = ProcessInfo.processInfo.physicalMemory
      for (name, rows) in [("--count", count), ("--batch", batch)] {
        let bytes = UInt64(rows).multipliedReportingOverflow(by: UInt64(dimension) * 4)
        guard !bytes.overflow, bytes.partialValue <= memory else {
          throw MinkeError(
            .invalidArgument, name, expected: "vectors that fit into \(byteSize(Int(clamping: memory)))",
            found: "\(rows) of \(dimension) numbers")
        }
      }
      var source = SplitMix64(seed: 1)
      for start in stride(from: 0, to: count, by: 16_384) {
        try index.add(vectors(min(16_384, count - start), from: &source, bits: index.storage == .binary))
      }
      var other = SplitMix64(seed: 2)
      return (index, try vectors(batch, from: &other, bits: index.storage == .binary))
    }

    private func vectors(_ count: Int, from random: inout SplitMix64, bits: Bool) throws -> Embeddings {
      if bits {
        return try Embeddings(
          packed: (0..<count * dimension / 8).map { _ in UInt8(truncatingIfNeeded: random.next()) },
          dimension: dimension)
      }
      return try Embeddings(
        floats: (0..<count * dimension).map { _ in Float(2 * random.unit() - 1) }, dimension: dimension)
    }
  }
}
