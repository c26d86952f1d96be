import Dispatch
import MinkeKernels
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The threads behind ``Workers``.
///
/// A thread computes only while it holds one of ``limit`` permits. Callers come first: one that begins a loop takes a
/// permit, or waits for one in the order of arrival. What is left over goes to helper threads, each of which does one
/// piece of one open loop after the other and goes on to the next loop where there are several. A helper gives its
/// permit up as soon as a caller waits; a caller passes its own on where another has waited for a slice of time.
///
/// A helper that has just finished looks out for the next loop for some tens of microseconds, because waking a thread
/// takes longer than a short loop; then it sleeps. A thread that waits for the last pieces of its loop does the same.
final class WorkerPool: Sendable {
  static let shared = WorkerPool(limit: Processors.count)

  private let permits: Atomic<Int>
  /// Permits held.
  private let held = Atomic<Int>(0)
  /// Callers that wait for a permit.
  private let waiting = Atomic<Int>(0)
  /// When the first of them became the first, in nanoseconds.
  private let waitingSince = Atomic<UInt64>(0)
  /// Loops in `state.loops`.
  private let open = Atomic<Int>(0)
  /// Helpers that look out for a loop.
  private let lookingOut = Atomic<Int>(0)
  /// Until when nobody looks out actively, in nanoseconds: a thread that did lost its processor to someone else.
  private let crowdedUntil = Atomic<UInt64>(0)
  private let state = Mutex(State())

  private struct State {
    /// Loops that may have pieces nobody has taken.
    var loops: [Loop] = []
    /// The loop whose turn it is.
    var turn = 0
    var waiters: [Waiter] = []
    var helpers: [Helper] = []
    var asleep = 0
  }

  /// A thread that waits for a permit. Its variables are guarded by the pool's lock.
  private final class Waiter: @unchecked Sendable {
    let signal = DispatchSemaphore(value: 0)
    var hasPermit = false
    /// Whether it was told of a free permit and has not looked yet.
    var isTold = false
  }

  /// A thread of the pool. Its variables are guarded by the pool's lock.
  private final class Helper: @unchecked Sendable {
    /// Below the limit that it was started under, and never 0, which is the caller's.
    let number: Int
    let signal = DispatchSemaphore(value: 0)
    var isAsleep = false

    init(number: Int) { self.number = number }
  }

  init(limit: Int) { permits = Atomic(limit) }

  var limit: Int {
    get { permits.load(ordering: .relaxed) }
    set {
      permits.store(newValue, ordering: .sequentiallyConsistent)
      // A higher limit has room for those who wait and for helpers.
      state.withLock { tellFirst(&$0) }?.signal()
      for helper in state.withLock({ helpersToWake(&$0, atMost: newValue) }) { wake(helper) }
    }
  }

  // MARK: Permits

  /// The pool of whose permits the calling thread holds one.
  private static let holder: pthread_key_t = makeKey()

