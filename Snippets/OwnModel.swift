// Load a model of your own, look into it, and write it smaller.
import Foundation
import Minke

func run() async throws {
  let folder = CommandLine.arguments.dropFirst().first ?? "Tests/Fixtures/sse-tiny"

  // snippet.load
  // A folder of sentence-transformers, model2vec, SSE, BNE or Byrne-Embed, recognized from its files.
  let encoder = try await ModelLibrary.textEncoder(folder)
  print(encoder.identity.name, encoder.identity.fingerprint, encoder.dimensions)
  for fact in encoder.facts { print(fact.name, fact.value) }

  // snippet.role
  // A model trained with prompts puts another one before a query than before a document.
  let query = try await encoder.encode(["where do whales sleep"], role: .query)
  let documents = try await encoder.encode(["Whales sleep upright.", "Bread needs yeast."], role: .document)
  print(try query.similarities(to: documents))

  // snippet.report
  // What is in a folder, also where it cannot be loaded, and why not.
  let report = try ModelReport(folder)
  print(report.problems.isEmpty ? "all is well" : report.problems.joined(separator: "\n"))

  // snippet.save
  let smaller = FileManager.default.temporaryDirectory.appendingPathComponent("minke-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: smaller) }
  try encoder.save(to: smaller, precision: .fourBit)
  print(try await ModelLibrary.textEncoder(smaller.path).facts.map(\.value))
  // snippet.end
}

try await run()
