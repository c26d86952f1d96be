#if LIBFUZZER
  import Minke

  #if canImport(FoundationEssentials)
    import FoundationEssentials
  #else
    import Foundation
  #endif

  /// libFuzzer's own loop, in which the inputs that reach new code are kept and changed further.
  @_silgen_name("LLVMFuzzerRunDriver") private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
  ) -> CInt

  enum CoverageGuided {
    // SAFETY: written once, before libFuzzer's one thread reads it.
    private nonisolated(unsafe) static var reader: Reader?

    /// Hands the reader to libFuzzer, whose inputs are kept in `folder` beside the good files.
    static func run(_ reader: Reader, folder: URL) throws -> CInt {
      self.reader = reader
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for (index, seed) in reader.mutator.seeds.enumerated() {
        try Data(seed).write(to: folder.appendingPathComponent("seed-\(index)"))
      }
      // The reader's name stands where libFuzzer expects that of the program.
      var count = CommandLine.argc - 1
      var arguments = CommandLine.unsafeArgv + 1
      return runDriver(&count, &arguments) { bytes, count in
        guard let reader = CoverageGuided.reader else { return -1 }
        var random = SplitMix64(seed: 0)
        let file = reader.wrap(Array(UnsafeBufferPointer(start: bytes, count: count)), &random)
        do {
          try file.withUnsafeBytes { try reader.read($0) }
        } catch {
          precondition(error is MinkeError, "\(error)")
        }
        return 0
      }
    }
  }
#endif
