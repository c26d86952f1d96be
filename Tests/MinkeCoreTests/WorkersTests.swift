import Dispatch
import MinkeTestSupport
import Synchronization
import Testing

@testable import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct WorkersTests {
  @Test(arguments: [0, 1, 2, 63, 64, 65, 1000], [1, 7, 64, 5000])
  func `Every element is done once, in pieces that depend on nothing else`(count: Int, grain: Int) throws {
    let pieces = Mutex<[Range<Int>]>([])
    try Workers.forEachPiece(of: count, grain: grain, workers: 3) { piece, worker in
      #expect(worker >= 0 && worker < 3)
      pieces.withLock { $0.append(piece) }
    }
    let sorted = pieces.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } }
    #expect(sorted == stride(from: 0, to: count, by: grain).map { $0..<min($0 + grain, count) })
  }

  @Test func `The first error ends the work and reaches the caller`() {
    struct Stop: Error {}
    let done = Mutex(0)
    #expect(throws: Stop.self) {
      try Workers.forEachPiece(of: 100_000, grain: 1) { piece, _ in
        done.withLock { $0 += 1 }
        if piece.lowerBound == 10 { throw Stop() }
      }
    }
    #expect(done.withLock { $0 } < 100_000)
  }

  @Test func `A cancelled task stops between pieces`() async {
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try Workers.forEachPiece(of: 1_000_000, grain: 1) { _, _ in }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func `A loop within a piece stops when the task of the outer one is cancelled`() async {
    let begun = Mutex(0)
    let task = Task {
      try Workers.forEachPiece(of: 16, grain: 1) { _, _ in
        begun.withLock { $0 += 1 }
        while true { try Workers.forEachPiece(of: 100, grain: 1) { _, _ in } }
      }
    }
    while begun.withLock({ $0 }) == 0 { await Task.yield() }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func `Map keeps the order`() throws {
    #expect(try Workers.map(count: 1000, grain: 3) { $0 * 2 } == (0..<1000).map { $0 * 2 })
  }

  @Test func `MINKE_THREADS is a number from 1 to 1024`() throws {
    for text in ["abc", "0", "-3", "1025", "2.5", " 4"] {
      #expect(throws: MinkeError.self) { try Processors.wanted(["MINKE_THREADS": text]) }
    }
    #expect(try Processors.wanted(["MINKE_THREADS": "7"]) == 7)
    #expect(try Processors.wanted([:]) == nil)
  }

  @Test func `The quota of a control group bounds the threads`() throws {
    func quota(_ files: [String: String]) throws -> Int? {
      try Fixture.withTemporaryFolder { root in
        for (name, text) in files {
          let url = root.appendingPathComponent(name)
          try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
          try Data(text.utf8).write(to: url)
        }
        return Processors.quota(below: root.path)
      }
    }
    #expect(try quota([:]) == nil)
    #expect(try quota(["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"]) == 2)
    #expect(try quota(["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"]) == nil)
    #expect(try quota(["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "1000 100000\n"]) == 1)
    // The strictest of a group and those around it.
    #expect(
      try quota([
        "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "800000 100000\n",
        "sys/fs/cgroup/a/cpu.max": "300000 100000\n",
      ]) == 3)
    #expect(
      try quota([
        "proc/self/cgroup": "4:memory:/x\n3:cpu,cpuacct:/x\n", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      ]) == 3)
    #expect(
      try quota([
        "proc/self/cgroup": "3:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
      ]) == nil)
  }
}

/// A pool of its own for each test, so that its limit holds whatever else runs.
@Suite struct WorkerPoolTests {
  /// How many threads are inside at once, and the most there were.
  private final class Gauge: Sendable {
    private let inside = Mutex((now: 0, most: 0))
    var most: Int { inside.withLock { $0.most } }

    func enter() {
      inside.withLock {
        $0.now += 1
        $0.most = max($0.most, $0.now)
      }
    }

    func leave() { inside.withLock { $0.now -= 1 } }
  }

