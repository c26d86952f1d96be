import Minke
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What happens when a person presses ctrl-C, hangs up, or asks the program to end.
///
/// A thread of its own waits for the signals, which are blocked in all others: what it does is bound by none of the
/// rules for signal handlers. It takes away what is half written, wipes the progress bar, and lets the signal end the
/// program as if nobody had waited, so that a shell sees 130, 143 or 129.
enum Signals {
  private static let interruptAction = Mutex<(@Sendable () -> Void)?>(nil)

  /// Calls `action`, instead of ending the program, at each ctrl-C from now on; nil goes back to ending it.
  static func onInterrupt(_ action: (@Sendable () -> Void)?) { interruptAction.withLock { $0 = action } }

  private static let endAction = Mutex<(@Sendable () -> Bool)?>(nil)

  /// Calls `action` from now on when the program is asked to end, by ctrl-C or SIGTERM: where it gives true, the program
  /// goes on, to end by itself. nil goes back to ending it.
  static func onEnd(_ action: (@Sendable () -> Bool)?) { endAction.withLock { $0 = action } }

  /// Begins to wait. To be called before there are other threads.
  static func start() {
    // A reader that goes away, or a file that may not grow, is learnt from the failing write.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    var awaited = awaited
    pthread_sigmask(SIG_BLOCK, &awaited, nil)
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    pthread_create(&thread, nil, { _ in Signals.wait() }, nil)
  }

  /// The signals to wait for: those that whoever started us did not tell us to ignore, as `nohup` does.
  private static let awaited: sigset_t = {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) { sigaddset(&set, number) }
    return set
  }()

  private static func isIgnored(_ number: Int32) -> Bool {
    let old = signal(number, SIG_IGN)
    signal(number, old)
    return unsafeBitCast(old, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  private static func wait() -> Never {
    while true {
      var set = awaited
      var number: Int32 = 0
      guard sigwait(&set, &number) == 0 else { continue }
      if number == SIGINT, let action = interruptAction.withLock({ $0 }) {
        action()
        continue
      }
      if number != SIGHUP, let action = endAction.withLock({ $0 }), action() { continue }
      Drafts.removeAll {
        ProgressBar.wipe()
        RawTerminal.end()
        end(by: number)
      }
    }
  }

  private static func end(by number: Int32) -> Never {
    signal(number, SIG_DFL)
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, number)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    raise(number)
    // The first process of a container is not ended by a signal that it does not handle.
    _exit(128 + number)
  }
}

/// The three descriptors that every program may count on.
enum StandardStreams {
  /// Takes the places of those that are closed, so that no file opened later becomes what is read or printed to. Using
  /// them is the error that it would be otherwise.
  static func occupy() {
    for (descriptor, wrongWay) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)]
    where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free descriptor is the one just found closed.
      _ = open("/dev/null", wrongWay)
    }
  }

  /// - Throws: `MinkeError` when so few descriptors are left that the language's own threads could not start, or would end the
  ///   program as soon as a file is open.
  static func requireRoom() throws(MinkeError) {
    let descriptors = (0..<5).map { _ in dup(STDERR_FILENO) }
    let code = errno
    for descriptor in descriptors where descriptor >= 0 { close(descriptor) }
    if descriptors.contains(-1) { throw MinkeError.systemCall(code, "start", expected: "room for open files") }
  }
}
