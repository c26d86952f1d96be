import MinkeCore

/// A vector that may be among the nearest of a query. Larger scores are closer, and of equal ones the lower id.
struct Candidate: BitwiseCopyable, Sendable {
  var score: Float
  var position: UInt32
  var id: Int64

  func isCloser(than other: Candidate) -> Bool {
    score > other.score || (score == other.score && id < other.id)
  }
}

/// For each worker and query, a heap of the `k` closest candidates so far, the furthest of them on top.
struct BestCandidates: ~Copyable, Sendable {
  let queries: Int
  let k: Int
  let workers: Int
  private let entries: AlignedBuffer<Candidate>
  private let counts: AlignedBuffer<Int>

  init(workers: Int, queries: Int, k: Int) {
    (self.workers, self.queries, self.k) = (workers, queries, k)
    entries = AlignedBuffer(uninitialized: workers * queries * k)
    counts = AlignedBuffer(zeroed: workers * queries)
  }

  /// The score below which a vector cannot be among the closest.
  func threshold(worker: Int, query: Int) -> Float {
    let heap = worker * queries + query
    return counts.baseAddress[heap] < k ? -.infinity : entries.baseAddress[heap * k].score
  }

  /// Takes in a candidate if it is among the closest.
  func insert(_ candidate: Candidate, worker: Int, query: Int) {
    let heap = worker * queries + query
    let top = entries.baseAddress + heap * k
    let count = counts.baseAddress[heap]
    if count < k {
      counts.baseAddress[heap] = count + 1
      var place = count
      while place > 0, top[(place - 1) / 2].isCloser(than: candidate) {
        top[place] = top[(place - 1) / 2]
        place = (place - 1) / 2
      }
      top[place] = candidate
    } else if candidate.isCloser(than: top[0]) {
      var place = 0
      while true {
        var child = 2 * place + 1
        if child >= k { break }
        if child + 1 < k, top[child].isCloser(than: top[child + 1]) { child += 1 }
        if !candidate.isCloser(than: top[child]) { break }
        top[place] = top[child]
        place = child
      }
      top[place] = candidate
    }
  }

  /// The closest candidates of a query over all workers, closest first.
  func closest(query: Int) -> [Candidate] {
    var all: [Candidate] = []
    for worker in 0..<workers {
      let heap = worker * queries + query
      all += UnsafeBufferPointer(start: entries.baseAddress + heap * k, count: counts.baseAddress[heap])
    }
    all.sort { $0.isCloser(than: $1) }
    return Array(all.prefix(k))
  }
}
