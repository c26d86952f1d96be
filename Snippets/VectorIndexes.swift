// Keep vectors under ids of your own, filter a search, and keep an index in a file.
import Foundation
import Minke

func run() async throws {
  let encoder = try await ModelLibrary.textEncoder()
  let vectors = try await encoder.encode(["a whale", "a ship", "a loaf of bread", "a harbor"])

  // snippet.add
  let index = try VectorIndex(dimension: vectors.dimension, metric: .cosine, storage: .int8)
  try index.add(vectors, ids: [10, 20, 30, 40])
  try index.upsert(vectors.rows(0..<1), ids: [20])
  print(index.remove(ids: [30]), index.ids)

  // snippet.filter
  let query = try await encoder.encode(["something at sea"])
  let found = try await index.search(query, k: 2, among: IDFilter(excluding: [10]))
  for match in found[0] { print(match.id, match.score) }

  // snippet.file
  let file = FileManager.default.temporaryDirectory.appendingPathComponent("minke-\(UUID().uuidString).index")
  defer { try? FileManager.default.removeItem(at: file) }
  try index.write(to: file)
  let mapped = try VectorIndex(contentsOf: file)  // mapped, not read
  print(mapped.count, "vectors in", mapped.byteCount, "bytes")
  // snippet.end
}

try await run()
