import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeText

extension SpikeWhaleModel {
  /// The checkpoint's tensors with every linear layer and the embedding in `precision`.
  ///
  /// Norms, hyper-connections, the engram's compressor and tables stay as they are; what inference does not use
  /// (`lm_head` where it is a copy of the embedding, `mtp_heads.*`, `jepa.*`) is left out.
  /// - Throws: ``MinkeError`` when the model is not in float32, or a weight is not finite.
  package func tensors(in precision: Precision) throws -> [Tensor] {
    guard self.precision == .float32 else {
      throw MinkeError(
        .unsupportedFile, checkpoint.path, expected: "a model in float32", found: "one in \(self.precision.rawValue)")
    }
    let names = try SpikeWhaleTensors(checkpoint)
    let prefix = names.prefix
    var multiplied: Set<String> = ["lm_head.weight"]
    var tensors: [Tensor] = []
    if let engram {
      let hidden = configuration.hiddenSize
      multiplied.insert(prefix + (try names.part(of: "engram", hidden, 2 * hidden)) + ".proj.weight")
      tensors.append(try engramCodes(engram, named: prefix + Engram.codesName))
    }
    for name in checkpoint.tensorNames {
      let tensor = try checkpoint.tensor(name)
      let isUnused = ["mtp_heads.", "jepa."].contains { name.hasPrefix($0) || name.hasPrefix(prefix + $0) }
      let isCopy = configuration.tiesEmbeddings && name.hasSuffix("lm_head.weight")
      if isUnused || isCopy { continue }
      let isMatrix = Self.matrixEnds.contains { name.hasPrefix(prefix) && name.hasSuffix($0) }
      if isMatrix || multiplied.contains(name), tensor.shape.count == 2 {
        let weights = try tensor.floats(requiringFinite: true)
        tensors += try Linear(
          rows: weights, outputs: tensor.shape[0], inputs: tensor.shape[1], precision: precision
        ).tensors(named: name)
      } else {
        tensors.append(tensor)
      }
    }
    return tensors
  }

  /// What the engram's hashes are made of, for every token, from the embedding as it is.
  private func engramCodes(_ engram: Engram, named name: String) throws(MinkeError) -> Tensor {
    let count = configuration.vocabularySize
    let codes = (0..<count).flatMap { engram.code(of: TokenID($0), embedding: embedding) }
    return try Tensor(name: name, shape: [count, engram.sizes.compressedSize], floats: codes)
  }

  /// The ends of the names of the matrices that every token is multiplied with. The engram's compressor is not among
  /// them: its hashes need it exact.
  private static let matrixEnds = [
    "embed_tokens.weight", "_proj.weight", "hrm_refine.down.weight", "hrm_refine.up.weight",
  ]
}
