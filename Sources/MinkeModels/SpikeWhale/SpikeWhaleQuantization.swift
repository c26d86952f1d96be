import MinkeCheckpoints
import MinkeCore
import MinkeLayers
import MinkeText

extension SpikeWhaleModel {
  /// The checkpoint's tensors with every linear layer and the embedding in `precision`.
  ///
  /// Norms, hyper-connections, the engram's compressor and tables stay as they are; what inference does not use
  /// (`lm_head` where it is a copy of the embedding, `mtp_heads.*`, `jepa.*`) is left out.
  /// - Throws: `MinkeError` when the model is not in float32, or a weight is not finite.
  package func tensors(in precision: Precision) throws -> [Tensor] {
    guard self.precision == .float32 else {
      throw MinkeError(
        .unsupportedFile, checkpoint.path, expected: "a model in float32", found: "one in \(self.precision.rawValue)")
    }
    let table = try SpikeWhaleTensors(checkpoint, configuration)
    var uses: [String: SpikeWhaleTensor.Use] = [:]
    for tensor in SpikeWhaleTensor.all(of: configuration) {
      uses[try table.name(of: tensor)] = tensor.entry(in: configuration).use
    }
    var tensors: [Tensor] = []
    if let engram { tensors.append(try engramCodes(engram, named: table.name(of: .engramCodes))) }
    for name in checkpoint.tensorNames {
      let isForTraining = SpikeWhaleTensor.trainingPlaces.contains {
        name.hasPrefix($0) || name.hasPrefix(table.prefix + $0)
      }
      let tensor = try checkpoint.tensor(name)
      // What the table does not know is kept: it may be a head's.
      switch isForTraining ? .unused : uses[name] ?? .exact {
      case .unused: continue
      case .exact: tensors.append(tensor)
      case .matrix:
        tensors += try Linear(
          rows: tensor.floats(requiringFinite: true), outputs: tensor.shape[0], inputs: tensor.shape[1],
          precision: precision
        ).tensors(named: name)
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
}