  private static func makeKey() -> pthread_key_t {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "no room for a thread-specific value")
    return key
  }

  private var isHeldHere: Bool {
    pthread_getspecific(Self.holder) == UnsafeMutableRawPointer(Unmanaged.passUnretained(self).toOpaque())
  }

  private func note(held: Bool) {
    pthread_setspecific(Self.holder, held ? Unmanaged.passUnretained(self).toOpaque() : nil)
  }

  /// Calls `body` with a permit: the one that the calling thread already holds, or one of its own.
  func hold<Result>(_ body: () throws -> Result) rethrows -> Result {
    if isHeldHere { return try body() }
    take()
    return try withTaken(body)
  }

  /// The same where a permit is free; nil, without a call of `body`, where the thread would have to wait for one.
  func holdIfFree<Result>(_ body: () throws -> Result) rethrows -> Result? {
    if isHeldHere { return try body() }
    guard waiting.load(ordering: .sequentiallyConsistent) == 0, tryTake() else { return nil }
    return try withTaken(body)
  }

  private func withTaken<Result>(_ body: () throws -> Result) rethrows -> Result {
    note(held: true)
    defer {
      note(held: false)
      give()
    }
    return try body()
  }

  private func tryTake() -> Bool {
    var now = held.load(ordering: .sequentiallyConsistent)
    while now < limit {
      let (exchanged, found) = held.weakCompareExchange(
        expected: now, desired: now + 1, ordering: .sequentiallyConsistent)
      if exchanged { return true }
      now = found
    }
    return false
  }

  private func take() {
    if !tryTake() { waitForPermit(passingOn: false) }
  }

  /// Gives a permit back.
  private func give() {
    if waiting.load(ordering: .sequentiallyConsistent) > 0 {
      // Whoever gives a permit back often asks for one soon; only where the first has waited too long is it passed on.
      let isDue = isTurnOver
      let signal = state.withLock { state -> DispatchSemaphore? in
        if isDue, let signal = passToFirst(&state) { return signal }
        held.subtract(1, ordering: .sequentiallyConsistent)
        return tellFirst(&state)
      }
      signal?.signal()
      return
    }
    held.subtract(1, ordering: .sequentiallyConsistent)
    if waiting.load(ordering: .sequentiallyConsistent) > 0 {
      state.withLock { tellFirst(&$0) }?.signal()
    } else if open.load(ordering: .relaxed) > 0 {
      for helper in state.withLock({ helpersToWake(&$0, atMost: 1) }) { wake(helper) }
    }
  }

  /// Queues for a permit and waits; a thread that holds one passes it to the first of those who wait.
  private func waitForPermit(passingOn: Bool) {
    let waiter = Waiter()
    let (done, signal) = state.withLock { state -> (Bool, DispatchSemaphore?) in
      var signal: DispatchSemaphore?
      if passingOn {
        signal = passToFirst(&state)
        if signal == nil, held.load(ordering: .relaxed) <= limit { return (true, nil) }
        if signal == nil { held.subtract(1, ordering: .sequentiallyConsistent) }
      }
      waiting.add(1, ordering: .sequentiallyConsistent)
      if tryTake() {
        waiting.subtract(1, ordering: .relaxed)
        return (true, signal)
      }
      if state.waiters.isEmpty { waitingSince.store(Self.now, ordering: .relaxed) }
      state.waiters.append(waiter)
      return (false, signal)
    }
    signal?.signal()
    if done { return }
    while true {
      waiter.signal.wait()
      let (done, signal) = state.withLock { state -> (Bool, DispatchSemaphore?) in
        if waiter.hasPermit { return (true, nil) }
        waiter.isTold = false
        guard tryTake() else { return (false, nil) }
        state.waiters.removeAll { $0 === waiter }
        waiting.subtract(1, ordering: .relaxed)
        waitingSince.store(Self.now, ordering: .relaxed)
        // Two permits may have come free while only one thread was told.
        return (true, held.load(ordering: .relaxed) < limit ? tellFirst(&state) : nil)
      }
      signal?.signal()
      if done { return }
    }
  }

  /// Makes the permit that the caller holds that of the first who waits, and gives what wakes it; nil where nobody waits
  /// or there are more permits about than there should be.
  private func passToFirst(_ state: inout State) -> DispatchSemaphore? {
    guard held.load(ordering: .relaxed) <= limit, !state.waiters.isEmpty else { return nil }
    let first = state.waiters.removeFirst()
    first.hasPermit = true
    waiting.subtract(1, ordering: .relaxed)
    waitingSince.store(Self.now, ordering: .relaxed)
    return first.signal
  }

  /// What wakes the first who waits, to look for a free permit.
  private func tellFirst(_ state: inout State) -> DispatchSemaphore? {
    guard let first = state.waiters.first, !first.isTold else { return nil }
    first.isTold = true
    return first.signal
  }

  /// Whether someone wants a permit that another thread holds.
  private var isCrowded: Bool {
    waiting.load(ordering: .relaxed) > 0 || held.load(ordering: .relaxed) > limit
  }

  /// Whether the first who waits has waited for a slice: a millisecond, shared by all permits.
  private var isTurnOver: Bool {
    Self.now &- waitingSince.load(ordering: .relaxed) > 1_000_000 / UInt64(limit)
  }

  /// To be called by a caller between two pieces.
  private func passOnIfDue() {
    if isCrowded, isTurnOver { waitForPermit(passingOn: true) }
  }

  // MARK: Loops

  /// The loop that the calling thread helps with.
  private static let helped: pthread_key_t = makeKey()

  /// The task for which the calling thread works: its own, or that of the loop it helps with.
  static func withTask<Result>(_ body: (UnsafeCurrentTask?) throws -> Result) rethrows -> Result {
    if let loop = pthread_getspecific(helped) {
      return try body(Unmanaged<Loop>.fromOpaque(loop).takeUnretainedValue().task)
    }
    return try withUnsafeCurrentTask(body: body)
  }

  /// Calls `body` for each of `0..<pieces`.
  ///
  /// - Parameter task: the task that begins the loop; no piece begins once it is cancelled.
  /// - Throws: the first error of `body`, or `CancellationError`.
  func run(
    pieces: Int, workers: Int?, task: UnsafeCurrentTask?, _ body: (_ piece: Int, _ worker: Int) throws -> Void
  ) throws {
    try withoutActuallyEscaping(body) { body in
      let loop = Loop(pieces: pieces, workers: min(workers ?? limit, limit), task: task, body)
      run(loop, wanting: pieces - 1) {}
      if let error = loop.end() { throw error }
    }
  }

  /// Calls `first` on the calling thread and `second` on a helper; on the calling one, behind `first`, where none came.
  ///
  /// - Parameter task: the task that calls; `second` does not begin once it is cancelled.
  /// - Throws: the error of `first`, with which `second` is left out if it has not begun, or that of `second`.
  func run(_ first: () throws -> Void, beside second: () throws -> Void, task: UnsafeCurrentTask?) throws {
    try withoutActuallyEscaping(second) { second in
      let loop = Loop(pieces: 1, workers: limit, task: task) { _, _ in try second() }
      var failure: (any Error)?
      run(loop, wanting: 1) {
        do {
          try first()
        } catch {
          failure = error
          loop.abandon()
        }
      }
      let secondFailure = loop.end()
      if let error = failure ?? secondFailure { throw error }
    }
  }

  /// Does the pieces of a loop, behind what the calling thread does first while helpers begin with them.
  ///
  /// - Parameter helpers: how many are of use.
  private func run(_ loop: Loop, wanting helpers: Int, after first: () -> Void) {
    let isOutermost = !isHeldHere
    if isOutermost {
      take()
      note(held: true)
    }
    let isShared = helpers > 0 && loop.workers > 1
    if isShared { begin(loop, wanting: helpers) }
    first()
    while loop.doPiece(as: 0) { passOnIfDue() }
    if isShared { remove(loop) }
    if isOutermost { note(held: false) }
    if loop.isComplete || lookOut(until: { loop.isComplete }) {
      if isOutermost { give() }
    } else {
      // What is left is done by others, and so may be what is computed in this thread's place.
      if isOutermost { give() }
      loop.waitForHelpers()
    }
  }

  private func begin(_ loop: Loop, wanting count: Int) {
    let helpers = state.withLock { state in
      state.loops.append(loop)
      open.store(state.loops.count, ordering: .sequentiallyConsistent)
      return helpersToWake(&state, atMost: min(2, count))
    }
    for helper in helpers { wake(helper) }
  }

  private func remove(_ loop: Loop) {
    state.withLock { state in
      guard let index = state.loops.firstIndex(where: { $0 === loop }) else { return }
      remove(loopAt: index, &state)
    }
  }

  private func remove(loopAt index: Int, _ state: inout State) {
    state.loops.remove(at: index)
    if index < state.turn { state.turn -= 1 }
    open.store(state.loops.count, ordering: .relaxed)
  }

  // MARK: Helpers

  /// Helpers to be woken or started for the open loops, no more than there are permits for; those who look out anyway
  /// are counted on.
  private func helpersToWake(_ state: inout State, atMost count: Int) -> [(helper: Helper, isNew: Bool)] {
    guard !state.loops.isEmpty else { return [] }
    let free = limit - held.load(ordering: .relaxed)
    let wanted = min(count, free) - lookingOut.load(ordering: .sequentiallyConsistent)
    guard wanted > 0 else { return [] }
    var found: [(helper: Helper, isNew: Bool)] = []
    if state.asleep > 0 {
      // The lowest numbers first: a loop takes part of those below its number of workers only.
      for helper in state.helpers.prefix(limit - 1) where helper.isAsleep {
        helper.isAsleep = false
        state.asleep -= 1
        found.append((helper, false))
        if found.count == wanted || state.asleep == 0 { break }
      }
    }
    while found.count < wanted, state.helpers.count < limit - 1 {
      let helper = Helper(number: state.helpers.count + 1)
      state.helpers.append(helper)
      found.append((helper, true))
    }
    return found
  }

  private func wake(_ found: (helper: Helper, isNew: Bool)) {
    if found.isNew { startThread { self.help(as: found.helper) } } else { found.helper.signal.signal() }
  }

  private func help(as helper: Helper) {
    while true {
      while let loop = join(as: helper) {
        note(held: true)
        pthread_setspecific(Self.helped, Unmanaged.passUnretained(loop).toOpaque())
        while loop.doPiece(as: helper.number), !isCrowded, open.load(ordering: .relaxed) < 2 {}
        pthread_setspecific(Self.helped, nil)
        note(held: false)
        loop.leave()
        give()
      }
      lookingOut.add(1, ordering: .sequentiallyConsistent)
      let isWanted = lookOut { hasRoom }
      lookingOut.subtract(1, ordering: .sequentiallyConsistent)
      if !isWanted { sleep(helper) }
    }
  }

  /// Whether a helper may find something to do.
  private var hasRoom: Bool {
    open.load(ordering: .relaxed) > 0 && waiting.load(ordering: .relaxed) == 0
      && held.load(ordering: .relaxed) < limit
  }

  /// A loop with a piece to be taken, and a permit to do it with.
  private func join(as helper: Helper) -> Loop? {
    guard hasRoom else { return nil }
    let (loop, helpers) = state.withLock { state -> (Loop?, [(helper: Helper, isNew: Bool)]) in
      guard let index = nextLoop(&state, for: helper), tryTake() else { return (nil, []) }
      let loop = state.loops[index]
      state.turn = index + 1
      loop.enter()
      return (loop, loop.isTaken ? [] : helpersToWake(&state, atMost: 2))
    }
    for helper in helpers { wake(helper) }
    return loop
  }

  /// The place of the next loop in turn that `helper` may take part in. Loops without open pieces are taken out.
  private func nextLoop(_ state: inout State, for helper: Helper) -> Int? {
    for index in state.loops.indices.reversed() where state.loops[index].isTaken { remove(loopAt: index, &state) }
    let (loops, turn) = (state.loops, state.turn)
    return loops.indices.lazy.map { (turn + $0) % loops.count }.first { helper.number < loops[$0].workers }
  }

  private func sleep(_ helper: Helper) {
    let mustSleep = state.withLock { state in
      if hasRoom, nextLoop(&state, for: helper) != nil { return false }
      helper.isAsleep = true
      state.asleep += 1
      return true
    }
    if mustSleep { helper.signal.wait() }
  }

  // MARK: Waiting

  /// How long a thread looks out actively: about what it takes to wake one.
  private static let patience: UInt64 = 60_000

  /// Waits actively until `condition` holds, for a moment; false when it does not hold by then.
  private func lookOut(until condition: () -> Bool) -> Bool {
    let start = Self.now
    guard start > crowdedUntil.load(ordering: .relaxed) else { return condition() }
    var now = start
    repeat {
      for _ in 0..<16 {
        if condition() { return true }
        minke_pause()
      }
      now = Self.now
    } while now - start < Self.patience
    // So long a moment means that other processes want this processor: looking out would only hold them up.
    if now - start > 10 * Self.patience { crowdedUntil.store(now + 20_000_000, ordering: .relaxed) }
    return condition()
  }

  private static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }
}
