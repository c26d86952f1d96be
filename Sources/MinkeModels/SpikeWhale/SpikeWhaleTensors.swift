import MinkeCheckpoints
import MinkeCore
import MinkeLayers

/// Finds a SpikeWhale model's tensors in a checkpoint.
///
/// Names are those of the published files. A few of them are known by place and shape only and are found by those; what
/// else the file holds (`jepa.*`, `mtp_heads.*`) is left alone.
struct SpikeWhaleTensors {
  let checkpoint: Checkpoint
  /// What stands before `embed_tokens.weight` in the names, such as `model.`.
  let prefix: String
  private let level: KernelLevel

  private static let embedding = "embed_tokens.weight"

  /// - Throws: ``MinkeError`` when the checkpoint has no token embedding.
  init(_ checkpoint: Checkpoint, kernels level: KernelLevel = .active) throws(MinkeError) {
    self.checkpoint = checkpoint
    self.level = level
    let places = Set(
      checkpoint.tensorNames.compactMap { name -> String? in
        guard let place = name.firstIndex(of: Self.embedding) else { return nil }
        return String(name.prefix(place))
      })
    guard let shortest = places.min(by: { ($0.count, $0) < ($1.count, $1) }) else {
      throw MinkeError(
        .unsupportedFile, checkpoint.path, expected: "a SpikeWhale model with a tensor \"model.\(Self.embedding)\"",
        found: "\(checkpoint.tensors.count) others")
    }
    prefix = shortest
  }

  /// A vector of numbers that are all finite.
  func vector(_ name: String, _ count: Int) throws(MinkeError) -> SharedBuffer<Float> {
    try checkpoint.tensor(prefix + name).floats(shape: [count], requiringFinite: true)
  }

  /// The RMS norm whose weight `[width]` is called `name`.
  func norm(_ name: String, _ width: Int, epsilon: Float) throws(MinkeError) -> RMSNorm {
    RMSNorm(weight: try vector(name, width), epsilon: epsilon, kernels: level)
  }

  /// The weights `[outputs, inputs]` called `name`, in whichever precision they are stored.
  func matrix(_ name: String, _ outputs: Int, _ inputs: Int) throws(MinkeError) -> Linear {
    try Linear(prefix + name, outputs: outputs, inputs: inputs, in: checkpoint, kernels: level)
  }

  /// Like ``matrix(_:_:_:)`` for a tensor that is nowhere multiplied, only read by rows.
  func table(_ name: String, _ rows: Int, _ columns: Int) throws(MinkeError) -> SharedBuffer<Float> {
    try checkpoint.tensor(prefix + name).floats(shape: [rows, columns])
  }

  /// The two vectors `[count]` of the hyper-connection called `name`, the one to read by first.
  ///
  /// Their names are not known for certain: `pre_*` and `post_*` it should be, and for the likely others (`in` and
  /// `out`, `read` and `write`, `alpha` and `beta`) the alphabet gives the order.
  func pair(_ name: String, _ count: Int) throws(MinkeError) -> (pre: [Float], post: [Float]) {
    let start = "\(prefix)\(name)."
    var names = checkpoint.tensorNames.filter { $0.hasPrefix(start) && checkpoint.tensors[$0]?.shape == [count] }
    guard names.count == 2 else {
      throw MinkeError(
        .notFound, "\(checkpoint.path): tensors \"\(start)*\"", expected: "two vectors of \(count) numbers",
        found: names.isEmpty ? "none" : names.joined(separator: ", "))
    }
    if names[1].dropFirst(start.count).hasPrefix("pre") { names.swapAt(0, 1) }
    let pre = try checkpoint.tensor(names[0]).floats(requiringFinite: true)
    let post = try checkpoint.tensor(names[1]).floats(requiringFinite: true)
    return (pre.copied(), post.copied())
  }

  /// The part of the name, after the prefix, of the one tensor `place.<something>.proj.weight` that is
  /// `[outputs, inputs]`, without `.proj.weight`.
  func part(of place: String, _ outputs: Int, _ inputs: Int) throws(MinkeError) -> String {
    let (start, end) = ("\(prefix)\(place).", ".proj.weight")
    let names = Set(
      checkpoint.tensorNames.compactMap { name -> String? in
        guard name.hasPrefix(start), let place = name.firstIndex(of: end) else { return nil }
        let base = String(name.prefix(place))
        return Linear.shape(base + end, in: checkpoint, inputs: inputs) == [outputs, inputs] ? base : nil
      })
    guard let name = names.first, names.count == 1 else {
      throw MinkeError(
        .notFound, "\(checkpoint.path): tensor \"\(start)*\(end)\"", expected: "one of shape [\(outputs), \(inputs)]",
        found: names.isEmpty ? "none" : names.sorted().joined(separator: ", "))
    }
    return String(name.dropFirst(prefix.count))
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
