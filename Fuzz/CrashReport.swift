import Minke

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Says which inputs were at work when the process died.
enum CrashReport {
  // SAFETY: one slot for each worker, written by it alone; read only by the signal handler of a dying process.
  private nonisolated(unsafe) static let inputs = UnsafeMutablePointer<Int>.allocate(capacity: Workers.count)
  private nonisolated(unsafe) static var name: StaticText = ("", 0)

  private typealias StaticText = (text: String, workers: Int)

  static func begin(_ reader: String) {
    inputs.initialize(repeating: -1, count: Workers.count)
    name = (reader, Workers.count)
    for code in [SIGILL, SIGSEGV, SIGBUS, SIGTRAP, SIGABRT, SIGFPE] {
      signal(code) { code in
        print("\(CrashReport.name.text): signal \(code) while reading one of these inputs:")
        for worker in 0..<CrashReport.name.workers { print("  --inputs 1 --first \(CrashReport.inputs[worker])") }
        fflush(nil)
        signal(code, SIG_DFL)
        raise(code)
      }
    }
  }

  static func current(_ input: Int, worker: Int) { inputs[worker] = input }
}
