import MinkeCheckpoints
import MinkeCore
import MinkeLayers

/// Finds the tensors of a SpikeWhale model, those of ``SpikeWhaleTensor``, in a checkpoint.
///
/// A few are known by place and shape only and are found by those; what else the file holds is left alone.
struct SpikeWhaleTensors {
  let checkpoint: Checkpoint
  let configuration: SpikeWhaleConfiguration
  /// What stands before `embed_tokens.weight` in the names, such as `model.`.
  let prefix: String
  private let level: KernelLevel

  /// - Throws: `MinkeError` when the checkpoint has no token embedding.
  init(
    _ checkpoint: Checkpoint, _ configuration: SpikeWhaleConfiguration, kernels level: KernelLevel = .active
  ) throws(MinkeError) {
    self.checkpoint = checkpoint
    self.configuration = configuration
    self.level = level
    let embedding = SpikeWhaleTensor.embedding.entry(in: configuration).name
    let places = Set(
      checkpoint.tensorNames.compactMap { name -> String? in
        guard let place = name.firstIndex(of: embedding) else { return nil }
        return String(name.prefix(place))
      })
    guard let shortest = places.min(by: { ($0.count, $0) < ($1.count, $1) }) else {
      throw MinkeError(
        .unsupportedFile, checkpoint.path, expected: "a SpikeWhale model with a tensor \"model.\(embedding)\"",
        found: "\(checkpoint.tensors.count) others")
    }
    prefix = shortest
  }

  /// The name that `tensor` has in the checkpoint.
  ///
  /// - Throws: `MinkeError` when that depends on a shape that none, or more than one, of the tensors there has.
  func name(of tensor: SpikeWhaleTensor) throws(MinkeError) -> String {
    let name = tensor.entry(in: configuration).name
    guard let anchor = tensor.anchor else { return (tensor.standsOutside ? "" : prefix) + name }
    let parts = name.split(separator: ".", maxSplits: 2)
    return try part(of: String(parts[0]), anchor) + "." + parts[2]
  }

  func contains(_ tensor: SpikeWhaleTensor) -> Bool {
    (try? name(of: tensor)).flatMap { checkpoint.tensors[$0] } != nil
  }

  /// A vector of numbers that are all finite.
  func vector(_ tensor: SpikeWhaleTensor) throws(MinkeError) -> SharedBuffer<Float> {
    try checkpoint.tensor(name(of: tensor)).floats(
      shape: tensor.entry(in: configuration).shape, requiringFinite: true)
  }

  /// An RMS norm by its weight.
  func norm(_ tensor: SpikeWhaleTensor) throws(MinkeError) -> RMSNorm {
    RMSNorm(weight: try vector(tensor), epsilon: configuration.normEpsilon, kernels: level)
  }

  /// The weights of a linear layer, in whichever precision they are stored.
  func matrix(_ tensor: SpikeWhaleTensor) throws(MinkeError) -> Linear {
    let shape = tensor.entry(in: configuration).shape
    return try Linear(name(of: tensor), outputs: shape[0], inputs: shape[1], in: checkpoint, kernels: level)
  }

  /// Like ``matrix(_:)`` for a tensor that is nowhere multiplied, only read by rows.
  func table(_ tensor: SpikeWhaleTensor) throws(MinkeError) -> SharedBuffer<Float> {
    try checkpoint.tensor(name(of: tensor)).floats(shape: tensor.entry(in: configuration).shape)
  }

  /// The two vectors of a hyper-connection, that to read by and that to write by.
  ///
  /// Their names are not known for certain: `pre_*` and `post_*` it should be, and for the likely others (`in` and
  /// `out`, `read` and `write`, `alpha` and `beta`) the alphabet gives the order.
  func pair(
    _ read: SpikeWhaleTensor, _ write: SpikeWhaleTensor
  ) throws(MinkeError) -> (pre: [Float], post: [Float]) {
    let entry = read.entry(in: configuration)
    let start = prefix + entry.name.prefix(through: entry.name.lastIndex(of: ".") ?? entry.name.startIndex)
    var names = checkpoint.tensorNames.filter { $0.hasPrefix(start) && checkpoint.tensors[$0]?.shape == entry.shape }
    guard names.count == 2 else {
      throw MinkeError(
        .notFound, "\(checkpoint.path): tensors \"\(start)*\"",
        expected: "two vectors of \(entry.shape[0]) numbers",
        found: names.isEmpty ? "none" : names.joined(separator: ", "))
    }
    if names[1].dropFirst(start.count).hasPrefix("pre") { names.swapAt(0, 1) }
    let pre = try checkpoint.tensor(names[0]).floats(requiringFinite: true)
    let post = try checkpoint.tensor(names[1]).floats(requiringFinite: true)
    return (pre.copied(), post.copied())
  }

  /// The name of the one tensor `place.<something>.proj.weight` of `anchor`'s shape, without `.proj.weight`.
  private func part(of place: String, _ anchor: SpikeWhaleTensor) throws(MinkeError) -> String {
    let shape = anchor.entry(in: configuration).shape
    let (start, end) = ("\(prefix)\(place).", ".proj.weight")
    let names = Set(
      checkpoint.tensorNames.compactMap { name -> String? in
        guard name.hasPrefix(start), let place = name.firstIndex(of: end) else { return nil }
        let base = String(name.prefix(place))
        return Linear.shape(base + end, in: checkpoint, inputs: shape[1]) == shape ? base : nil
      })
    guard let name = names.first, names.count == 1 else {
      throw MinkeError(
        .notFound, "\(checkpoint.path): tensor \"\(start)*\(end)\"",
        expected: "one of shape [\(shape[0]), \(shape[1])]",
        found: names.isEmpty ? "none" : names.sorted().joined(separator: ", "))
    }
    return name
  }
}

extension String {
  /// Characters before the last place where `text` stands, if what follows it is the end or a ".".
  fileprivate func firstIndex(of text: String) -> Int? {
    if hasSuffix(text) { return count - text.count }
    // A quantised matrix is several tensors, its name followed by the name of the part.
    guard let dot = lastIndex(of: "."), self[..<dot].hasSuffix(text) else { return nil }
    return self[..<dot].count - text.count
  }
}
