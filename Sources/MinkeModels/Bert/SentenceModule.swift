import MinkeCheckpoints
import MinkeCore
import MinkeKernels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a sentence-transformers folder lists behind its pooling, in the order of `modules.json`.
enum SentenceModule: Sendable {
  /// `activation(x W^T + b)`
  case dense(Linear, DenseActivation)
  case layerNorm(LayerNorm)
  /// Scaling to length 1.
  case normalize

  /// The activation of a `Dense` module, by the last part of its PyTorch name.
  enum DenseActivation: String, CaseIterable, Sendable {
    case identity = "Identity"
    case tanh = "Tanh"
    case relu = "ReLU"
    case sigmoid = "Sigmoid"
    case gelu = "GELU"

    func callAsFunction(_ x: Float) -> Float {
      switch self {
      case .identity: x
      case .tanh: tanhf(x)
      case .relu: x > 0 ? x : x * 0
      case .sigmoid: 1 / (1 + expf(-x))
      case .gelu: 0.5 * x * erfcf(-x * Float(0.5).squareRoot())
      }
    }
  }

  /// Loads `module` of `folder`, which takes vectors of `width` numbers; nil for one that does nothing here (`Dropout`).
  ///
  /// - Throws: ``MinkeError`` for a kind of module, or an activation, that is not known, and for tensors that do not fit.
  init?(_ module: ModelFolder.Module, in folder: ModelFolder, width: Int, kernels level: KernelLevel) throws {
    let place = folder.url.appendingPathComponent(module.path)
    switch module.className {
    case "Normalize": self = .normalize
    case "Dropout": return nil
    case "LayerNorm":
      let checkpoint = try Self.weights(in: place)
      self = .layerNorm(
        LayerNorm(
          weight: try checkpoint.tensor("norm.weight").floats(shape: [width], requiringFinite: true),
          bias: try checkpoint.tensor("norm.bias").floats(shape: [width], requiringFinite: true), epsilon: 1e-5,
          level: level))
    case "Dense":
      let file = try MappedFile(place.appendingPathComponent("config.json"))
      let config = try JSONValue(parsing: file.bytes, subject: file.path)
      let name = config["activation_function"]?.string ?? "torch.nn.modules.activation.Tanh"
      guard let activation = DenseActivation(rawValue: name.split(separator: ".").last.map(String.init) ?? name) else {
        let known = DenseActivation.allCases.map(\.rawValue).joined(separator: ", ")
        throw MinkeError(
          .unsupportedFile, "\(file.path): activation_function", expected: "one of \(known)", found: name)
      }
      guard config["use_residual"] != .boolean(true) else {
        throw MinkeError(.unsupportedFile, "\(file.path): use_residual", expected: "false", found: "true")
      }
      let checkpoint = try Self.weights(in: place)
      let weight = try checkpoint.tensor("linear.weight")
      let bias = checkpoint.tensors["linear.bias"]
      let linear = try Linear(
        weights: [try weight.floats(shape: [nil, width], requiringFinite: true)],
        biases: try bias.map { [try $0.floats(shape: [weight.shape[0]], requiringFinite: true)] } ?? [],
        inputs: width, kernels: level)
      self = .dense(linear, activation)
    default:
      throw MinkeError(
        .unsupportedFile, "\(folder.url.relativePath): modules.json",
        expected: "a Pooling, then Dense, LayerNorm, Dropout and Normalize modules", found: module.type)
    }
  }

  /// The checkpoint in a module's folder, in either of its formats.
  static func weights(in folder: URL) throws -> Checkpoint {
    let names = ["model.safetensors", "pytorch_model.bin"]
    guard
      let url = names.map({ folder.appendingPathComponent($0) }).first(where: {
        FileManager.default.fileExists(atPath: $0.path)
      })
    else {
      throw MinkeError(
        .notFound, folder.relativePath, expected: names.joined(separator: " or "), found: "neither file")
    }
    return try Checkpoint(contentsOf: url)
  }

  /// The numbers of a vector that comes out, when `width` go in.
  func width(after width: Int) -> Int { if case .dense(let linear, _) = self { linear.outputs } else { width } }

  /// The vectors `x` `[count, width]` after the module, `[count, width(after: width)]`.
  func apply(
    to x: consuming AlignedBuffer<Float>, count: Int, width: Int, kernels level: KernelLevel
  ) throws -> AlignedBuffer<Float> {
    switch self {
    case .dense(let linear, let activation):
      defer { extendLifetime(x) }
      let y = AlignedBuffer<Float>(uninitialized: count * linear.outputs)
      linear.apply(
        to: x.baseAddress, stride: width, rows: count, into: y.baseAddress, stride: linear.outputs,
        scratch: Linear.Scratch(rows: count, inputs: width, precision: .float32))
      if activation != .identity {
        for index in 0..<count * linear.outputs { y.baseAddress[index] = activation(y.baseAddress[index]) }
      }
      return y
    case .layerNorm(let norm):
      norm.apply(to: x.baseAddress, plus: nil, rows: count, into: x.baseAddress)
      return x
    case .normalize:
      Self.normalize(x.baseAddress, count: count, width: width, kernels: level)
      return x
    }
  }

  /// Scales each row of `x` `[count, width]` to length 1; zero stays zero.
  static func normalize(_ x: UnsafeMutablePointer<Float>, count: Int, width: Int, kernels level: KernelLevel) {
    let kernels = minke_pooling(level.rawLevel).pointee
    for index in 0..<count {
      let length = kernels.sum_of_squares(x + index * width, width).squareRoot()
      if length > 0 { kernels.scale(x + index * width, 1 / length, width) }
    }
  }
}
