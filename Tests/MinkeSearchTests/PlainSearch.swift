import MinkeCore

@testable import MinkeSearch

/// The same random numbers on every run.
struct SeededRandom: RandomNumberGenerator {
  var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x2545_f491_4f6c_dd1d
  }

  /// Close to normal, with variance 1: the sum of four uniform numbers of 16 bits.
  mutating func normal() -> Float {
    let bits = next()
    let sum = Int(bits & 0xffff) + Int(bits >> 16 & 0xffff) + Int(bits >> 32 & 0xffff) + Int(bits >> 48)
    return (Float(sum) - 131_070) / 37_837
  }

  mutating func floats(_ count: Int, _ dimension: Int) throws -> Embeddings {
    var floats = [Float](repeating: 0, count: count * dimension)
    for index in 0..<floats.count { floats[index] = normal() }
    return try Embeddings(floats: floats, dimension: dimension)
  }

  mutating func bits(_ count: Int, _ dimension: Int) throws -> Embeddings {
    try Embeddings(
      packed: (0..<count * dimension / 8).map { _ in UInt8.random(in: 0...255, using: &self) }, dimension: dimension)
  }
}

/// Exhaustive search as one would write it down: every score in double precision, then a sort.
struct PlainSearch {
  var metric: Metric
  var rows: [(id: Int64, vector: [Float])] = []
  /// The largest id so far, removed ones included.
  var largest: Int64 = -1

  mutating func add(_ vectors: Embeddings, ids: [Int64]) {
    for index in 0..<vectors.count { rows.append((ids[index], vectors[index])) }
    largest = max(largest, ids.max() ?? -1)
  }

  func score(_ query: [Float], _ vector: [Float]) -> Double {
    switch metric {
    case .dot: return Self.dot(query, vector)
    case .hamming: return (Double(query.count) - Self.dot(query, vector)) / 2
    case .cosine:
      let squares = Self.dot(query, query) * Self.dot(vector, vector)
      return squares > 0 ? Self.dot(query, vector) / squares.squareRoot() : 0
    }
  }

  private static func dot(_ a: [Float], _ b: [Float]) -> Double {
    var sum = 0.0
    for index in 0..<a.count { sum += Double(a[index]) * Double(b[index]) }
    return sum
  }

  /// All vectors, nearest first; ties by id.
  func ranked(_ query: [Float]) -> [(id: Int64, score: Double)] {
    let sign: Double = metric == .hamming ? -1 : 1
    return rows.map { ($0.id, score(query, $0.vector)) }.sorted {
      $0.1 * sign != $1.1 * sign ? $0.1 * sign > $1.1 * sign : $0.0 < $1.0
    }
  }
}

extension Neighbors {
  /// Whether each query's neighbours are the true ones, and their scores within `tolerance` of the true scores; where
  /// true scores are closer together than that, either order will do.
  func agrees(with plain: PlainSearch, _ queries: Embeddings, tolerance: Double) -> Bool {
    indices.allSatisfy { query in
      let truth = plain.ranked(queries[query])
      let score = Dictionary(uniqueKeysWithValues: truth.map { ($0.id, $0.score) })
      guard Set(self[query].map(\.id)).count == k else { return false }
      return zip(self[query], truth).allSatisfy { found, expected in
        guard let own = score[found.id] else { return false }
        return abs(Double(found.score) - own) <= tolerance && abs(own - expected.score) <= 2 * tolerance
      }
    }
  }
}
