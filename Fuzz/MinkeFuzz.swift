import Dispatch
import Minke
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Feeds damaged files to every reader of files that come from anywhere, in this process: none may crash it, take
/// more than a second of processor time or take more memory than a small file deserves. A reader's errors are what is
/// hoped for.
///
///     swift run -c release MinkeFuzz [--inputs N] [--first I] [--seed S] [--memory MIB] [READER ...]
///
/// Built with libFuzzer, `MinkeFuzz READER FOLDER [OPTION OF LIBFUZZER ...]` lets the code reached guide the damage:
///
///     swift build -c release --product MinkeFuzz --scratch-path .build/libfuzzer \
///       -Xswiftc -sanitize=fuzzer -Xswiftc -DLIBFUZZER -Xswiftc -use-ld=lld
///     .build/libfuzzer/release/MinkeFuzz pickle .build/corpus -runs=1000000
///
/// The process may use 2048 MiB; `--memory 0` lifts the limit, as `swift run --sanitize address` needs it.
/// Input I of a reader depends only on the seed and on I. When the process dies, the inputs then at work are printed;
/// `--inputs 1 --first I READER` repeats one of them.
@main struct MinkeFuzz {
  static func main() throws {
    #if LIBFUZZER
      let words = CommandLine.arguments
      guard words.count > 2, let reader = try Reader.all().first(where: { $0.name == words[1] }) else {
        throw MinkeError(.invalidArgument, "arguments", expected: "a reader and a folder", found: "others")
      }
      exit(try CoverageGuided.run(reader, folder: URL(fileURLWithPath: words[2])))
    #else
      try runMutations()
    #endif
  }

  private static func runMutations() throws {
    var inputs = 1_000_000
    var first = 0
    var seed = 1
    var memory = 2048
    var names: [String] = []
    var arguments = CommandLine.arguments.dropFirst()
    func number(_ option: String) throws -> Int {
      guard let text = arguments.popFirst(), let value = Int(text), value >= 0 else {
        throw MinkeError(.invalidArgument, option, expected: "a number", found: "none")
      }
      return value
    }
    while let argument = arguments.popFirst() {
      switch argument {
      case "--inputs": inputs = try number(argument)
      case "--first": first = try number(argument)
      case "--seed": seed = try number(argument)
      case "--memory": memory = try number(argument)
      default: names.append(argument)
      }
    }
    let readers = try Reader.all()
    for name in names where !readers.contains(where: { $0.name == name }) {
      let known = readers.map(\.name).joined(separator: ", ")
      throw MinkeError(.invalidArgument, "reader", expected: "one of \(known)", found: name)
    }
    if memory > 0 { try limitMemory(memory << 20) }
    for reader in readers where names.isEmpty || names.contains(reader.name) {
      try run(reader, inputs: inputs, first: first, seed: UInt64(seed))
    }
  }

  /// Beyond `bytes` an allocation fails, which ends the process like any other crash.
  private static func limitMemory(_ bytes: Int) throws {
    var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t(bytes))
    // 2 is RLIMIT_DATA, which the C libraries declare as different types.
    guard setrlimit(.init(2), &limit) == 0 else {
      throw MinkeError.systemCall(errno, "setrlimit", expected: "a limit of memory")
    }
  }

  /// Processor time of the calling thread: a busy machine makes no input slow.
  private static var processorTime: Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }

  private static func run(_ reader: Reader, inputs: Int, first: Int, seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for good in reader.mutator.seeds { try reader.wrap(good, &random).withUnsafeBytes { try reader.read($0) } }
    CrashReport.begin(reader.name)
    let accepted = Atomic<Int>(0)
    let slowest = Mutex((duration: Duration.zero, input: 0))
    let clock = ContinuousClock()
    let began = clock.now
    try Workers.forEachPiece(of: inputs, grain: 4096) { piece, worker in
      var read = 0
      for index in piece {
        let input = first + index
        CrashReport.current(input, worker: worker)
        let start = Self.processorTime
        if try accepts(reader, input, seed: seed) { read += 1 }
        let duration = Self.processorTime - start
        if duration > .milliseconds(20) {
          slowest.withLock { if duration > $0.duration { $0 = (duration, input) } }
        }
      }
      accepted.wrappingAdd(read, ordering: .relaxed)
    }
    let elapsed = began.duration(to: clock.now)
    let (duration, input) = slowest.withLock { $0 }
    let rate = Int(Double(inputs) / (elapsed / .seconds(1)))
    let peak = peakMemory() >> 20
    let slow = duration == .zero ? "none over 20 ms" : "slowest input \(input): \(duration)"
    print(
      "\(reader.name): \(inputs) inputs, \(accepted.load(ordering: .relaxed)) read, no crash; "
        + "\(rate) a second; \(slow); peak memory \(peak) MiB")
    if duration > .seconds(1) {
      throw MinkeError(.invalidArgument, "input \(input)", expected: "an answer in a second", found: "\(duration)")
    }
  }

  /// Whether the reader takes the input; an error other than its own kind is passed on.
  private static func accepts(_ reader: Reader, _ input: Int, seed: UInt64) throws -> Bool {
    var random = SplitMix64(seed: seed &* 0x2545_f491_4f6c_dd1d &+ UInt64(input))
    let file = reader.wrap(reader.mutator.input(&random), &random)
    do {
      try file.withUnsafeBytes { try reader.read($0) }
      return true
    } catch is MinkeError {
      return false
    }
  }

  private static func peakMemory() -> Int {
    var usage = rusage()
    // 0 is RUSAGE_SELF, which the C libraries declare as different types.
    getrusage(0, &usage)
    #if os(Linux)
      return usage.ru_maxrss * 1024
    #else
      return usage.ru_maxrss
    #endif
  }
}
