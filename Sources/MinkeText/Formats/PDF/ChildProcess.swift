import MinkeCore
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

/// Runs another program and takes what it writes.
enum ChildProcess {
  struct Result {
    /// The exit status; 128 and the number of the signal where one ended it.
    let status: Int32
    let output: [UInt8]
    /// What it wrote on standard error, the first of it.
    let errors: [UInt8]
  }

  enum Failure: Error, Equatable {
    case notFound
    case tooMuchOutput
    case timeOut
    case cancelled
    /// The operating system refused, in its own words.
    case system(String)
  }

  /// Bytes kept of standard error.
  private static let errorLimit = 1 << 12

  /// Runs the program `name`, looked for along `PATH`, without a shell, and waits for its end.
  ///
  /// It is killed when it takes too long, writes too much, or the calling task is cancelled.
  ///
  /// - Parameters:
  ///   - outputLimit: bytes of its output, at most.
  ///   - seconds: how long it may take.
  static func run(
    _ name: String, _ arguments: [[UInt8]], outputLimit: Int, seconds: Int
  ) throws(Failure) -> Result {
    #if os(macOS) || os(Linux)
      let (output, errors, process) = try starting.withLock { _ throws(Failure) in
        let (output, errors) = (try Pipe(), try Pipe())
        return (output, errors, try spawn(name, arguments, output: output.writing, errors: errors.writing))
      }
      output.closeWriting()
      errors.closeWriting()
      let deadline = ContinuousClock.now + .seconds(seconds)
      do throws(Failure) {
        let (taken, said) = try collect(output.reading, errors.reading, outputLimit: outputLimit, until: deadline)
        return Result(status: try wait(for: process, until: deadline), output: taken, errors: said)
      } catch {
        kill(process, SIGKILL)
        _ = try? wait(for: process, until: nil)
        throw error
      }
    #else
      throw .notFound
    #endif
  }

  #if os(macOS) || os(Linux)
    /// Programs are begun one after the other, so that none holds an end of another's pipe open.
    private static let starting = Mutex<Void>(())

    /// The two ends of a pipe, closed when it is no longer held.
    private final class Pipe {
      let reading: Int32
      private(set) var writing: Int32

      init() throws(Failure) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .system(String(cString: strerror(errno))) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (ends[0], ends[1])
        _ = fcntl(reading, F_SETFL, O_NONBLOCK)
      }

      func closeWriting() {
        if writing >= 0 { close(writing) }
        writing = -1
      }

      deinit {
        close(reading)
        if writing >= 0 { close(writing) }
      }
    }

    private static func spawn(
      _ name: String, _ arguments: [[UInt8]], output: Int32, errors: Int32
    ) throws(Failure) -> pid_t {
      #if canImport(Darwin)
        var actions: posix_spawn_file_actions_t?
        var attributes: posix_spawnattr_t?
      #else
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
      #endif
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
      posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
      posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
      posix_spawnattr_init(&attributes)
      defer { posix_spawnattr_destroy(&attributes) }
      // What this program ignores or blocks must not hold for the other.
      var signals = sigset_t()
      sigemptyset(&signals)
      posix_spawnattr_setsigmask(&attributes, &signals)
      for signal in [SIGPIPE, SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
      posix_spawnattr_setsigdefault(&attributes, &signals)
      posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

      let words = copies(of: [Array(name.utf8)] + arguments)
      let variables = copies(of: ProcessInfo.processInfo.environment.map { Array("\($0)=\($1)".utf8) })
      defer { for word in words + variables { free(word) } }
      var process = pid_t()
      let status = posix_spawnp(&process, name, &actions, &attributes, words, variables)
      guard status == 0 else { throw status == ENOENT ? .notFound : .system(String(cString: strerror(status))) }
      return process
    }

    /// The words as C has them, with nil at the end; the caller frees them.
    private static func copies(of words: [[UInt8]]) -> [UnsafeMutablePointer<CChar>?] {
      words.map { word in
        (word.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { $0.baseAddress.flatMap { strdup($0) } }
      } + [nil]
    }

    /// Reads both pipes to their ends.
    private static func collect(
      _ output: Int32, _ errors: Int32, outputLimit: Int, until deadline: ContinuousClock.Instant
    ) throws(Failure) -> ([UInt8], [UInt8]) {
      var taken: [[UInt8]] = [[], []]
      var open = [output, errors].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      var room = [UInt8](repeating: 0, count: 1 << 16)
      while open.contains(where: { $0.fd >= 0 }) {
        try check(deadline)
        // A tenth of a second, so that a cancellation is heard.
        guard poll(&open, nfds_t(open.count), 100) >= 0 || errno == EINTR else {
          throw .system(String(cString: strerror(errno)))
        }
        for index in open.indices where open[index].fd >= 0 && open[index].revents != 0 {
          let count = read(open[index].fd, &room, room.count)
          if count > 0 {
            // What is said beyond the limit is read all the same, or the program would wait.
            if index == 0 || taken[1].count < errorLimit { taken[index] += room[..<count] }
            if taken[0].count > outputLimit { throw .tooMuchOutput }
          } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            open[index].fd = -1
          }
          open[index].revents = 0
        }
      }
      return (taken[0], taken[1])
    }

    private static func check(_ deadline: ContinuousClock.Instant) throws(Failure) {
      if Workers.isCancelled { throw .cancelled }
      if ContinuousClock.now > deadline { throw .timeOut }
    }

    /// The exit status, waited for without a limit where there is no deadline.
    private static func wait(
      for process: pid_t, until deadline: ContinuousClock.Instant?
    ) throws(Failure) -> Int32 {
      var status: Int32 = 0
      while true {
        let ended = waitpid(process, &status, deadline == nil ? 0 : WNOHANG)
        if ended == process { break }
        // Where the program that uses this lets the system forget its children, the status is not known.
        if ended < 0, errno != EINTR { return 0 }
        if let deadline { try check(deadline) }
        usleep(500)
      }
      return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
    }
  #endif
}
