import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension TorchArchive {
  /// Writes `tensors` as a state dict that `torch.load(path, weights_only=True)` reads. The file takes its place at
  /// `url` only when it is whole.
  ///
  /// - Throws: `MinkeError` when two tensors have one name or writing fails.
  public static func write(_ tensors: [Tensor], to url: URL) throws(MinkeError) {
    var names = Set<String>()
    for tensor in tensors where !names.insert(tensor.name).inserted {
      throw MinkeError(
        .invalidArgument, url.relativePath, expected: "a different name for each tensor",
        found: "\"\(tensor.name)\" twice")
    }
    var file = try FileWriter(url)
    var zip = ZipWriter()
    try zip.append("archive/data.pkl", shared(pickle(tensors)), to: &file)
    try zip.append("archive/byteorder", shared(Array("little".utf8)), to: &file)
    for (index, tensor) in tensors.enumerated() {
      try zip.append("archive/data/\(index)", tensor.bytes(), to: &file)
    }
    try zip.append("archive/version", shared(Array("3\n".utf8)), to: &file)
    try zip.finish(&file)
    try file.finish()
  }

  private static func shared(_ bytes: [UInt8]) -> SharedBuffer<UInt8> {
    bytes.withUnsafeBufferPointer { SharedBuffer(copying: $0) }
  }

  /// The pickle, protocol 2, of a dictionary in which tensor i is the whole of storage i.
  private static func pickle(_ tensors: [Tensor]) -> [UInt8] {
    var pickle: [UInt8] = [0x80, 2]
    func emit(_ text: String) { pickle += text.utf8 }
    func emit(text: String) {
      emit("X")
      pickle += littleEndian(UInt32(truncatingIfNeeded: text.utf8.count)) + text.utf8
    }
    func emit(integer: Int) { pickle += [0x8a, 8] + littleEndian(Int64(integer)) }
    func emit(integers: [Int]) {
      emit("(")
      for integer in integers { emit(integer: integer) }
      emit("t")
    }
    emit("}(")
    for (index, tensor) in tensors.enumerated() {
      emit(text: tensor.name)
      emit("ctorch._utils\n_rebuild_tensor_v2\n((")
      emit(text: "storage")
      emit("ctorch\n\(tensor.elementType.torchStorageName)\n")
      emit(text: String(index))
      emit(text: "cpu")
      emit(integer: tensor.count)
      emit("tQ")
      emit(integer: 0)
      emit(integers: tensor.shape)
      emit(integers: tensor.shape.indices.map { tensor.shape[($0 + 1)...].reduce(1) { $0 * max(1, $1) } })
      // No gradient is wanted, and no hooks are attached.
      pickle.append(0x89)
      emit("ccollections\nOrderedDict\n)RtR")
    }
    emit("u.")
    return pickle
  }
}

/// Writes a zip file of stored entries, each beginning at a multiple of 64 bytes as in the files of PyTorch.
///
/// Every size is written in its ZIP64 form, so that nothing changes at 4 GiB.
private struct ZipWriter {
  private var directory: [UInt8] = []
  private var count = 0

  private static let alignment = 64
  private static let versionNeeded = UInt16(45)

  mutating func append(
    _ name: String, _ data: SharedBuffer<UInt8>, to file: inout FileWriter
  ) throws(MinkeError) {
    let name = Array(name.utf8)
    let offset = file.count
    let size = littleEndian(UInt64(data.count))
    // Flag 11 says that the name is UTF-8; method, time and date are 0; the sizes stand in the extra field.
    let common =
      littleEndian(Self.versionNeeded) + littleEndian(UInt16(0x0800)) + littleEndian(UInt16(0))
      + littleEndian(UInt32(0)) + littleEndian(CRC32.checksum(UnsafeRawBufferPointer(data.pointer)))
      + littleEndian(UInt64.max) + littleEndian(UInt16(truncatingIfNeeded: name.count))
    var extra = littleEndian(UInt16(1)) + littleEndian(UInt16(16)) + size + size
    let unpadded = offset + 30 + name.count + extra.count + 4
    let padding = (Self.alignment - unpadded % Self.alignment) % Self.alignment
    extra += Array("FB".utf8) + littleEndian(UInt16(padding)) + [UInt8](repeating: 0x5a, count: padding)
    try file.write(
      littleEndian(UInt32(0x0403_4b50)) + common + littleEndian(UInt16(truncatingIfNeeded: extra.count)) + name + extra)
    try file.write(data)
    directory += littleEndian(UInt32(0x0201_4b50)) + littleEndian(Self.versionNeeded) + common
    // Length of the extra field; no comment, disk 0, no attributes; the offset stands in the extra field.
    directory += littleEndian(UInt16(28)) + [UInt8](repeating: 0, count: 10) + littleEndian(UInt32.max) + name
    directory += littleEndian(UInt16(1)) + littleEndian(UInt16(24)) + size + size + littleEndian(UInt64(offset))
    count += 1
  }

  func finish(_ file: inout FileWriter) throws(MinkeError) {
    let start = file.count
    try file.write(directory)
    let place = littleEndian(UInt64(directory.count)) + littleEndian(UInt64(start))
    let version = littleEndian(Self.versionNeeded)
    // The ZIP64 record with its own length after this field, the locator that tells where it is, and the old record.
    let record =
      littleEndian(UInt32(0x0606_4b50)) + littleEndian(UInt64(44)) + version + version + littleEndian(UInt64(0))
      + littleEndian(UInt64(count)) + littleEndian(UInt64(count)) + place
    let locator =
      littleEndian(UInt32(0x0706_4b50)) + littleEndian(UInt32(0)) + littleEndian(UInt64(file.count))
      + littleEndian(UInt32(1))
    let end =
      littleEndian(UInt32(0x0605_4b50)) + littleEndian(UInt32(0)) + littleEndian(UInt32.max)
      + littleEndian(UInt64.max) + littleEndian(UInt16(0))
    try file.write(record + locator + end)
  }
}
