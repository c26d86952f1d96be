import MinkeCore

/// All that decides what a training run makes: from one recipe and one set of files comes one model, to the bit.
///
/// As a file it is a JSON object whose members are those of ``fields``.
package struct Recipe: Sendable, Equatable {
  /// What kind of model is taught.
  package enum Kind: String, CaseIterable, Sendable {
    /// A static embedding with separable dynamic tanh.
    case sse
    /// A BERT encoder that gives bits.
    case bne
    /// An embedding head on a language model.
    case head
    /// A language model.
    case lm

    /// What is made of the data's rows.
    package var purpose: DataPurpose { self == .lm || self == .head ? .texts : .pairs }
  }

  /// How gradients become changes of weights.
  package enum Optimizer: String, CaseIterable, Sendable { case adam, adamw }

  package var kind: Kind

  // What is begun with.
  /// The model to go on with; nil for a start at random.
  package var start: String?
  /// The model, or its folder, whose tokenizer a start at random takes.
  package var tokenizer: String?
  /// Numbers of a vector at a start at random; nil for what is usual.
  package var dimension: Int?
  /// Bits of a vector, for a static model of bits or a binary encoder; nil for those of the model, or none.
  package var bits: Int?
  /// Numbers of a vector of a binary encoder's float baseline.
  package var numbers: Int?
  /// How the token table of a static model is held; in 4 bits it is rounded in every step as it will be in the end.
  package var precision = Precision.float32
  /// The sizes of a model that begins at random, the members of its `config.json`.
  package var configuration: JSONValue?
  /// The encoder, or the file of vectors, to learn from.
  package var teacher: String?

  // What is learnt from.
  package var data: [String] = []
  package var columns: [String] = []
  package var sourceColumn = "source"
  package var scoreColumn = "score"
  package var sources: [String] = []
  package var every = 1
  package var offset = 0
  package var limit: Int?
  /// The most characters of a text that are read, by the model and by a teacher; nil for all.
  package var characters: Int?
  /// The members that are a conversation, the user's turn and the assistant's one after the other.
  package var turns: [String] = []
  /// The sources whose rows are conversations, where there are ``turns``; empty for all.
  package var conversations: [String] = []
  /// Rows, or below 1 the share of the rows, that are measured and not learnt from.
  package var heldOut = 0.0
  /// The most tokens of a text, or those of a sequence; nil for the model's own limit.
  package var length: Int?

  // Batches.
  package var batch: Int
  /// Texts of a batch that are encoded at once, so that memory is theirs alone; nil for all.
  package var chunk: Int?
  /// Batches whose gradients are added up for one step.
  package var accumulation = 1
  package var oneSource = false
  /// Rows one after the other in the data that come together into a batch.
  package var block = 1
  package var epochs = 1.0
  /// Steps in all; nil for as many as ``epochs`` have.
  package var steps: Int?
  package var seed: UInt64 = 0

  // The optimiser.
  package var optimizer: Optimizer
  package var rate: Double
  package var beta1 = 0.9
  package var beta2: Double
  package var epsilon: Double
  package var weightDecay: Double
  package var schedule = Schedule.cosine
  /// Steps, or below 1 the share of the steps, in which the rate rises.
  package var warmUp = 0.1
  /// The length that gradients are shortened to; nil for none.
  package var clip: Double?

  // The loss.
  /// Its terms and what each is multiplied with; empty for the one of the model's kind.
  package var loss: [String: Double] = [:]
  /// What cosines are multiplied with.
  package var scale = 20.0
  package var bothDirections = true
  /// The share that words in common have in the similarities of a teacher.
  package var lexical = 0.0
  /// What stands for the signs of bits.
  package var relaxation = BitLoss.Relaxation.tanh
  /// The sizes of a vector that are learnt together; empty for those of the model's kind.
  package var matryoshka: [Int] = []

  // What is measured and kept.
  /// Folders in BEIR's layout, files of scored pairs, or tasks for language models.
  package var evaluations: [String] = []
  /// Steps from one measurement to the next; nil for one at the end.
  package var evaluateEvery: Int?
  /// Steps from one checkpoint to the next; nil for ten in all.
  package var checkpointEvery: Int?

  /// Tokens of a sequence where a recipe says nothing.
  static let sequenceLength = 256
  /// Numbers of a static model's vector where a recipe says nothing.
  static let staticDimension = 512

  /// The usual recipe of a kind of model, without data.
  package init(_ kind: Kind) {
    self.kind = kind
    switch kind {
    case .sse:
      (batch, optimizer, rate, beta2, epsilon, weightDecay) = (2048, .adam, 0.02, 0.9999, 1e-10, 0)
    case .bne:
      (batch, optimizer, rate, beta2, epsilon, weightDecay) = (64, .adamw, 2e-5, 0.999, 1e-8, 0.01)
      (clip, length, bothDirections) = (1, 128, false)
    case .head:
      (batch, optimizer, rate, beta2, epsilon, weightDecay) = (64, .adamw, 1e-3, 0.999, 1e-8, 0.01)
      (clip, length) = (1, 128)
    case .lm:
      (batch, optimizer, rate, beta2, epsilon, weightDecay) = (16, .adamw, 1e-3, 0.95, 1e-8, 0.1)
      (clip, length) = (1, Self.sequenceLength)
    }
  }

  /// Which rows are learnt from.
  package var selection: DataSelection {
    DataSelection(
      files: data, columns: columns, sourceColumn: sourceColumn, scoreColumn: scoreColumn, sources: sources,
      every: every, offset: offset, limit: limit, characters: characters, turns: turns, conversations: conversations)
  }

  package var adam: Adam.Configuration {
    Adam.Configuration(beta1: beta1, beta2: beta2, epsilon: epsilon, decay: weightDecay)
  }

  /// The steps of a run whose data has `batchesPerEpoch` batches.
  package func stepCount(batchesPerEpoch: Int) -> Int {
    steps ?? max(1, Int((epochs * Double(batchesPerEpoch) / Double(accumulation)).rounded(.down)))
  }

  /// The steps in which the rate rises, of `steps`.
  package func warmUpSteps(of steps: Int) -> Int {
    warmUp < 1 ? Int((warmUp * Double(steps)).rounded(.up)) : Int(warmUp)
  }
}
