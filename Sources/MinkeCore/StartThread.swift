#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs `work` on a new thread that ends with it.
func startThread(_ work: @escaping @Sendable () -> Void) {
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  defer { pthread_attr_destroy(&attributes) }
  pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  // The default of some C libraries is too little.
  pthread_attr_setstacksize(&attributes, 4 << 20)
  let argument = Unmanaged.passRetained(ThreadWork(run: work)).toOpaque()
  #if canImport(Darwin)
    var thread: pthread_t?
    let status = pthread_create(&thread, &attributes, { ThreadWork.run($0) }, argument)
  #else
    var thread = pthread_t()
    let status = pthread_create(&thread, &attributes, { $0.flatMap { ThreadWork.run($0) } }, argument)
  #endif
  precondition(status == 0, "no thread can be started: \(status)")
}

private final class ThreadWork {
  private let work: @Sendable () -> Void

  init(run work: @escaping @Sendable () -> Void) { self.work = work }

  static func run(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    Unmanaged<ThreadWork>.fromOpaque(argument).takeRetainedValue().work()
    return nil
  }
}
