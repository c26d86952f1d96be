import MinkeCheckpoints
import MinkeCore
import MinkeModels
import MinkeText

/// A BERT encoder being taught: tokens in, their last hidden states out.
///
/// The forward pass is that of the inference model, without drop-out.
struct BertTransformer {
  let configuration: TransformerConfiguration
  /// The encoder's tensors in the order of the configuration, named as Hugging Face does with `encoder.` before.
  let parameters: [Parameter]
  private let embeddings: Embeddings
  private let layers: [Layer]

  /// A linear layer.
  private typealias Dense = (weight: Parameter, bias: Parameter?)

  private struct Norm {
    let weight: Parameter
    let bias: Parameter
  }

  private struct Embeddings {
    let word: Parameter
    let position: Parameter
    let type: Parameter
    let norm: Norm
  }

  private struct Layer {
    let queryKeyValue: [Dense]
    let attentionOutput: Dense
    let attentionNorm: Norm
    let intermediate: Dense
    let output: Dense
    let outputNorm: Norm
  }

  /// The weights of `files` or, where it has none, random ones as Google's BERT begins with: of deviation 0.02, norms 1
  /// and biases 0.
  init(_ files: BertTrainingFiles, random: inout RandomStart) throws {
    configuration = files.configuration
    var parameters: [Parameter] = []
    for (name, shape) in files.configuration.tensorShapes {
      let numbers: [Float]
      if let stored = try files.encoder(name) {
        numbers = stored
      } else if shape.count > 1 {
        numbers = random.normal(shape, deviation: 0.02)
      } else {
        numbers = [Float](repeating: name.hasSuffix("LayerNorm.weight") ? 1 : 0, count: shape[0])
      }
      let isTable = name == "embeddings.word_embeddings.weight"
      parameters.append(Parameter("encoder.\(name)", shape: shape, numbers, .init(isTable: isTable)))
    }
    self.parameters = parameters

    func parameter(_ name: String) -> Parameter { parameters["encoder.\(name)"] }
    func dense(_ name: String) -> Dense { (parameter("\(name).weight"), parameter("\(name).bias")) }
    func norm(_ name: String) -> Norm { Norm(weight: parameter("\(name).weight"), bias: parameter("\(name).bias")) }
    embeddings = Embeddings(
      word: parameter("embeddings.word_embeddings.weight"),
      position: parameter("embeddings.position_embeddings.weight"),
      type: parameter("embeddings.token_type_embeddings.weight"), norm: norm("embeddings.LayerNorm"))
    layers = (0..<files.configuration.layerCount).map { index in
      let name = "encoder.layer.\(index)"
      return Layer(
        queryKeyValue: ["query", "key", "value"].map { dense("\(name).attention.self.\($0)") },
        attentionOutput: dense("\(name).attention.output.dense"),
        attentionNorm: norm("\(name).attention.output.LayerNorm"), intermediate: dense("\(name).intermediate.dense"),
        output: dense("\(name).output.dense"), outputNorm: norm("\(name).output.LayerNorm"))
    }
  }

  /// The last hidden states, `[tokens, hidden]`.
  ///
  /// - Parameter batch: texts of at most as many tokens as there are positions.
  func callAsFunction(_ batch: TokenBatch, on tape: Tape) -> Variable {
    func norm(_ x: Variable, plus residual: Variable, _ norm: Norm) -> Variable {
      tape.layerNorm(
        x, plus: residual, weight: norm.weight, bias: norm.bias, epsilon: configuration.layerNormEpsilon)
    }
    let positions = batch.texts.flatMap { text in text.indices.map { TokenID($0 - text.lowerBound) } }
    let places = tape.add(
      tape.gather(embeddings.position, positions),
      tape.gather(embeddings.type, [TokenID](repeating: 0, count: batch.ids.count)))
    var h = norm(tape.gather(embeddings.word, batch.ids), plus: places, embeddings.norm)
    for layer in layers {
      let projected = tape.linear(h, sideBySide: layer.queryKeyValue)
      let context = tape.attention(projected, heads: configuration.headCount, texts: batch.texts)
      h = norm(
        tape.linear(context, layer.attentionOutput.weight, bias: layer.attentionOutput.bias), plus: h,
        layer.attentionNorm)
      let inner = tape.gelu(tape.linear(h, layer.intermediate.weight, bias: layer.intermediate.bias))
      h = norm(tape.linear(inner, layer.output.weight, bias: layer.output.bias), plus: h, layer.outputNorm)
    }
    return h
  }
}
