import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeTestSupport
import Testing

@testable import MinkeTraining

@Suite struct TrainingRunTests {
  /// Pairs made of the words of the tiny model's vocabulary.
  private static func writePairs(_ count: Int, to url: URL) throws {
    let tokenizer = try ModelLibrary.tokenizer(Fixture.url("sse-tiny").path)
    let words = (0..<Int32(tokenizer.vocabularySize)).compactMap { tokenizer.token($0) }
      .filter { $0.count > 2 && $0.utf8.allSatisfy { (0x61...0x7a).contains($0) } }
    var generator = SplitMix64(seed: 11)
    func text(_ length: Int) -> String {
      (0..<length).map { _ in words[generator.below(words.count)] }.joined(separator: " ")
    }
    // A positive has the words of its anchor and others, which can be learnt.
    let lines = (0..<count).map { _ in
      let anchor = text(4)
      return #"{"anchor": "\#(anchor)", "positive": "\#(anchor) \#(text(5))"}"#
    }
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: url)
  }

  private static func recipe(_ data: URL) -> Recipe {
    var recipe = Recipe(.sse)
    (recipe.start, recipe.data) = (Fixture.url("sse-tiny").path, [data.path])
    (recipe.batch, recipe.accumulation, recipe.epochs, recipe.heldOut) = (16, 2, 3, 40)
    (recipe.clip, recipe.evaluateEvery, recipe.checkpointEvery) = (1, 4, 5)
    return recipe
  }

  @Test func `A model that gets no better is not written`() throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("rows.jsonl")
      try Self.writePairs(100, to: data)
      var recipe = Self.recipe(data)
      // Nothing is learnt at this rate.
      recipe.rate = 0
      let place = RunFolder(folder.appendingPathComponent("run"))
      try place.create(recipe)
      let run = try TrainingSetup(recipe).run
      #expect(try run.run(in: place, card: { _ in "" }) == .noBetter)
      #expect(try #require(run.heldOutLosses).before == run.heldOutLosses?.after)
      #expect(!FileManager.default.fileExists(atPath: place.model.path))
      #expect(FileManager.default.fileExists(atPath: place.checkpoint.path))
    }
  }

  private func weights(_ model: URL) throws -> Data {
    try Data(contentsOf: model.appendingPathComponent("model.safetensors"))
  }

  @Test func `A run that was stopped goes on to the bits of one that was not`() throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("rows.jsonl")
      try Self.writePairs(300, to: data)
      let recipe = Self.recipe(data)
      let (whole, parts) = (
        RunFolder(folder.appendingPathComponent("a")), RunFolder(folder.appendingPathComponent("b"))
      )
      try whole.create(recipe)
      let run = try TrainingSetup(recipe).run
      #expect(run.steps == 24)
      #expect(try run.run(in: whole, card: { $0.text(name: "a", command: "c") }) == .finished)

      try parts.create(recipe)
      for stop in [3, 8, 9, 17] {
        let run = try TrainingSetup(recipe).run
        try run.resume(parts)
        let ending = try run.run(in: parts, card: { _ in "" }, shouldStop: { run.stepsDone == stop })
        #expect(ending == .stopped(step: stop))
        #expect(!FileManager.default.fileExists(atPath: parts.model.path))
      }
      let last = try TrainingSetup(recipe).run
      try last.resume(parts)
      #expect(last.stepsDone == 17)
      #expect(try last.run(in: parts, card: { _ in "" }) == .finished)
      #expect(try weights(whole.model) == weights(parts.model))

      // The notes of both tell the same story, but for the time it took.
      func notes(_ folder: RunFolder) throws -> [[String: JSONValue]] {
        try String(contentsOf: folder.metrics, encoding: .utf8).split(separator: "\n").map { line in
          var members = try Array(line.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "") }.object ?? [:]
          members["seconds"] = nil
          return members
        }
      }
      #expect(try notes(whole) == notes(parts))
      #expect(try notes(whole).count == 24 + 7)
      let losses = try notes(whole).compactMap { $0["measured"]?["held-out loss"]?.double }
      #expect(losses.count == 7)
      #expect(try String(contentsOf: whole.curves, encoding: .utf8).hasPrefix("<svg"))
      let card = try String(contentsOf: whole.model.appendingPathComponent("README.md"), encoding: .utf8)
      #expect(card.contains("rows.jsonl") && card.contains("| held-out loss |") && card.contains("\"batch\": 16"))
      #expect(try ModelLibrary.textEncoder(whole.model.path).encode(["one"]).count == 1)
    }
  }

  @Test func `A run goes on with its own recipe only, and begins in an empty folder only`() throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("rows.jsonl")
      try Self.writePairs(100, to: data)
      var recipe = Self.recipe(data)
      let place = RunFolder(folder.appendingPathComponent("run"))
      #expect(throws: MinkeError.self) { try place.begunRecipe() }
      try place.create(recipe)
      let run = try TrainingSetup(recipe).run
      _ = try run.run(in: place, card: { _ in "" }, shouldStop: { true })
      #expect(throws: MinkeError.self) { try place.create(recipe) }
      recipe.rate = 0.5
      let other = try TrainingSetup(recipe).run
      do {
        try other.resume(place)
        Issue.record("no error")
      } catch let error as MinkeError {
        #expect(error.found == "rate: 0.5 now, 0.02 in the run")
      }
      // A damaged checkpoint is told from a whole one.
      let bytes = try Data(contentsOf: place.checkpoint)
      try bytes.dropLast(100).write(to: place.checkpoint)
      #expect(throws: MinkeError.self) { try run.resume(place) }
    }
  }

  // MARK: A loss of which all is known

  /// The mean of `(w - x)^2` over rows, where x is the number of the row's first token; NaN for a row that is said.
  private final class Squares: Objective {
    final class Weight: Trainee {
      let weight = Parameter("w", shape: [1, 1], [0])
      var parameters: [Parameter] { [weight] }
      func write(to draft: URL) throws {
        try Data("\(weight.copied()[0])".utf8).write(to: draft.appendingPathComponent("w"))
      }
    }

    let weight = Weight()
    let data: TrainingSet
    var broken: Int32?
    var trainee: any Trainee { weight }

    init(_ data: TrainingSet) { self.data = data }

    func measure(_ rows: ArraySlice<Int32>, on tape: Tape) -> [LossPart] {
      let w = Double(weight.weight.copied()[0])
      let loss = rows.reduce(0.0) { sum, row in
        let difference = w - Double(data.columns[0][Int(row)].first ?? 0)
        return sum + (row == broken ? .nan : difference * difference)
      }
      return [LossPart("squares", loss / Double(rows.count))]
    }

    func learn(_ rows: ArraySlice<Int32>, share: Float, on tape: Tape) -> [LossPart] {
      let w = weight.weight.copied()[0]
      for row in rows {
        weight.weight.gradient[0, 0] +=
          share * 2 * (w - Float(data.columns[0][Int(row)].first ?? 0)) / Float(rows.count)
      }
      return measure(rows, on: tape)
    }
  }

  private func squares(_ change: (inout Recipe) -> Void) throws -> (TrainingRun, Squares) {
    var data = TrainingSet(columns: ["text"])
    data.columns[0].ids = (0..<64).map { Int32($0 * $0 % 31) }
    data.columns[0].ends = Array(1...64)
    var recipe = Recipe(.sse)
    (recipe.rate, recipe.schedule, recipe.warmUp) = (0.5, .constant, 0)
    change(&recipe)
    let objective = Squares(data)
    return (try TrainingRun(recipe, objective, data, RunEvaluation([], kind: .sse)), objective)
  }

  @Test func `Gradients added up over batches are those of one large batch`() throws {
    try Fixture.withTemporaryFolder { folder in
      let (large, one) = try squares { ($0.batch, $0.steps) = (64, 20) }
      let (small, other) = try squares { ($0.batch, $0.accumulation, $0.steps) = (16, 4, 20) }
      for (name, run) in [("a", large), ("b", small)] {
        let place = RunFolder(folder.appendingPathComponent(name))
        try place.create(run.recipe)
        _ = try run.run(in: place, card: { _ in "" })
      }
      let (a, b) = (one.weight.weight.copied()[0], other.weight.weight.copied()[0])
      #expect(abs(a) > 1 && abs(a - b) < 1e-4 * abs(a))
    }
  }

  @Test func `A loss that is not finite stops the run, names the batch and leaves the last checkpoint`() throws {
    try Fixture.withTemporaryFolder { folder in
      let (run, objective) = try squares { ($0.batch, $0.epochs, $0.checkpointEvery) = (4, 2, 2) }
      let place = RunFolder(folder.appendingPathComponent("run"))
      try place.create(run.recipe)
      var kept = Data()
      do {
        _ = try run.run(
          in: place, card: { _ in "" },
          shouldStop: {
            if run.stepsDone == 5 {
              objective.broken = 17
              kept = (try? Data(contentsOf: place.checkpoint)) ?? kept
            }
            return false
          })
        Issue.record("no error")
      } catch let error as MinkeError {
        #expect(error.kind == .notFinite && error.found.contains("squares nan"))
        #expect(error.found.contains("sequence 18"))
      }
      #expect(!kept.isEmpty && !FileManager.default.fileExists(atPath: place.model.path))
      let again = try squares { ($0.batch, $0.epochs, $0.checkpointEvery) = (4, 2, 2) }
      try again.0.resume(place)
      #expect(again.0.stepsDone >= 4 && again.1.weight.weight.copied()[0].isFinite)
    }
  }

  @Test func `What a run takes is stated before it begins`() throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("rows.jsonl")
      try Self.writePairs(200, to: data)
      let run = try TrainingSetup(Self.recipe(data)).run
      let estimate = try run.estimate()
      #expect(estimate.parameterBytes == 16 * estimate.parameters && estimate.parameters == run.parameterCount)
      #expect(estimate.steps == run.steps && estimate.texts == run.steps * 16 * 2 * 2)
      #expect(estimate.activationBytes > 0 && estimate.seconds > 0)
    }
  }

  @Test func `Scored pairs are learnt by their scores, in whole batches or in chunks`() throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("pairs.jsonl")
      try Self.writePairs(60, to: data)
      let lines = try String(contentsOf: data, encoding: .utf8).split(separator: "\n").enumerated().map { index, line in
        line.dropLast() + ", \"score\": \(Double(index % 5) / 5)}"
      }
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: data)
      var recipe = Self.recipe(data)
      (recipe.heldOut, recipe.accumulation, recipe.evaluateEvery, recipe.epochs) = (0, 1, nil, 20)
      (recipe.batch, recipe.loss) = (20, ["cosine": 0.5, "cosent": 1])
      var weights: [Data] = []
      for chunk in [nil, 7, 20] as [Int?] {
        recipe.chunk = chunk
        let place = RunFolder(folder.appendingPathComponent("run \(chunk ?? 0)"))
        try place.create(recipe)
        let run = try TrainingSetup(recipe).run
        var losses: [Double] = []
        _ = try run.run(in: place, card: { _ in "" }, progress: { losses.append($0.loss) })
        #expect(losses.count == 60 && losses[59] < 0.8 * losses[0])
        weights.append(try self.weights(place.model))
      }
      // One chunk is the batch.
      #expect(weights[0] == weights[2])
      // Every size of a vector learns, or the one that is named.
      recipe.loss = ["cosine": 1]
      func firstLoss(_ sizes: [Int]) throws -> Double {
        recipe.matryoshka = sizes
        let run = try TrainingSetup(recipe).run
        let place = RunFolder(folder.appendingPathComponent("sizes \(sizes)"))
        try place.create(recipe)
        var losses: [Double] = []
        _ = try run.run(in: place, card: { _ in "" }, progress: { losses.append($0.loss) })
        return try #require(losses.first)
      }
      let (large, small) = (try firstLoss([16]), try firstLoss([8]))
      #expect(large != small)
      #expect(abs(try firstLoss([16, 8]) - large - small) < 1e-6 * (large + small))
      recipe.matryoshka = []
      recipe.loss = ["rank": 1]
      #expect(throws: MinkeError.self) { try TrainingSetup(recipe).run }
    }
  }

  @Test func `A teacher's vectors are made once and stand in the order of the texts`() throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("rows.jsonl")
      try Self.writePairs(90, to: data)
      let rows = try String(contentsOf: data, encoding: .utf8)
      try Data((#"{"anchor": "", "positive": "left out"}"# + "\n" + rows).utf8).write(to: data)
      var recipe = Self.recipe(data)
      (recipe.heldOut, recipe.accumulation, recipe.epochs, recipe.rate) = (20, 1, 10, 0.01)
      recipe.teacher = ModelLibrary.defaultName
      let place = RunFolder(folder.appendingPathComponent("run"))
      try place.create(recipe)
      let setup = try TrainingSetup(recipe)
      let cache = folder.appendingPathComponent("cache")
      try setup.loadTeacher(cache: cache)
      #expect(try setup.estimate().dataBytes > 4 * 512 * 180)

      let set = try TrainingSet(recipe.selection, .pairs, ModelLibrary.tokenization(Fixture.url("sse-tiny").path))
      #expect(set.count == 90)
      let files = try FileManager.default.contentsOfDirectory(atPath: cache.path)
      #expect(files.count == 1)
      let file = cache.appendingPathComponent(files[0])
      let vectors = try TeacherVectors(contentsOf: file, for: set)
      let texts = try rows.split(separator: "\n").flatMap { line in
        let json = try Array(line.utf8).withUnsafeBytes { try JSONValue(parsing: $0, subject: "row") }
        return [json["anchor"]?.string ?? "", json["positive"]?.string ?? ""]
      }
      let wanted = try ModelLibrary.textEncoder().encode(texts)
      let found = Matrix(rows: 1, columns: 512)
      for index in [0, 1, 77, 179] {
        vectors.copy(row: index / 2, column: index % 2, into: found.view)
        #expect(zip(found.copied(), wanted[index]).allSatisfy { abs($0 - $1) < 1e-5 })
      }

      // Made once: another run takes them as they are.
      let made = try FileManager.default.attributesOfItem(atPath: file.path)[.modificationDate] as? Date
      let again = try TrainingSetup(recipe)
      try again.loadTeacher(cache: cache)
      var losses: [Double] = []
      _ = try again.run.run(in: place, card: { _ in "" }, progress: { losses.append($0.loss) })
      #expect(try FileManager.default.attributesOfItem(atPath: file.path)[.modificationDate] as? Date == made)
      #expect(losses[losses.count - 1] < losses[0])
      #expect(try String(contentsOf: place.metrics, encoding: .utf8).contains("similarities_within"))

      // Vectors for other rows are told from those of these.
      recipe.teacher = file.path
      recipe.limit = 50
      let fewer = try TrainingSetup(recipe)
      #expect(throws: MinkeError.self) { try fewer.loadTeacher(cache: cache) }
      recipe.loss = ["similarities": 1]
      recipe.teacher = nil
      #expect(throws: MinkeError.self) { try TrainingSetup(recipe) }
    }
  }

  /// Recipes of every kind, small.
  private static func recipes(_ data: URL) -> [Recipe] {
    func recipe(_ kind: Recipe.Kind, from name: String, _ change: (inout Recipe) -> Void) -> Recipe {
      var recipe = Recipe(kind)
      (recipe.start, recipe.data) = (Fixture.url(name).path, [data.path])
      (recipe.batch, recipe.steps, recipe.checkpointEvery) = (8, 6, 2)
      change(&recipe)
      return recipe
    }
    return [
      recipe(.sse, from: "sse-tiny") {
        ($0.bits, $0.loss) = (64, ["ranking": 1, "entropy": 0.5, "decorrelation": 0.1])
      },
      recipe(.bne, from: "bne-tiny") { ($0.length, $0.relaxation) = (12, .straightThrough) },
      recipe(.bne, from: "bne-tiny") { ($0.length, $0.numbers, $0.chunk) = (12, 24, 3) },
      recipe(.head, from: "byrne-embed-tiny") {
        ($0.length, $0.teacher, $0.loss) = (12, ModelLibrary.defaultName, ["similarities_within": 1])
      },
      recipe(.lm, from: "spikewhale-tiny") { ($0.length, $0.loss) = (16, ["second_token": 0.5]) },
    ]
  }

  @Test(arguments: 0..<5) func `Every kind of model is taught, resumed to the bit and loaded`(index: Int) throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("rows.jsonl")
      try Self.writePairs(60, to: data)
      let recipe = Self.recipes(data)[index]
      let (whole, parts) = (
        RunFolder(folder.appendingPathComponent("a")), RunFolder(folder.appendingPathComponent("b"))
      )
      let cache = folder.appendingPathComponent("cache")
      func run(_ place: RunFolder, stop: Int? = nil) throws -> TrainingRun.Ending {
        let setup = try TrainingSetup(recipe, isReplaced: FileManager.default.fileExists(atPath: place.checkpoint.path))
        try setup.run.resume(place)
        try setup.loadTeacher(cache: cache)
        return try setup.run.run(in: place, card: { _ in "card" }, shouldStop: { setup.run.stepsDone == stop })
      }
      for place in [whole, parts] { try place.create(recipe) }
      #expect(try run(whole) == .finished)
      #expect(try run(parts, stop: 3) == .stopped(step: 3))
      #expect(try run(parts) == .finished)
      let (one, other) = (try Checkpoint(contentsOf: whole.checkpoint), try Checkpoint(contentsOf: parts.checkpoint))
      #expect(one.tensorNames == other.tensorNames && one.tensorNames.count > 9)
      for name in one.tensorNames {
        #expect(try one.tensor(name).elements() == other.tensor(name).elements(), "\(name)")
      }
      let model = try ModelLibrary.model(whole.model.path)
      if let encoder = model as? any TextEncoder {
        #expect(encoder.metric == ([0, 1].contains(index) ? .hamming : .cosine))
        #expect(try encoder.encode(["one two"]).count == 1)
      } else {
        #expect(recipe.kind == .lm)
      }
    }
  }

  @Test func `Models begin at random or with a teacher's tokens`() throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("rows.jsonl")
      try Self.writePairs(60, to: data)
      var recipe = Self.recipe(data)
      (recipe.start, recipe.tokenizer, recipe.dimension) = (nil, Fixture.url("sse-tiny").path, 48)
      (recipe.batch, recipe.heldOut, recipe.evaluateEvery) = (8, 8, nil)
      let tokens = try ModelLibrary.tokenizer(Fixture.url("sse-tiny").path).vocabularySize
      for teacher in [nil, ModelLibrary.defaultName] {
        recipe.teacher = teacher
        let setup = try TrainingSetup(recipe)
        #expect(setup.run.parameterCount == 48 * (tokens + 3))
        #expect(try setup.estimate().steps == setup.run.steps)
      }
      var language = Recipe(.lm)
      (language.data, language.batch, language.length) = ([data.path], 4, 16)
      #expect(throws: MinkeError.self) { try TrainingSetup(language) }
      language.configuration = try Fixture.json("spikewhale-tiny/config.json")
      #expect(throws: MinkeError.self) { try TrainingSetup(language) }
      language.tokenizer = Fixture.url("spikewhale-tiny").path
      #expect(try TrainingSetup(language).estimate().parameters > 0)
      language.length = 1 << 20
      #expect(throws: MinkeError.self) { try TrainingSetup(language) }
    }
  }

  @Test func `Held-out rows with texts in common are measured in smaller batches`() throws {
    try Fixture.withTemporaryFolder { folder in
      let data = folder.appendingPathComponent("rows.jsonl")
      let lines = (0..<60).map { #"{"anchor": "one \#($0)", "positive": "two \#($0 % 5)"}"# }
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: data)
      var recipe = Self.recipe(data)
      (recipe.heldOut, recipe.batch, recipe.steps, recipe.accumulation) = (20, 4, 2, 1)
      let place = RunFolder(folder.appendingPathComponent("run"))
      try place.create(recipe)
      _ = try TrainingSetup(recipe).run.run(in: place, card: { _ in "" })
      #expect(try String(contentsOf: place.metrics, encoding: .utf8).contains("held-out loss"))
    }
  }
}
