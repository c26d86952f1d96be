import MinkeCore

/// What an encoder learns: that texts belong together, how alike they are, or what a teacher makes of them.
package final class EncoderObjective: Objective {
  /// The losses there are.
  package enum Term: String, CaseIterable, Sendable {
    /// The texts of a row lie nearer to each other than to those of other rows, at every Matryoshka size.
    case ranking
    /// Cosines are the scores, at every Matryoshka size.
    case cosine
    /// Cosines have the order of the scores, at every Matryoshka size.
    case cosent
    /// Vectors lie where the teacher's lie: 1 - cosine, at the sizes that the recipe names. The first numbers of a vector
    /// say something by themselves only where the teacher was made so.
    case distillation
    /// Similarities of first texts to the others are the teacher's, as a softmax over the batch, at every Matryoshka
    /// size.
    case similarities
    /// The same among the others, or among single texts.
    case similaritiesWithin = "similarities_within"
    /// Each bit is 1 for half of the first texts.
    case entropy
    /// No bit of the first texts follows from another.
    case decorrelation

    fileprivate var needsTeacher: Bool { self == .distillation || hasDistribution }
    /// Whether similarities to learn make it, which may be those of a teacher, of words in common, or of both.
    fileprivate var hasDistribution: Bool { self == .similarities || self == .similaritiesWithin }
    fileprivate var needsScores: Bool { self == .cosine || self == .cosent }
    fileprivate var needsPairs: Bool { [.ranking, .cosine, .cosent, .similarities].contains(self) }
    fileprivate var needsBits: Bool { self == .entropy || self == .decorrelation }
  }

  package var trainee: any Trainee { encoder }
  /// What terms of a teacher are held against.
  package private(set) var teacher: TeacherVectors?
  private let encoder: any EncoderTrainee
  private let data: TrainingSet
  private let terms: [(Term, weight: Float)]
  private let similarity: SimilarityLoss
  /// The sizes at which vectors are held against a teacher's.
  private let distilledSizes: [Int]
  private let scale: Float
  private let bothDirections: Bool
  /// What words in common make of a teacher's similarities; nil for nothing.
  private let lexical: (similarity: LexicalSimilarity, share: Float)?
  /// What stands for the signs of an encoder's numbers; nil where these are the vector.
  private let relaxation: BitLoss.Relaxation?
  /// Texts that are encoded at once; nil for all of a batch.
  private let cached: CachedEncoding?

  /// - Throws: `MinkeError` when the recipe asks for sizes that the model does not have, for losses that there are not,
  ///   or for one that the data is not made for.
  package init(_ encoder: any EncoderTrainee, _ data: TrainingSet, _ recipe: Recipe) throws(MinkeError) {
    let sizes = recipe.matryoshka.isEmpty ? encoder.dimensions : recipe.matryoshka
    if let wrong = sizes.first(where: { $0 > encoder.dimensions[0] }) {
      throw MinkeError(
        .invalidArgument, "matryoshka", expected: "sizes of at most \(encoder.dimensions[0])", found: "\(wrong)")
    }
    (self.encoder, self.data) = (encoder, data)
    relaxation = Self.givesBits(encoder) ? recipe.relaxation : nil
    terms = try Self.terms(recipe, data, isBinary: relaxation != nil)
    guard recipe.lexical == 0 || terms.contains(where: { $0.0.hasDistribution }) else {
      throw MinkeError(
        .invalidArgument, "lexical", expected: "similarities or similarities_within among the losses", found: "neither")
    }
    (scale, bothDirections) = (Float(recipe.scale), recipe.bothDirections)
    lexical =
      recipe.lexical > 0
      ? (LexicalSimilarity(data, vocabulary: encoder.tokenization.tokenizer.vocabularySize), Float(recipe.lexical))
      : nil
    similarity = SimilarityLoss(scale: scale, dimensions: Array(Set(sizes)))
    distilledSizes = recipe.matryoshka.isEmpty ? [encoder.dimensions[0]] : similarity.dimensions
    cached = recipe.chunk.map { CachedEncoding(chunk: $0) }
  }

  /// Whether a term is of a teacher, and not of words in common alone.
  package var needsTeacher: Bool {
    terms.contains { term, _ in term.needsTeacher && !(term.hasDistribution && lexical?.share == 1) }
  }

  /// Takes `vectors` as what the model is to learn.
  ///
  /// - Throws: `MinkeError` when they are to be matched number by number and have another width.
  package func learn(from vectors: TeacherVectors) throws(MinkeError) {
    let width = encoder.dimensions[0]
    guard vectors.width == width || !terms.contains(where: { $0.0 == .distillation }) else {
      throw MinkeError(
        .shapeMismatch, "teacher", expected: "vectors of \(width) numbers, as the model's", found: "\(vectors.width)")
    }
    teacher = vectors
  }

  /// Whether the signs of an encoder's numbers are its vector.
  private static func givesBits(_ encoder: any EncoderTrainee) -> Bool {
    if let encoder = encoder as? BinaryTrainee, case .bits = encoder.head { return true }
    return encoder is StaticBinaryTrainee
  }

  private static func terms(
    _ recipe: Recipe, _ data: TrainingSet, isBinary: Bool
  ) throws(MinkeError) -> [(Term, weight: Float)] {
    if recipe.loss.isEmpty {
      if recipe.teacher != nil { return data.columns.count == 1 ? [(.distillation, 1)] : taught }
      if data.scores != nil { return [(.cosent, 1)] }
    }
    var terms: [(Term, weight: Float)] = []
    for (name, weight) in recipe.loss.isEmpty ? [("ranking", 1)] : recipe.loss.sorted(by: { $0.key < $1.key }) {
      guard let term = Term(rawValue: name) else {
        throw MinkeError(
          .invalidArgument, "loss", expected: Term.allCases.map(\.rawValue).joined(separator: ", "),
          found: "\"\(name)\"")
      }
      func require(_ condition: Bool, _ expected: String, _ found: String) throws(MinkeError) {
        if !condition { throw MinkeError(.invalidArgument, "loss \(name)", expected: expected, found: found) }
      }
      try require(!term.needsScores || data.scores != nil, "rows with scores", "rows without")
      try require(
        !term.needsTeacher || recipe.teacher != nil || (term.hasDistribution && recipe.lexical == 1), "a teacher",
        "none")
      try require(!term.needsPairs || data.columns.count > 1, "rows of two texts", "single texts")
      try require(!term.needsBits || isBinary, "a model of bits", "one of numbers")
      terms.append((term, Float(weight)))
    }
    return terms
  }

  /// Soft labels alone are best where there is a teacher.
  private static var taught: [(Term, weight: Float)] { [(.similarities, 1), (.similaritiesWithin, 1)] }

  // MARK: A batch

  package func learn(_ rows: ArraySlice<Int32>, share: Float, on tape: Tape) throws -> [LossPart] {
    var parts: [LossPart] = []
    let texts = texts(rows)
    // Nothing is learnt from a loss that is not finite.
    func whole(_ vectors: [Variable]) -> Variable {
      let losses = losses(vectors, texts, rows, on: tape)
      parts = losses.map(\.part)
      let share = parts.total.isFinite ? share : 0
      return tape.sum(losses.map { ($0.loss, weight: Float($0.part.weight) * share) })
    }
    if let cached {
      cached(encoder, texts, on: tape, reading: { _ in }, loss: whole)
    } else {
      tape.reset()
      let loss = whole(texts.map { encoder.encode($0, on: tape) })
      if parts.total.isFinite { tape.backward(from: loss) }
    }
    return parts
  }

  package func measure(_ rows: ArraySlice<Int32>, on tape: Tape) throws -> [LossPart] {
    tape.reset()
    tape.isRecording = false
    defer { tape.isRecording = true }
    let texts = texts(rows)
    return losses(texts.map { encoder.encode($0, on: tape) }, texts, rows, on: tape).map(\.part)
  }

  /// The texts of some rows: the first of each, and the others, of which hard negatives stand last.
  private func texts(_ rows: ArraySlice<Int32>) -> [TokenBatch] {
    groups.map { columns in
      var batch = TokenBatch()
      for column in columns {
        for row in rows { batch.append(data.columns[column][Int(row)]) }
      }
      return batch
    }
  }

  /// The columns of first texts and those of the others.
  private var groups: [Range<Int>] { data.columns.count == 1 ? [0..<1] : [0..<1, 1..<data.columns.count] }

  private func losses(
    _ vectors: [Variable], _ texts: [TokenBatch], _ rows: ArraySlice<Int32>, on tape: Tape
  ) -> [(part: LossPart, loss: Variable)] {
    let logits = vectors[0]
    let vectors = vectors.map { relaxed($0, on: tape) }
    let (x, y) = (vectors[0], vectors[vectors.count - 1])
    let last = texts.count - 1
    let scores = data.scores.map { scores in rows.map { scores[Int($0)] } } ?? []
    let soft = relaxation == .straightThrough ? tape.tanh(logits) : x
    let taught = terms.contains(where: \.0.needsTeacher) ? groups.map { wished(rows, $0, tape) } : []
    /// The sum of a loss over the sizes of a vector, as in Matryoshka learning.
    func sum(_ sizes: [Int], _ loss: (_ size: Int) -> Variable) -> Variable {
      sizes.count == 1 ? loss(sizes[0]) : tape.sum(sizes.map { (loss($0), weight: 1) })
    }
    return terms.flatMap { term, weight in
      let losses: [Variable] =
        switch term {
        case .ranking: [similarity(x, y, .diagonal(bothDirections: bothDirections), on: tape)]
        case .cosine: [sum(similarity.dimensions) { tape.cosineLoss(x, y, scores: scores, size: $0) }]
        case .cosent: [sum(similarity.dimensions) { tape.orderLoss(x, y, scores: scores, scale: scale, size: $0) }]
        case .distillation:
          zip(vectors, taught).map { vectors, wished in
            sum(distilledSizes) { tape.distillationLoss(vectors, teacher: wished, size: $0) }
          }
        case .similarities: [matched(x, y, (taught[0], taught[last]), (texts[0], texts[last]), on: tape)]
        case .entropy: [tape.bitImbalance(soft)]
        case .decorrelation: [tape.bitCorrelation(soft)]
        case .similaritiesWithin:
          [matched(y, y, (taught[last], taught[last]), (texts[last], texts[last]), on: tape)]
        }
      return losses.map { loss in
        (LossPart(term.rawValue, sumOf: loss, weight: Double(weight) / Double(losses.count)), loss)
      }
    }
  }

  /// What stands for the signs of logits; numbers stand for themselves.
  private func relaxed(_ x: Variable, on tape: Tape) -> Variable {
    switch relaxation {
    case nil: x
    case .tanh: tape.tanh(x)
    case .straightThrough: tape.signStraightThrough(x)
    }
  }

  /// The teacher's vectors of the texts in `columns` of some rows; zeros where only words in common are to be learnt.
  private func wished(_ rows: ArraySlice<Int32>, _ columns: Range<Int>, _ tape: Tape) -> MatrixView {
    guard let teacher else { return tape.zeros(rows.count * columns.count, 1).read }
    let vectors = tape.matrix(rows.count * columns.count, teacher.width)
    for (place, column) in columns.enumerated() {
      for (index, row) in rows.enumerated() {
        teacher.copy(row: Int(row), column: column, into: vectors.row(place * rows.count + index))
      }
    }
    return vectors.read
  }

  /// Similarities of `x` and `y` held against those of the teacher's vectors of their texts, and of the words in these.
  private func matched(
    _ x: Variable, _ y: Variable, _ taught: (MatrixView, MatrixView), _ texts: (TokenBatch, TokenBatch), on tape: Tape
  ) -> Variable {
    let isWithin = x === y
    let targets = tape.similarityTargets(
      taught.0, taught.1, temperature: 1 / scale, excludingDiagonal: isWithin
    ) { cosines in
      if let lexical { lexical.similarity.mix(lexical.share, texts.0, texts.1, into: cosines) }
    }
    return similarity(x, y, .distributions(targets, excludingDiagonal: isWithin), on: tape)
  }
}
