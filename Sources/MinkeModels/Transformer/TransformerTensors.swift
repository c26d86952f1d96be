import MinkeCheckpoints
import MinkeCore
import MinkeLayers

/// The tensors of an encoder in a checkpoint, checked against the sizes that the configuration gives.
struct TransformerTensors: Sendable {
  private let checkpoint: Checkpoint
  /// The tensor in the file for each of Hugging Face's names.
  private let fileNames: [String: String]
  /// The shapes of the matrices that are in 8 bits.
  private let rounded: [String: [Int]]
  private let prefix: String

  /// What stands before the names of the encoder's tensors: nothing, `bert.`, or whatever the checkpoint has.
  ///
  /// - Throws: `MinkeError` of kind `unsupportedFile` when there is no word embedding, or more than one.
  static func prefix(in checkpoint: Checkpoint) throws(MinkeError) -> String {
    let known = TransformerNames.wordEmbeddings
    let found = checkpoint.tensorNames.compactMap { name in
      known.first { name == $0 || name.hasSuffix(".\($0)") }.map { (name, $0) }
    }
    guard found.count == 1, let (name, end) = found.first else {
      throw MinkeError(
        .unsupportedFile, checkpoint.path,
        expected: "the tensors of one encoder, among them \(known.joined(separator: " or "))",
        found: found.isEmpty ? "no such tensor" : found.map(\.0).joined(separator: ", "))
    }
    return String(name.dropLast(end.count))
  }

  init(_ checkpoint: Checkpoint, prefix: String, _ configuration: TransformerConfiguration) throws(MinkeError) {
    self.checkpoint = checkpoint
    var fileNames: [String: String] = [:]
    var rounded: [String: [Int]] = [:]
    var known: Set<String> = []
    var problems: [String] = []
    let expected = configuration.tensorShapes
    for (name, shape) in expected {
      // The first releases of BERT called the two vectors of a norm gamma and beta, and so do files made from them.
      let old = name.replacing("LayerNorm.weight", with: "LayerNorm.gamma")
        .replacing("LayerNorm.bias", with: "LayerNorm.beta")
      let parts = Int8Rows.names(of: prefix + name)
      let tensor = checkpoint.tensors[prefix + name] ?? checkpoint.tensors[prefix + old]
      guard let tensor = tensor ?? checkpoint.tensors[parts[0]] else {
        problems.append("no \(prefix)\(name)")
        continue
      }
      fileNames[name] = tensor.name
      if tensor.name == parts[0] {
        rounded[name] = shape
        known.formUnion(parts)
      }
      if tensor.shape != shape { problems.append("\(tensor.name) is \(tensor.shape) where \(shape) is needed") }
    }
    known.formUnion(fileNames.values)
    for name in checkpoint.tensorNames where name.hasPrefix(prefix) && !known.contains(name) {
      let rest = name.dropFirst(prefix.count)
      if !TransformerNames.unused.contains(where: { rest.hasPrefix($0) }) { problems.append("\(name) is unknown") }
    }
    guard problems.isEmpty else {
      let shown = problems.prefix(40).joined(separator: "; ")
      throw MinkeError(
        .shapeMismatch, checkpoint.path,
        expected:
          "a \(configuration.family.name) encoder of \(configuration.layerCount) layers, hidden size "
          + "\(configuration.hiddenSize), intermediate size \(configuration.intermediateSize)",
        found: problems.count > 40 ? "\(shown); and \(problems.count - 40) more" : shown)
    }
    self.fileNames = fileNames
    self.rounded = rounded
    self.prefix = prefix
  }

  /// Whether there is a tensor of one of Hugging Face's names.
  func has(_ name: String) -> Bool { fileNames[name] != nil }

  /// The tensor in the file for one of Hugging Face's names.
  func tensor(_ name: String) throws(MinkeError) -> Tensor { try checkpoint.tensor(fileNames[name] ?? name) }

  func floats(_ name: String, requiringFinite: Bool = true) throws(MinkeError) -> SharedBuffer<Float> {
    guard rounded[name] == nil else {
      throw MinkeError(
        .unsupportedFile, "\(checkpoint.path): tensor \"\(prefix)\(name)\"", expected: "float numbers, as beside it",
        found: "8-bit ones")
    }
    return try tensor(name).floats(requiringFinite: requiringFinite)
  }

  /// The rows of a matrix that is in 8 bits; nil for another.
  func int8Rows(_ name: String) throws(MinkeError) -> Int8Rows? {
    guard let shape = rounded[name] else { return nil }
    return try Int8Rows(prefix + name, outputs: shape[0], inputs: shape[1], in: checkpoint)
  }
}
