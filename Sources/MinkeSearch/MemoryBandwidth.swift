import MinkeCore
import MinkeKernels

/// How fast this machine reads memory: what a scan of the same size cannot beat.
package enum MemoryBandwidth {
  /// Bytes a second of the fastest of `passes` plain reads of `bytes` of memory, on all cores.
  ///
  /// - Parameter bytes: how much memory; rounded up to a multiple of 512. Less than the caches hold measures those.
  /// - Throws: `MinkeError` when an argument is below 1 or the machine lacks the level; `CancellationError` when the calling task was cancelled.
  package static func measure(bytes: Int, passes: Int = 9, kernels level: KernelLevel = .active) throws -> Double {
    guard bytes > 0, bytes < Int.max / 2 else {
      throw MinkeError(.invalidArgument, "bytes", expected: "1 or more", found: "\(bytes)")
    }
    guard passes > 0 else {
      throw MinkeError(.invalidArgument, "passes", expected: "1 or more", found: "\(passes)")
    }
    try level.checkAvailable()
    let lines = (bytes + 511) / 512
    let memory = AlignedBuffer<UInt8>(zeroed: lines * 512)
    let workers = Workers.count
    let mixed = AlignedBuffer<UInt64>(zeroed: workers)
    let clock = ContinuousClock()
    var best = Duration.seconds(Int64.max)
    for _ in 0..<passes {
      best = min(
        best,
        try clock.measure {
          try Workers.forEachPiece(of: lines, grain: max(8, lines / (workers * 16)), workers: workers) {
            piece, worker in
            mixed.baseAddress[worker] ^= minke_scan(level.rawLevel).pointee.read(
              memory.baseAddress + piece.lowerBound * 512, piece.count * 512)
          }
        })
    }
    return Double(lines * 512) / max(best / .seconds(1), 1e-9)
  }
}