  /// Runs `body` on `count` threads at once and waits for all.
  private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let done = DispatchSemaphore(value: 0)
    for index in 0..<count {
      startThread {
        body(index)
        done.signal()
      }
    }
    for _ in 0..<count { done.wait() }
  }

  private func work(_ steps: Int) -> UInt64 {
    var random = SplitMix64(seed: UInt64(steps))
    return (0..<steps).reduce(0) { sum, _ in sum ^ random.next() }
  }

  @Test(arguments: [1, 2, 3, 7]) func `Never more threads compute than there are permits, and every piece is done once`(
    limit: Int
  ) {
    let pool = WorkerPool(limit: limit)
    let gauge = Gauge()
    let done = Mutex([Int](repeating: 0, count: 40))
    onThreads(10) { thread in
      for round in 0..<40 {
        let sum = Mutex(0)
        let pieces = 1 + (thread * 7 + round) % 23
        #expect(throws: Never.self) {
          try pool.run(pieces: pieces, workers: nil, task: nil) { piece, worker in
            gauge.enter()
            #expect(worker >= 0 && worker < limit)
            #expect(work(100) != 0)
            sum.withLock { $0 += piece + 1 }
            gauge.leave()
          }
        }
        #expect(sum.withLock { $0 } == pieces * (pieces + 1) / 2)
        done.withLock { $0[round] += 1 }
      }
    }
    #expect(done.withLock { $0 } == [Int](repeating: 10, count: 40))
    #expect(gauge.most <= limit)
  }

  @Test func `No two pieces of a loop have one worker's number at once`() throws {
    let pool = WorkerPool(limit: 5)
    let busy = Mutex([Bool](repeating: false, count: 5))
    onThreads(4) { _ in
      let mine = Mutex([Bool](repeating: false, count: 5))
      try? pool.run(pieces: 500, workers: nil, task: nil) { _, worker in
        #expect(!mine.withLock { $0[worker] })
        mine.withLock { $0[worker] = true }
        _ = work(200)
        mine.withLock { $0[worker] = false }
      }
      busy.withLock { $0[0] = true }
    }
  }

  @Test(arguments: [1, 2, 4]) func `Loops within loops within loops come to their end`(limit: Int) throws {
    let pool = WorkerPool(limit: limit)
    let gauge = Gauge()
    let count = Atomic<Int>(0)
    onThreads(6) { _ in
      try? pool.run(pieces: 4, workers: nil, task: nil) { _, _ in
        try pool.run(pieces: 5, workers: nil, task: nil) { _, _ in
          try pool.run(pieces: 6, workers: nil, task: nil) { _, _ in
            gauge.enter()
            count.add(1, ordering: .relaxed)
            gauge.leave()
          }
        }
      }
    }
    #expect(count.load(ordering: .relaxed) == 6 * 4 * 5 * 6)
    #expect(gauge.most <= limit)
  }

  @Test func `An error ends its own loop and no other`() {
    struct Stop: Error {}
    let pool = WorkerPool(limit: 3)
    let failed = Atomic<Int>(0)
    onThreads(8) { thread in
      for _ in 0..<50 {
        let done = Atomic<Int>(0)
        do {
          try pool.run(pieces: 64, workers: nil, task: nil) { piece, _ in
            if thread.isMultiple(of: 2), piece == 20 { throw Stop() }
            done.add(1, ordering: .relaxed)
          }
          #expect(done.load(ordering: .relaxed) == 64)
        } catch {
          #expect(error is Stop && done.load(ordering: .relaxed) < 64)
          failed.add(1, ordering: .relaxed)
        }
      }
    }
    #expect(failed.load(ordering: .relaxed) == 4 * 50)
  }

  @Test func `The limit may change while loops run`() {
    let pool = WorkerPool(limit: 1)
    let stop = Atomic<Bool>(false)
    startThread {
      var limit = 1
      while !stop.load(ordering: .relaxed) {
        limit = limit % 8 + 1
        pool.limit = limit
        _ = work(500)
      }
    }
    let count = Atomic<Int>(0)
    onThreads(6) { _ in
      for _ in 0..<200 {
        try? pool.run(pieces: 20, workers: 8, task: nil) { _, worker in
          #expect(worker < 8)
          count.add(1, ordering: .relaxed)
        }
        pool.hold { _ = work(100) }
      }
    }
    stop.store(true, ordering: .relaxed)
    #expect(count.load(ordering: .relaxed) == 6 * 200 * 20)
  }

  @Test func `A short call is served beside one that never ends`() {
    let pool = WorkerPool(limit: 1)
    let stop = Atomic<Bool>(false)
    let ended = DispatchSemaphore(value: 0)
    startThread {
      pool.hold {
        while !stop.load(ordering: .relaxed) {
          try? pool.run(pieces: 10, workers: nil, task: nil) { _, _ in _ = work(1000) }
        }
      }
      ended.signal()
    }
    for _ in 0..<20 { try? pool.run(pieces: 3, workers: nil, task: nil) { _, _ in _ = work(100) } }
    stop.store(true, ordering: .relaxed)
    ended.wait()
  }
}

@Suite struct WorkersRunTests {
  @TaskLocal static var name = "outside"

  @Test func `Work off the cooperative pool sees the task's values, priority and cancellation`() async throws {
    try await Self.$name.withValue("inside") {
      let name = try await Workers.run { Self.name }
      #expect(name == "inside")
    }
    let task = Task(priority: .low) {
      let priority = try await Workers.run { Task.basePriority }
      #expect(priority == .low)
      while true { try await Workers.run { try Task.checkCancellation() } }
    }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func `Errors reach the task`() async {
    struct Stop: Error {}
    await #expect(throws: Stop.self) { try await Workers.run { throw Stop() } }
  }

  @Test func `Blocking work leaves the cooperative pool to others`() async throws {
    let gate = DispatchSemaphore(value: 0)
    try await withThrowingTaskGroup { group in
      // More than the cooperative pool has threads on most machines; all wait for what a task opens at the end.
      for _ in 0..<200 { group.addTask { try await Workers.run { gate.wait() } } }
      group.addTask { for _ in 0..<200 { gate.signal() } }
      try await group.waitForAll()
    }
  }
}
