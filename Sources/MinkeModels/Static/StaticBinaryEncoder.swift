import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A native binary static model, SSE and BNE joined: SSE's vector, a linear layer and a layer norm, whose signs are the
/// bits.
///
/// `logits = LayerNorm(W sse(text) + b)`, `[texts, bits]`, epsilon 1e-5; a bit is 1 where the logit is above 0. The
/// first bits of a vector are vectors too (Matryoshka). The folder is that of an SSE model with one file more,
/// `binary_projection.safetensors`, whose tensors have the names that BNE's have.
public struct StaticBinaryEncoder: TextEncoder {
  /// The file of the linear layer and the norm.
  package static let fileName = "binary_projection.safetensors"
  package static let epsilon: Float = 1e-5

  public let identity: ModelIdentity
  public let metric = Metric.hamming
  public let dimensions: [Int]
  public var dimension: Int { dimensions[0] }
  public var tokenization: TextTokenization { base.tokenization }

  /// The SSE model in front.
  package let base: StaticEncoder
  /// The linear layer, `[bits, base.dimension]` and `[bits]`, and the norm, `[bits]` each.
  package let tensors: [Tensor]
  private let projection: Linear
  private let norm: LayerNorm

  /// The numbers of bits that a vector of `bits` may be cut to.
  package static func sizes(of bits: Int) -> [Int] { [bits] + [1024, 512, 256].filter { $0 < bits } }

  /// The names of the tensors.
  package static let tensorNames = [
    "projection.0.weight", "projection.0.bias", "projection.1.weight", "projection.1.bias",
  ]

  /// Loads the model in `folder`.
  ///
  /// - Throws: `MinkeError` naming the file and tensor that is missing, misshapen or not finite.
  public init(_ folder: ModelFolder, _ options: LoadingOptions = LoadingOptions()) throws {
    let checkpoint = try folder.checkpoint(folder.requiredFile(Self.fileName))
    let base = try StaticEncoder(folder, tokenizer: options.tokenizer, kernels: options.kernels)
    let width = base.dimension
    let weight = try checkpoint.tensor(Self.tensorNames[0])
    try weight.checkShape([nil, width])
    let bits = weight.shape[0]
    guard bits > 0, bits.isMultiple(of: 8) else {
      throw MinkeError(
        .shapeMismatch, "\(checkpoint.path): tensor \"\(weight.name)\"", expected: "a multiple of 8 bits",
        found: "\(weight.shape)")
    }
    func row(_ index: Int) throws -> SharedBuffer<Float> {
      try checkpoint.tensor(Self.tensorNames[index]).floats(shape: [bits], requiringFinite: true)
    }
    self.base = base
    dimensions = Self.sizes(of: bits)
    tensors = try Self.tensorNames.map { try checkpoint.tensor($0) }
    projection = try Linear(
      weights: [weight.floats(requiringFinite: true)], biases: [row(1)], inputs: width, precision: .float32,
      balance: nil, kernels: options.kernels)
    norm = LayerNorm(weight: try row(2), bias: try row(3), epsilon: Self.epsilon, kernels: options.kernels)
    let recipe = ModelRecipe { recipe in
      recipe.add("kind", "SSE bits")
      recipe.add("base", base.identity.fingerprint)
      recipe.add(checkpoint)
    }
    identity = ModelIdentity(name: folder.name, recipe: recipe)
  }

  public var facts: [ModelFact] { [ModelFact("kind", "SSE with native bits")] + base.facts.dropFirst() }

  public var savablePrecisions: [Precision] { base.savablePrecisions }

  /// Saves the model with its token table in float32 or in 4 bits a number; the linear layer stays in float32.
  ///
  /// - Returns: nothing: no file of the model leaves anything open.
  /// - Throws: `MinkeError` when `destination` exists or writing fails.
  @discardableResult
  public func save(to destination: URL, precision: Precision) throws -> [String] {
    guard savablePrecisions.contains(precision), let files = base.files else { throw cannotSave(precision) }
    try FolderWriter.write(to: destination) { draft in
      try files.write(precision, to: draft)
      try Safetensors.write(tensors, to: draft.appendingPathComponent(Self.fileName))
    }
    return []
  }

  /// Packed bits, `[texts.count, dimension / 8]` bytes, or what `options.form` asks for. `options.normalize` does not
  /// matter to bits.
  public func encode(_ texts: [String], options: EncodingOptions) throws -> Embeddings {
    let bits = try checked(options)
    // Some at a time: the logits of all texts would take many times the memory of their bits.
    let (block, total) = (1 << 14, texts.count)
    let pieces = try stride(from: 0, to: max(1, total), by: block).map { start in
      var baseOptions = EncodingOptions(normalize: false, role: options.role)
      if let progress = options.progress { baseOptions.progress = { done, _ in progress(start + done, total) } }
      let logits = try logits(Array(texts[start..<min(total, start + block)]), baseOptions, bits: bits)
      return switch options.form {
      case .vectors: try logits.binarized()
      case .logits: logits
      case .signs: try Embeddings(floats: (logits.floats ?? []).map { $0 > 0 ? 1 : -1 }, dimension: bits)
      }
    }
    return try Embeddings(joining: pieces) ?? pieces[0]
  }

  /// The first `bits` of the numbers whose signs are the bits.
  private func logits(_ texts: [String], _ options: EncodingOptions, bits: Int) throws -> Embeddings {
    let vectors = Matrix(try base.encode(texts, options: options).floats ?? [], columns: base.dimension)
    defer { extendLifetime(vectors) }
    let logits = Matrix(rows: texts.count, columns: dimension)
    projection(vectors.view.read, into: logits.view)
    norm(logits.view.read, into: logits.view)
    let whole = try Embeddings(floats: logits.copied(), dimension: dimension)
    guard bits < dimension else { return whole }
    let cut = Matrix(rows: texts.count, columns: bits)
    cut.view.copy(logits.view.columns(0..<bits).read)
    return try Embeddings(floats: cut.copied(), dimension: bits)
  }
}

/// SSE with native bits.
struct StaticBinaryFamily: ModelFamily {
  let name = "static binary embedding"
  let signature = "tokenizer.json with \(StaticBinaryEncoder.fileName) and the files of an SSE model"

  func recognizes(_ folder: ModelFolder) throws -> Bool { folder.file(StaticBinaryEncoder.fileName) != nil }

  func tokenization(of folder: ModelFolder) throws -> TextTokenization {
    try StaticFamily().tokenization(of: folder)
  }

  func textEncoder(in folder: ModelFolder, _ options: LoadingOptions) throws -> (any TextEncoder)? {
    if let precision = options.precision, precision != .float32 {
      throw MinkeError(
        .invalidArgument, "precision", expected: "float32, for \(folder.name) is a table and one small layer",
        found: precision.rawValue)
    }
    return try StaticBinaryEncoder(folder, options)
  }
}
