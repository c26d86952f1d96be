import ArgumentParser
import Foundation
import Minke
import MinkeCore
import MinkeModels
import MinkeTraining

/// What a step of training took, in the form that all its benchmarks print.
private func printStep(_ timing: Timing, tokens: Int, _ parameters: [Parameter], _ tape: Tape, json: Bool) throws {
  var report = FigureReport()
  report.add("threads", Double(Workers.count), "")
  report.add("parameters", Double(parameters.reduce(0) { $0 + $1.rows * $1.columns }), "")
  report.add("step", timing.median * 1000, "ms")
  report.add("tokens", Double(tokens) / timing.median, "tokens/s")
  report.add("memory", Double(tape.byteCount) / 1e6, "MB of activations")
  try report.print(json: json)
}

extension BenchCommand.Train {
  struct Binary: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "bne",
      abstract: "Steps of a BERT encoder of BNE: in-batch negatives over tanh bits, AdamW and clipping.",
      discussion: "BERT-mini of 4 layers and 256 numbers begins at random; the tokens are made up.")

    @Option(help: "Layers of the encoder.")
    var layers = 4

    @Option(help: "Numbers of a hidden state, a multiple of 64.")
    var hidden = 256

    @Option(help: "Pairs of a batch.")
    var batch = 64

    @Option(help: "Tokens of an anchor.")
    var anchor = 16

    @Option(help: "Tokens of a positive.")
    var positive = 96

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
      guard (1...48).contains(layers), (64...4096).contains(hidden), hidden.isMultiple(of: 64),
        (2...4096).contains(batch), (1...512).contains(anchor), (1...512).contains(positive)
      else { throw ValidationError("The sizes are out of range.") }
    }

    func run() async throws {
      let source = try ModelSource(ModelLibrary.defaultName).open()
      let vocabulary = try ModelLibrary.tokenization().tokenizer.vocabularySize
      let sizes: JSONValue = [
        "model_type": "bert", "vocab_size": .integer(vocabulary), "hidden_size": .integer(hidden),
        "num_hidden_layers": .integer(layers), "num_attention_heads": .integer(hidden / 64),
        "intermediate_size": .integer(4 * hidden), "max_position_embeddings": 512, "type_vocab_size": 2,
        "hidden_act": "gelu", "layer_norm_eps": .number(1e-12),
      ]
      let files = try BertTrainingFiles(
        TransformerConfiguration(ConfigurationReader(sizes, subject: "benchmark")), tokenizerOf: source)
      let model = try BinaryTrainee(files, head: .bits(1024), seed: 1)
      var generator = SplitMix64(seed: 1)
      func texts(_ tokens: Int) -> TokenBatch {
        TokenBatch(
          (0..<batch).map { _ in (0..<tokens).map { _ in TokenID(Double(vocabulary) * pow(generator.unit(), 3)) } })
      }
      let batches = (0..<4).map { _ in (texts(anchor), texts(positive)) }
      let loss = BitLoss(.tanh, similarity: SimilarityLoss(scale: 20, dimensions: [1024]))
      let (adam, tape) = (Adam(model.parameters, .init(beta2: 0.999, epsilon: 1e-8, decay: 0.01)), Tape())
      var step = 0
      let timing = try Timing {
        let (anchors, positives) = batches[step % batches.count]
        step += 1
        tape.reset()
        let parts = loss(model.encode(anchors, on: tape), model.encode(positives, on: tape), on: tape)
        tape.backward(from: tape.sum(parts.map { ($0.loss, weight: $0.weight) }))
        _ = clipGradients(of: model.parameters, to: 1)
        adam.step(rate: 1e-4)
      }
      try printStep(timing, tokens: batch * (anchor + positive), model.parameters, tape, json: json)
    }
  }

  struct Language: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "lm",
      abstract: "Steps of a SpikeWhale language model of 10 million parameters: all losses, AdamW and clipping.",
      discussion: "The model begins at random; the tokens are made up.")

    @Option(help: "Sequences of a batch.")
    var batch = 8

    @Option(help: "Tokens of a sequence.")
    var length = 256

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
      guard (1...1024).contains(batch), (3...1024).contains(length) else {
        throw ValidationError("The sizes are out of range.")
      }
    }

    private static let sizes: JSONValue = [
      "model_type": "spike_whale", "vocab_size": 16512, "hidden_size": 256, "num_hidden_layers": 6,
      "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 64, "qk_rope_head_dim": 16, "nope_head_dim": 48,
      "q_lora_rank": 64, "o_lora_rank": 64, "max_position_embeddings": 1024, "rope_theta": 10000,
      "rms_norm_eps": .number(1e-6), "moe_intermediate_size": 768, "use_engram": true, "engram_table_size": 1024,
      "engram_num_heads": 2, "engram_max_ngram": 3, "engram_compress_dim": 32, "use_hyper_connections": true,
      "hc_mult": 2, "hyper_connection_pre": "softmax", "hyper_connection_post": "scaled_softmax",
      "use_hrm_refine": true, "hrm_refine_dim": 64, "hrm_refine_steps": 1, "tie_word_embeddings": true,
      "bos_token_id": 2, "eos_token_id": 3,
    ]

    func run() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("minke-bench-\(getpid())")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      try RandomSpikeWhale.writeTokenizer(to: folder)
      let model = try SpikeWhaleTrainee(
        SpikeWhaleTrainingFiles(Self.sizes, tokenizerOf: ModelSource(folder.path).open()), seed: 1)
      var generator = SplitMix64(seed: 1)
      let batches = (0..<4).map { _ in
        TokenBatch((0..<batch).map { _ in (0..<length).map { _ in TokenID(16_384 * pow(generator.unit(), 3)) } })
      }
      let (adam, tape) = (Adam(model.parameters, .init(beta2: 0.95, epsilon: 1e-8, decay: 0.1)), Tape())
      var step = 0
      let timing = try Timing {
        step += 1
        tape.reset()
        let parts = model.losses(batches[step % batches.count], on: tape)
        tape.backward(from: tape.sum(parts.map { ($0.loss, weight: $0.weight) }))
        _ = clipGradients(of: model.parameters, to: 1)
        adam.step(rate: 1e-3)
      }
      try printStep(timing, tokens: batch * length, model.parameters, tape, json: json)
    }
  }
}
