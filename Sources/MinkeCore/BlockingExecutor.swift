import Dispatch
import Synchronization

/// Threads that tasks may block: where `async` forms do their work.
///
/// A few, so that a long job does not hold up a short one; what they compute together, ``WorkerPool`` bounds. Jobs of
/// higher priority come first, equal ones in the order of arrival.
final class BlockingExecutor: TaskExecutor {
  static let shared = BlockingExecutor(width: 4)

  private let width: Int
  private let state = Mutex(State())

  private struct State {
    var jobs: [UnownedJob] = []
    var threads = 0
    var idle: [DispatchSemaphore] = []
  }

  init(width: Int) { self.width = width }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let (sleeper, isShort) = state.withLock { state -> (DispatchSemaphore?, Bool) in
      let place = state.jobs.lastIndex { $0.priority >= job.priority }.map { $0 + 1 } ?? 0
      state.jobs.insert(job, at: place)
      if let sleeper = state.idle.popLast() { return (sleeper, false) }
      guard state.threads < width else { return (nil, false) }
      state.threads += 1
      return (nil, true)
    }
    sleeper?.signal()
    if isShort { startThread { self.work() } }
  }

  private func work() {
    let signal = DispatchSemaphore(value: 0)
    while true {
      let job = state.withLock { state -> UnownedJob? in
        if !state.jobs.isEmpty { return state.jobs.removeFirst() }
        state.idle.append(signal)
        return nil
      }
      if let job { job.runSynchronously(on: asUnownedTaskExecutor()) } else { signal.wait() }
    }
  }
}
