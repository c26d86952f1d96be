import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeTestSupport

/// A BERT of any sizes with random weights, and its forward pass in plain Swift to hold the fast one against.
struct SmallBert {
  var vocabulary = 40
  var hidden = 24
  var layers = 2
  var heads = 3
  var intermediate = 40
  var positions = 20

  var config: JSONValue {
    [
      "model_type": "bert", "vocab_size": .integer(vocabulary), "hidden_size": .integer(hidden),
      "num_hidden_layers": .integer(layers), "num_attention_heads": .integer(heads),
      "intermediate_size": .integer(intermediate), "max_position_embeddings": .integer(positions),
      "type_vocab_size": 2, "layer_norm_eps": .number(1e-12), "hidden_act": "gelu",
    ]
  }

  /// Tokens `[PAD] [UNK] [CLS] [SEP] [MASK]`, then `w5`, `w6` and so on.
  var vocabularyText: String {
    (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + (5..<vocabulary).map { "w\($0)" }).joined(separator: "\n") + "\n"
  }

  var shapes: [(name: String, shape: [Int])] {
    var shapes = [
      ("embeddings.word_embeddings.weight", [vocabulary, hidden]),
      ("embeddings.position_embeddings.weight", [positions, hidden]),
      ("embeddings.token_type_embeddings.weight", [2, hidden]), ("embeddings.LayerNorm.weight", [hidden]),
      ("embeddings.LayerNorm.bias", [hidden]),
    ]
    for layer in 0..<layers {
      let name = "encoder.layer.\(layer)"
      for part in ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"] {
        shapes += [("\(name).\(part).weight", [hidden, hidden]), ("\(name).\(part).bias", [hidden])]
      }
      shapes += [("\(name).intermediate.dense.weight", [intermediate, hidden])]
      shapes += [("\(name).intermediate.dense.bias", [intermediate])]
      shapes += [("\(name).output.dense.weight", [hidden, intermediate]), ("\(name).output.dense.bias", [hidden])]
      for part in ["attention.output.LayerNorm", "output.LayerNorm"] {
        shapes += [("\(name).\(part).weight", [hidden]), ("\(name).\(part).bias", [hidden])]
      }
    }
    return shapes
  }

  /// The weights, the same at every call.
  var weights: [String: [Float]] {
    var weights: [String: [Float]] = [:]
    for (index, (name, shape)) in shapes.enumerated() {
      let numbers = smallNumbers(shape.reduce(1, *), seed: UInt64(index))
      weights[name] = name.hasSuffix("LayerNorm.weight") ? numbers.map { 1 + $0 } : numbers
    }
    return weights
  }

  func tensors(prefix: String = "") throws -> [Tensor] {
    let weights = weights
    return try shapes.map { try Tensor(name: prefix + $0.name, shape: $0.shape, floats: weights[$0.name] ?? []) }
  }

  /// Writes a plain Hugging Face folder, with `change` applied to its tensors.
  func write(
    to folder: URL, prefix: String = "", config: JSONValue? = nil, _ change: (inout [Tensor]) throws -> Void = { _ in }
  ) throws {
    var tensors = try tensors(prefix: prefix)
    try change(&tensors)
    try Safetensors.write(tensors, to: folder.appendingPathComponent("model.safetensors"))
    try Data((config ?? self.config).text.utf8).write(to: folder.appendingPathComponent("config.json"))
    try Data(vocabularyText.utf8).write(to: folder.appendingPathComponent("vocab.txt"))
  }

  /// The last hidden states of one text, `[tokens][hidden]`, in double precision.
  func states(of ids: [Int]) -> [[Double]] {
    let weights = weights.mapValues { $0.map(Double.init) }
    func row(_ name: String, _ index: Int) -> [Double] {
      Array((weights[name] ?? [])[index * hidden..<(index + 1) * hidden])
    }
    func linear(_ x: [[Double]], _ name: String) -> [[Double]] {
      let (w, b) = (weights["\(name).weight"] ?? [], weights["\(name).bias"] ?? [])
      return x.map { x in
        b.indices.map { n in b[n] + x.indices.reduce(0) { $0 + x[$1] * w[n * x.count + $1] } }
      }
    }
    func norm(_ x: [[Double]], _ name: String) -> [[Double]] {
      let (w, b) = (weights["\(name).weight"] ?? [], weights["\(name).bias"] ?? [])
      return x.map { x in
        let mean = x.reduce(0, +) / Double(x.count)
        let scale = 1 / (x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count) + 1e-12).squareRoot()
        return x.indices.map { (x[$0] - mean) * scale * w[$0] + b[$0] }
      }
    }
    func sum(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] { zip(a, b).map { zip($0, $1).map(+) } }

    var x = ids.enumerated().map { place, id in
      zip(
        zip(row("embeddings.word_embeddings.weight", id), row("embeddings.position_embeddings.weight", place)).map(+),
        row("embeddings.token_type_embeddings.weight", 0)
      ).map(+)
    }
    x = norm(x, "embeddings.LayerNorm")
    let size = hidden / heads
    for layer in 0..<layers {
      let name = "encoder.layer.\(layer)"
      let (q, k, v) = (
        linear(x, "\(name).attention.self.query"), linear(x, "\(name).attention.self.key"),
        linear(x, "\(name).attention.self.value")
      )
      var context = [[Double]](repeating: [], count: ids.count)
      for i in ids.indices {
        for head in 0..<heads {
          let columns = head * size..<(head + 1) * size
          let scores = ids.indices.map { j in columns.reduce(0) { $0 + q[i][$1] * k[j][$1] } / Double(size).squareRoot()
          }
          let powers = scores.map(exp)
          let total = powers.reduce(0, +)
          context[i] += columns.map { c in ids.indices.reduce(0) { $0 + powers[$1] / total * v[$1][c] } }
        }
      }
      x = norm(sum(x, linear(context, "\(name).attention.output.dense")), "\(name).attention.output.LayerNorm")
      let inner = linear(x, "\(name).intermediate.dense").map { $0.map { $0 * 0.5 * erfc(-$0 * 0.5.squareRoot()) } }
      x = norm(sum(x, linear(inner, "\(name).output.dense")), "\(name).output.LayerNorm")
    }
    return x
  }
}

/// Reproducible numbers from -0.5 to 0.5.
func smallNumbers(_ count: Int, seed: UInt64) -> [Float] {
  var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-32
  }
}
