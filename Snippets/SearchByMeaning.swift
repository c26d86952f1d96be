// Turn texts into vectors, compare them, and search by meaning. Inside an async function, each call is `try await`.
import Minke

let encoder = try ModelLibrary.textEncoder("minke-sse-en")

// snippet.compare
let texts = ["The captain hunts the white whale.", "Bread rises because of yeast.", "A sailor pursues a sea monster."]
let vectors = try encoder.encode(texts)  // [3, 512], each of length 1
let similarity = try vectors.similarities(to: vectors)  // [3, 3]
print("whale and monster:", similarity[2], " whale and bread:", similarity[1])

// snippet.search
let index = try VectorIndex(dimension: vectors.dimension, metric: .cosine, storage: .float32)
try index.add(vectors)
let query = try encoder.encode(["an obsession with revenge at sea"], role: .query)
for match in try index.search(query, k: 2)[0] { print(match.score, texts[Int(match.id)]) }

// snippet.files
let files = try PassageSearch(encoder: encoder)
try files.add(paths: ["Examples/books"])
for found in try files.search("a detective looks at footprints", k: 3) {
  print(found.score, "\(found.document):\(found.passage.lines.lowerBound)")
}
