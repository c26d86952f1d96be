import Synchronization
import Testing

@testable import MinkeServer

@Suite(.serialized) struct QueueTests {
  @Test func `Calls that come meanwhile are worked on together, each by its kind`() async throws {
    let batches = Mutex<[[Int]]>([])
    let (gate, opening) = AsyncStream<Void>.makeStream()
    let gatherer = Gatherer<Bool, Int, Int>("numbers", batchWeight: 100, limit: 100) { isEven, numbers in
      let isFirst = batches.withLock { batches in
        batches.append(numbers)
        return batches.count == 1
      }
      if isFirst { for await _ in gate { break } }
      #expect(numbers.allSatisfy { $0.isMultiple(of: 2) == isEven })
      return numbers.map { 10 * $0 }
    }
    async let first = gatherer(true, 0, weight: 1)
    while gatherer.isIdle { await Task.yield() }
    try await withThrowingTaskGroup(of: (Int, Int).self) { group in
      for number in 1...9 {
        group.addTask { (number, try await gatherer(number.isMultiple(of: 2), number, weight: 1)) }
      }
      while gatherer.waitingWeight < 9 { await Task.yield() }
      opening.yield()
      for try await (number, result) in group { #expect(result == 10 * number) }
    }
    #expect(try await first == 0)
    #expect(batches.withLock { $0.count } == 3)
  }

  @Test func `More than may wait are refused, and one that is cancelled makes room`() async throws {
    let (gate, opening) = AsyncStream<Void>.makeStream()
    let gatherer = Gatherer<Int, Int, Int>("numbers", batchWeight: 1, limit: 2) { _, numbers in
      for await _ in gate { break }
      return numbers
    }
    let working = Task { try await gatherer(0, 1, weight: 1) }
    while gatherer.isIdle || gatherer.waitingWeight > 0 { await Task.yield() }
    let waiting = Task { try await gatherer(0, 2, weight: 2) }
    while gatherer.waitingWeight < 2 { await Task.yield() }
    do {
      _ = try await gatherer(0, 3, weight: 1)
      Issue.record("taken")
    } catch let failure as Failure {
      #expect(failure.status == .tooManyRequests)
      #expect(failure.headers[.retryAfter] == "1")
    }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    #expect(gatherer.waitingWeight == 0)
    let next = Task { try await gatherer(0, 4, weight: 1) }
    for _ in 0..<2 { opening.yield() }
    #expect(try await working.value == 1)
    #expect(try await next.value == 4)
  }

  @Test func `An error of one call is no other's`() async throws {
    let gatherer = Gatherer<Int, Int, Int>("numbers", batchWeight: 100, limit: 100) { _, numbers in
      if numbers.contains(3) { throw Failure.wrong("number", expected: "another", found: "3") }
      return numbers
    }
    await withTaskGroup(of: (Int, Int?).self) { group in
      for number in 0..<8 { group.addTask { (number, try? await gatherer(0, number, weight: 1)) } }
      for await (number, result) in group { #expect(result == (number == 3 ? nil : number)) }
    }
  }

  @Test func `A gate lets so many in, some wait, and others are refused`() async throws {
    let gate = Gate("work", width: 2, waiting: 1)
    try await gate.enter()
    try await gate.enter()
    let waiting = Task { try await gate.enter() }
    // It either waits, or this one does: in both cases one is refused.
    var isRefused = false
    while !isRefused {
      let other = Task { try await gate.enter() }
      try await Task.sleep(for: .milliseconds(10))
      other.cancel()
      if case .failure(let error as Failure) = await other.result {
        #expect(error.status == .tooManyRequests)
        isRefused = true
      }
    }
    #expect(gate.insideCount == 2)
    gate.leave()
    try await waiting.value
    #expect(gate.insideCount == 2)
    gate.leave()
    gate.leave()
    #expect(gate.insideCount == 0)
  }
}
