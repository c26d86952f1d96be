import MinkeCheckpoints
import MinkeCore
import MinkeLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a sentence-transformers folder lists behind its pooling, in the order of `modules.json`.
enum SentenceModule: Sendable {
  /// `activation(x W^T + b)`, and what is added to it.
  case dense(Linear, Activation, Residual = .none)
  case layerNorm(LayerNorm)
  /// Scaling to length 1.
  case normalize

  /// What of its input a dense module adds to its result.
  enum Residual: Sendable {
    case none
    /// The input itself.
    case input
    /// `x R^T`, where the widths differ.
    case projected(Linear)

    var adds: Bool { if case .none = self { false } else { true } }
  }

  /// What the module is called, for people.
  var name: String {
    switch self {
    case .dense(let linear, let activation, let residual):
      "Dense to \(linear.outputs) with \(activation.rawValue)" + (residual.adds ? " and a residual" : "")
    case .layerNorm: "LayerNorm"
    case .normalize: "Normalize"
    }
  }

  /// Whether the module only scales vectors to length 1.
  var isNormalize: Bool { if case .normalize = self { true } else { false } }

  /// The modules that `folder` lists as `modules`, the first of which takes vectors of `width` numbers.
  ///
  /// - Throws: `MinkeError` for a kind of module, an activation or a setting that is not known, and for tensors that
  ///   do not fit.
  static func chain(
    _ modules: some Sequence<ModelFolder.Module>, in folder: ModelFolder, width: Int, kernels level: KernelLevel
  ) throws -> [SentenceModule] {
    var width = width
    var chain: [SentenceModule] = []
    for module in modules {
      guard let next = try SentenceModule(module, in: folder, width: width, kernels: level) else { continue }
      chain.append(next)
      width = next.width(after: width)
    }
    return chain
  }

  /// Loads `module` of `folder`, which takes vectors of `width` numbers; nil for one that does nothing here (`Dropout`).
  private init?(_ module: ModelFolder.Module, in folder: ModelFolder, width: Int, kernels level: KernelLevel) throws {
    let place = folder.url.appendingPathComponent(module.path)
    let configurationURL = place.appendingPathComponent("config.json")
    let hasConfiguration = !module.path.isEmpty && ModelFolder.kind(of: configurationURL) == .file
    let reader =
      hasConfiguration
      ? try ConfigurationReader(folder.json(at: configurationURL), subject: configurationURL.relativePath) : nil
    switch module.isForeign ? "" : module.className {
    case "Normalize":
      try reader?.requireOnly(Self.placeKeys)
      try reader.map(Self.checkPlace)
      self = .normalize
    case "Dropout": return nil
    case "LayerNorm":
      try reader?.requireOnly(["dimension"])
      let checkpoint = try Self.weights(in: place, of: folder)
      self = .layerNorm(
        LayerNorm(
          weight: try checkpoint.tensor("norm.weight").floats(shape: [width], requiringFinite: true),
          bias: try checkpoint.tensor("norm.bias").floats(shape: [width], requiringFinite: true), epsilon: 1e-5,
          kernels: level))
    case "Dense":
      guard let reader else {
        throw MinkeError(.notFound, place.relativePath, expected: "a config.json", found: "no such file")
      }
      try reader.requireOnly(
        Self.placeKeys.union(["in_features", "out_features", "bias", "activation_function", "use_residual"]))
      try Self.checkPlace(reader)
      let name = try reader.text("activation_function") ?? "torch.nn.modules.activation.Tanh"
      guard name.hasPrefix("torch."), let last = name.split(separator: ".").last,
        let activation = Self.activations[String(last)]
      else {
        let known = Self.activations.keys.sorted().joined(separator: ", ")
        throw MinkeError(
          .unsupportedFile, "\(reader.subject): activation_function", expected: "one of torch's \(known)", found: name)
      }
      let checkpoint = try Self.weights(in: place, of: folder)
      func linear(_ name: String, outputs: Int? = nil) throws -> Linear {
        let weight = try checkpoint.tensor("\(name).weight")
        let bias = checkpoint.tensors["\(name).bias"]
        return try Linear(
          weights: [try weight.floats(shape: [outputs, width], requiringFinite: true)],
          biases: try bias.map { [try $0.floats(shape: [weight.shape[0]], requiringFinite: true)] } ?? [],
          inputs: width, kernels: level)
      }
      let dense = try linear("linear")
      var residual = Residual.none
      if try reader.flag("use_residual", default: false) {
        residual = dense.outputs == width ? .input : .projected(try linear("residual", outputs: dense.outputs))
      }
      self = .dense(dense, activation, residual)
    default:
      throw MinkeError(
        .unsupportedFile, "\(folder.url.relativePath): modules.json",
        expected: "a Pooling, then Dense, LayerNorm, Dropout and Normalize modules of sentence-transformers",
        found: module.type)
    }
  }

  /// The activations of a `Dense` module, by the last parts of their PyTorch names.
  private static let activations: [String: Activation] = [
    "Identity": .identity, "Tanh": .tanh, "ReLU": .relu, "ReLU6": .relu6, "LeakyReLU": .leakyReLU,
    "Sigmoid": .sigmoid, "GELU": .gelu, "SiLU": .silu, "Mish": .mish, "Hardswish": .hardSwish,
  ]

  /// The keys that say which vectors a module reads and writes.
  private static let placeKeys: Set<String> = ["module_input_name", "module_output_name"]

  /// Throws unless the module reads and writes the vector of the text.
  private static func checkPlace(_ reader: ConfigurationReader) throws(MinkeError) {
    for key in placeKeys.sorted() { try reader.require(key, "sentence_embedding") }
  }

  /// The names that the file of a module's weights may have.
  static let weightsNames = ["model.safetensors", "pytorch_model.bin"]

  /// The checkpoint in a module's folder, in either of its formats.
  private static func weights(in place: URL, of folder: ModelFolder) throws -> Checkpoint {
    let names = weightsNames
    guard let url = names.map({ place.appendingPathComponent($0) }).first(where: { ModelFolder.kind(of: $0) == .file })
    else {
      throw MinkeError(
        .notFound, place.relativePath, expected: names.joined(separator: " or "), found: "neither file")
    }
    return try folder.checkpoint(url)
  }

  /// The numbers of a vector that comes out, when `width` go in.
  func width(after width: Int) -> Int { if case .dense(let linear, _, _) = self { linear.outputs } else { width } }

  /// The vectors `x` `[count, width]` after the module, `[count, width(after: width)]`; `x` may be changed.
  func callAsFunction(_ x: Matrix, kernels level: KernelLevel) -> Matrix {
    switch self {
    case .dense(let linear, let activation, let residual):
      let y = Matrix(rows: x.rows, columns: linear.outputs)
      linear(x.view.read, activation, into: y.view)
      switch residual {
      case .none: break
      case .input: y.view.add(x.view.read)
      case .projected(let projection):
        let added = Matrix(rows: x.rows, columns: linear.outputs)
        projection(x.view.read, into: added.view)
        y.view.add(added.view.read)
        extendLifetime(added)
      }
      return y
    case .layerNorm(let norm):
      norm(x.view.read, into: x.view)
      return x
    case .normalize:
      VectorKernels(level).normalizeAll(x.view)
      return x
    }
  }
}
