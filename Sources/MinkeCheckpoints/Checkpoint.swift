import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The named tensors of one file, memory-mapped: opening reads only the file's table of contents.
///
/// Safetensors files, torch archives (`torch.save`) and the index of a checkpoint split into several files
/// (`model.safetensors.index.json`) are told apart by their content. Nothing in them is ever run.
public struct Checkpoint: Sendable {
  /// The file's name, for error texts.
  public let path: String
  /// Each tensor under its name. Dictionaries inside dictionaries of a torch archive give names joined by ".".
  public let tensors: [String: Tensor]
  /// What a safetensors header says beside the tensors; empty for other files.
  public let metadata: [String: String]

  init(path: String, tensors: [String: Tensor], metadata: [String: String]) {
    self.path = path
    self.tensors = tensors
    self.metadata = metadata
  }

  /// Maps the file at `url` and reads its table of contents.
  ///
  /// - Throws: `MinkeError` when the file cannot be read, breaks its format, or is of another format.
  public init(contentsOf url: URL) throws {
    let file = try MappedFile(url)
    let bytes = SharedBuffer<UInt8>(file.bytes, of: file)
    if Self.isJSON(bytes) {
      self = try Self.shards(of: bytes, in: url.deletingLastPathComponent(), path: file.path)
    } else {
      self = try Self.read(bytes, path: file.path)
    }
  }

  /// Reads a checkpoint of one file from memory; `name` stands for the file in error texts.
  ///
  /// - Throws: `MinkeError` when the bytes break their format or are of another format.
  package init(bytes: UnsafeRawBufferPointer, named name: String) throws {
    self = try Self.read(SharedBuffer(copying: bytes.bindMemory(to: UInt8.self)), path: name)
  }

  /// The names of all tensors, in order.
  public var tensorNames: [String] { tensors.keys.sorted() }

  /// The tensor called `name`.
  ///
  /// - Throws: `MinkeError` of kind `notFound` that lists the names there are.
  public func tensor(_ name: String) throws(MinkeError) -> Tensor {
    if let tensor = tensors[name] { return tensor }
    let shown = tensorNames.prefix(8).joined(separator: ", ")
    let found = tensors.isEmpty ? "no tensors" : shown + (tensors.count > 8 ? " and \(tensors.count - 8) more" : "")
    throw MinkeError(.notFound, Tensor.subject(name, in: path), expected: "a tensor of this name", found: found)
  }

  // MARK: Formats

  private static func read(_ bytes: SharedBuffer<UInt8>, path: String) throws -> Checkpoint {
    if TorchArchive.isArchive(bytes) { return try TorchArchive.read(bytes, path: path) }
    if TorchArchive.isLegacyFile(bytes) {
      throw MinkeError(
        .unsupportedFile, path, expected: "a safetensors file or a torch archive",
        found: "the older form of torch.save; load and save it once with PyTorch 1.6 or later")
    }
    return try Safetensors.read(bytes, path: path)
  }

  /// JSON text has no zero byte, and the length that a safetensors file begins with always has one in its last place.
  private static func isJSON(_ bytes: SharedBuffer<UInt8>) -> Bool {
    bytes.count >= 8 && bytes[0] == UInt8(ascii: "{") && bytes[7] != 0
  }

  /// The tensors that an index names, from the files beside it.
  private static func shards(of bytes: SharedBuffer<UInt8>, in folder: URL, path: String) throws -> Checkpoint {
    let fileNames = try shardNames(of: UnsafeRawBufferPointer(bytes.pointer), path: path)
    var shards: [String: Checkpoint] = [:]
    for fileName in Set(fileNames.values).sorted() {
      let file = try MappedFile(folder.appendingPathComponent(fileName))
      shards[fileName] = try read(SharedBuffer(file.bytes, of: file), path: file.path)
    }
    var tensors: [String: Tensor] = [:]
    for (name, fileName) in fileNames { tensors[name] = try shards[fileName]?.tensor(name) }
    let metadata = shards.keys.sorted().reduce(into: [String: String]()) { metadata, name in
      metadata.merge(shards[name]?.metadata ?? [:]) { first, _ in first }
    }
    return Checkpoint(path: path, tensors: tensors, metadata: metadata)
  }

  /// The names of the files that hold the tensors of an index, by the names of the tensors.
  ///
  /// - Throws: `MinkeError` when `bytes` are no index or name anything but files beside it.
  package static func shardNames(of bytes: UnsafeRawBufferPointer, path: String) throws -> [String: String] {
    var fileNames: [String: String] = [:]
    var hasMap = false
    try JSONReader.read(bytes, subject: path) { reader in
      try reader.readObject { reader, key in
        guard key == "weight_map" else { return try reader.skipValue() }
        hasMap = true
        try reader.readObject { reader, tensor in
          let fileName = try reader.readString()
          guard !fileName.isEmpty, !fileName.contains("/"), fileName != "..", fileName != "." else {
            throw reader.error("the name of a file beside the index", found: "\"\(fileName)\"")
          }
          fileNames[tensor] = fileName
        }
      }
    }
    guard hasMap else {
      throw MinkeError(
        .unsupportedFile, path, expected: "a checkpoint, or an index with a weight_map", found: "other JSON")
    }
    return fileNames
  }
}
