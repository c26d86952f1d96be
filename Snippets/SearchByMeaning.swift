// Turn texts into vectors, compare them, and search by meaning.
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
let found = try index.search(encoder.encode(["an obsession with revenge at sea"]), k: 2)
for (id, score) in zip(found.ids, found.scores) { print(score, texts[Int(id)]) }

// snippet.files
let files = try PassageSearch(paths: ["Examples/books"], encoder: encoder)
for result in try files.search("a detective looks at footprints", k: 3) {
  print(result.score, "\(result.document):\(result.passage.lines.lowerBound)")
}
