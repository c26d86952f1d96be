import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The file format of `torch.save`: a zip file of a pickle, `data.pkl`, and the raw elements of each storage.
///
/// Reading is what ``Checkpoint`` does. Tensors keep sharing a storage, and views of it are read as views.
public enum TorchArchive {
  private static let pickleLimit = 32 << 20
  private static let nestingLimit = 64
  /// Bytes of all names together: dictionaries that hold each other would otherwise unfold without end.
  private static let nameLimit = 32 << 20

  static func isArchive(_ bytes: SharedBuffer<UInt8>) -> Bool {
    bytes.pointer.starts(with: [0x50, 0x4b, 0x03, 0x04]) || bytes.pointer.starts(with: [0x50, 0x4b, 0x05, 0x06])
  }

  /// Whether the file begins with the pickled magic number of `torch.save` before PyTorch 1.6.
  static func isLegacyFile(_ bytes: SharedBuffer<UInt8>) -> Bool {
    let magic: [UInt8] = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]
    // Behind the version of the pickle and, from version 4 on, the length of a frame.
    return [2, 11].contains { bytes.pointer.dropFirst($0).starts(with: magic) }
  }

  static func read(_ bytes: SharedBuffer<UInt8>, path: String) throws(MinkeError) -> Checkpoint {
    let file = UnsafeRawBufferPointer(bytes.pointer)
    let entries = try ZipArchive(file, path: path).entries
    let pickles = entries.keys.filter { $0.hasSuffix("/data.pkl") && $0.count { $0 == "/" } == 1 }
    guard pickles.count == 1, let pickleName = pickles.first, let pickleRange = entries[pickleName] else {
      throw MinkeError(
        .unsupportedFile, path, expected: "a torch archive with one data.pkl", found: "a zip file with \(pickles.count)"
      )
    }
    let prefix = pickleName.dropLast("data.pkl".count)
    if let order = entries["\(prefix)byteorder"], !file[order].elementsEqual("little".utf8) {
      throw MinkeError(
        .unsupportedFile, path, expected: "byte order little",
        found: "\"\(String(decoding: file[order].prefix(16), as: UTF8.self))\"")
    }
    guard pickleRange.count <= pickleLimit else {
      throw MinkeError(
        .unsupportedFile, path, expected: "a data.pkl of at most \(pickleLimit) bytes",
        found: "one of \(pickleRange.count)")
    }
    let (nodes, root) = try TensorPickle.read(
      UnsafeRawBufferPointer(rebasing: file[pickleRange]), subject: "\(path), data.pkl")
    guard case .dictionary = nodes[root] else {
      throw MinkeError(.unsupportedFile, path, expected: "a dictionary of tensors", found: "another value")
    }
    var names = NamedViews(nodes: nodes, path: path, nestingLimit: nestingLimit, nameLimit: nameLimit)
    try names.collect(root, name: "", depth: 0)
    var tensors: [String: Tensor] = [:]
    tensors.reserveCapacity(names.views.count)
    for (name, view) in names.views {
      tensors[name] = try Tensor(
        name: name, elementType: view.storage.elementType, shape: view.shape, strides: view.strides,
        offset: view.offset, storage: try storage(view.storage, prefix: prefix, entries, bytes, tensor: name, path),
        file: path)
    }
    return Checkpoint(path: path, tensors: tensors, metadata: [:])
  }

  private static func storage(
    _ storage: TensorPickle.Storage, prefix: Substring, _ entries: [String: Range<Int>],
    _ file: SharedBuffer<UInt8>, tensor: String, _ path: String
  ) throws(MinkeError) -> SharedBuffer<UInt8> {
    guard let range = entries["\(prefix)data/\(storage.key)"] else {
      throw MinkeError(
        .malformedFile, Tensor.subject(tensor, in: path), expected: "storage data/\(storage.key.prefix(64))",
        found: "no such entry")
    }
    guard case (let size, false) = storage.count.multipliedReportingOverflow(by: storage.elementType.byteCount),
      size <= range.count
    else {
      throw MinkeError(
        .malformedFile, Tensor.subject(tensor, in: path),
        expected: "a storage of \(storage.count) \(storage.elementType.rawValue)", found: "\(range.count) bytes")
    }
    let data = UnsafeRawBufferPointer(file.pointer)[range.lowerBound..<range.lowerBound + size]
    return SharedBuffer(UnsafeRawBufferPointer(rebasing: data), within: file)
  }
}

/// The tensors inside dictionaries, lists and tuples, each under its keys joined by ".".
private struct NamedViews {
  let nodes: [TensorPickle.Value]
  let path: String
  let nestingLimit: Int
  let nameLimit: Int
  var views: [String: TensorPickle.View] = [:]
  private var nameBytes = 0

  init(nodes: [TensorPickle.Value], path: String, nestingLimit: Int, nameLimit: Int) {
    self.nodes = nodes
    self.path = path
    self.nestingLimit = nestingLimit
    self.nameLimit = nameLimit
  }

  mutating func collect(_ node: Int, name: String, depth: Int) throws(MinkeError) {
    nameBytes += name.utf8.count + 1
    guard nameBytes <= nameLimit else {
      throw MinkeError(.unsupportedFile, path, expected: "names of at most \(nameLimit) bytes in all", found: "more")
    }
    guard depth <= nestingLimit else {
      throw MinkeError(
        .malformedFile, path, expected: "at most \(nestingLimit) levels of dictionaries", found: "more, or a cycle")
    }
    let prefix = depth == 0 ? "" : name + "."
    switch nodes[node] {
    case .tensor(let view):
      guard views.updateValue(view, forKey: name) == nil else {
        throw MinkeError(.malformedFile, path, expected: "each tensor's name once", found: "\"\(name)\" twice")
      }
    case .dictionary(let items):
      for (key, value) in items where mayHoldTensors(value) {
        switch nodes[key] {
        case .text(let text): try collect(value, name: prefix + text, depth: depth + 1)
        case .integer(let number): try collect(value, name: prefix + String(number), depth: depth + 1)
        default:
          throw MinkeError(
            .unsupportedFile, path, expected: "texts or numbers as keys", found: "another key in \"\(name)\"")
        }
      }
    case .list(let elements), .tuple(let elements):
      for (index, element) in elements.enumerated() where mayHoldTensors(element) {
        try collect(element, name: prefix + String(index), depth: depth + 1)
      }
    case .other, .integer, .text, .function, .storage: break
    }
  }

  private func mayHoldTensors(_ node: Int) -> Bool {
    switch nodes[node] {
    case .tensor, .dictionary, .list, .tuple: true
    case .other, .integer, .text, .function, .storage: false
    }
  }
}
