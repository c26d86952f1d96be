import Foundation
import MinkeCore
import MinkeModels
import MinkeTestSupport
import Testing

@testable import MinkeTraining

@Suite struct RecipeTests {
  private func recipe(_ text: String, kind: Recipe.Kind? = nil) throws -> Recipe {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("recipe.json")
      try Data(text.utf8).write(to: url)
      return try Recipe(contentsOf: url, kind: kind)
    }
  }

  @Test(arguments: Recipe.Kind.allCases) func `A recipe that was written is read as the same`(kind: Recipe.Kind) throws
  {
    var written = Recipe(kind)
    #expect(try recipe(written.text) == written)
    written.data = ["a \"b\".jsonl", "c.xz"]
    written.loss = ["ranking": 1, "cosent": 0.25]
    written.matryoshka = [64, 32]
    (written.limit, written.steps, written.clip, written.chunk) = (10, 20, 0.5, 64)
    (written.rate, written.seed, written.oneSource, written.schedule) = (1e-5, 12345, true, .linear)
    (written.evaluateEvery, written.checkpointEvery, written.start) = (5, 6, "minke-sse-en")
    #expect(try recipe(written.text) == written)
    #expect(written.differences(from: written, "here", "there") == [])
    #expect(Set(written.json.object?.keys.map { $0 } ?? []) == Set(Recipe.fields.map(\.key) + ["kind"]))
  }

  @Test func `What a file leaves out is what is usual for the kind of model`() throws {
    let read = try recipe(#"{"kind": "sse", "batch": 64, "epochs": 2}"#)
    var usual = Recipe(.sse)
    (usual.batch, usual.epochs) = (64, 2)
    #expect(read == usual)
    #expect(try recipe(#"{"batch": 64, "epochs": 2}"#, kind: .sse) == usual)
    #expect(
      usual.differences(from: Recipe(.sse), "now", "in the run") == [
        "batch: 64 now, 2048 in the run", "epochs: 2 now, 1 in the run",
      ])
  }

  @Test(arguments: [
    (#"{"kind": "sse", "bacth": 64}"#, "\"bacth\""), (#"{"kind": "sse", "batch": 0}"#, "batch"),
    (#"{"kind": "sse", "batch": "64"}"#, "batch"), (#"{"kind": "sse", "rate": null}"#, "rate"),
    (#"{"kind": "sse", "columns": ["a", 1]}"#, "columns"), (#"{"kind": "sse", "schedule": "step"}"#, "\"cosine\""),
    (#"{"kind": "sse", "loss": {"ranking": "1"}}"#, "loss"), (#"{"kind": "gpt"}"#, "sse, bne, head, lm"),
    (#"{"batch": 64}"#, "kind"), (#"[1]"#, "object"),
  ]) func `Unknown members and wrong values are named`(text: String, named: String) throws {
    do {
      _ = try recipe(text)
      Issue.record("no error")
    } catch let error as MinkeError {
      #expect(error.kind == .malformedFile && error.description.contains(named), "\(error)")
    }
  }

  @Test func `The recipes are read, and the built-in language model has the sizes of its own`() throws {
    let folder = Fixture.url("../../Recipes")
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }
    #expect(paths.contains("minke-sse-en/1-pairs.json"))
    for path in paths { _ = try Recipe(contentsOf: folder.appendingPathComponent(path)) }
    let wanted = try Recipe(contentsOf: folder.appendingPathComponent("minke-tiny-lm/lm.json")).configuration?.object
    let model = try ModelSource(ModelLibrary.defaultLanguageModelName).open()
    let found = try MappedFile(model.requiredFile("config.json"))
    let sizes = try JSONValue(parsing: found.bytes, subject: found.path)
    for (key, value) in try #require(wanted) { #expect(sizes[key] == value, "\(key)") }
  }

  @Test func `Steps and warm-up follow from the data`() {
    var recipe = Recipe(.sse)
    #expect(recipe.stepCount(batchesPerEpoch: 445) == 445 && recipe.warmUpSteps(of: 445) == 45)
    (recipe.epochs, recipe.accumulation) = (1.5, 4)
    #expect(recipe.stepCount(batchesPerEpoch: 100) == 37)
    (recipe.steps, recipe.warmUp) = (12, 5)
    #expect(recipe.stepCount(batchesPerEpoch: 100) == 12 && recipe.warmUpSteps(of: 12) == 5)
  }
}
