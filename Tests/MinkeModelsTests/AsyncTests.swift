import Dispatch
import MinkeBuiltInModels
import MinkeCore
import MinkeModels
import MinkeTestSupport
import Synchronization
import Testing

@Suite struct AsyncTests {
  private let texts = (0..<4000).map { "text number \($0) of many, long enough that they make several steps" }

  private func encodeNow(_ encoder: any TextEncoder, _ texts: [String], _ options: EncodingOptions) throws -> Embeddings
  {
    try encoder.encode(texts, options: options)
  }

  @Test func `the asynchronous form gives the same vectors and counts all texts`() async throws {
    let encoder = try await ModelLibrary.textEncoder()
    let heard = Mutex<[Int]>([])
    let options = EncodingOptions(dimension: 64) { completed, total in
      heard.withLock { $0.append(completed) }
      #expect(total == 4000)
    }
    let found = try await encoder.encode(texts, options: options)
    let wanted = try encodeNow(encoder, texts, EncodingOptions(dimension: 64))
    #expect(found.count == 4000 && found.floats == wanted.floats)
    #expect(heard.withLock { $0 == $0.sorted() && $0.last == 4000 })
    #expect(try await encoder.encode([]).count == 0)
  }

  @Test func `a binary encoder gives the same bits in steps`() async throws {
    let encoder = try await ModelLibrary.textEncoder(Fixture.url("bne-tiny").path)
    let texts = Array(texts.prefix(1500))
    let found = try await encoder.encode(texts)
    #expect(try found.packedBits == encodeNow(encoder, texts, EncodingOptions()).packedBits)
    let ids = try await encoder.tokenizer.encode(Array(texts.prefix(100)))
    #expect(ids == texts.prefix(100).map { encoder.tokenizer.encode($0) })
  }

  @Test func `cancelling the task ends it between steps`() async throws {
    let encoder = try await ModelLibrary.textEncoder()
    let texts = (0..<50).flatMap { _ in self.texts }
    let task = Task { try await encoder.encode(texts) }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  /// Runs its jobs on one thread of its own.
  private final class OneThread: TaskExecutor {
    private let queue = DispatchQueue(label: "one thread")

    func enqueue(_ job: consuming ExecutorJob) {
      let job = UnownedJob(job)
      queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
  }

  @Test(.timeLimit(.minutes(5))) func `encoding leaves the executor of its task to others`() async throws {
    let encoder = try await ModelLibrary.textEncoder()
    let executor = OneThread()
    let gate = DispatchSemaphore(value: 0)
    // Every report waits for a task that comes after and needs the same thread.
    let options = EncodingOptions { _, _ in
      gate.wait()
      gate.signal()
    }
    let texts = Array(texts.prefix(200))
    let tasks = (0..<3).map { _ in
      Task(executorPreference: executor) { try await encoder.encode(texts, options: options) }
    }
    let opener = Task(executorPreference: executor) { _ = gate.signal() }
    await opener.value
    for task in tasks { #expect(try await task.value.count == 200) }
  }

  @Test func `results have the same bits with 1, 2 and 7 threads`() async throws {
    // Other tests may set the number meanwhile, which must not matter either.
    let before = Workers.count
    defer { Workers.count = before }
    let texts = Array(texts.prefix(300))
    for name in ["minke-sse-en", "bne-tiny", "byrne-embed-tiny"] {
      let path = name == "minke-sse-en" ? name : Fixture.url(name).path
      for precision in name == "minke-sse-en" ? [Precision.float32] : [.float32, .int8] {
        let encoder = try await ModelLibrary.textEncoder(path, precision: precision)
        var results: [Embeddings] = []
        for count in [1, 2, 7] {
          Workers.count = count
          results.append(try encodeNow(encoder, texts, EncodingOptions()))
        }
        #expect(results.allSatisfy { $0.floats == results[0].floats && $0.packedBits == results[0].packedBits })
      }
    }
  }
}
