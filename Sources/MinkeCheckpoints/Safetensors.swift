import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The safetensors file format: the length of a JSON header, the header, then the elements of one tensor after another.
///
/// Reading is what ``Checkpoint`` does. The rules are those of the reference implementation,
/// https://github.com/huggingface/safetensors, which also refuses holes, overlaps and bytes left over.
public enum Safetensors {
  /// The longest header allowed, as in the reference implementation.
  static let headerLimit = 100_000_000
  /// Far more axes than any tensor has.
  private static let axisLimit = 64

  /// Writes `tensors` as a safetensors file, which takes its place at `url` only when it is whole.
  ///
  /// The order of the tensors in the file is the reference implementation's: by element type, then by name.
  /// - Throws: `MinkeError` when two tensors have one name, the header grows too long, or writing fails.
  public static func write(
    _ tensors: [Tensor], metadata: [String: String] = [:], to url: URL
  ) throws(MinkeError) {
    let rank = Dictionary(uniqueKeysWithValues: ElementType.allCases.enumerated().map { ($1, $0) })
    let ordered = tensors.sorted {
      let (left, right) = (rank[$0.elementType] ?? 0, rank[$1.elementType] ?? 0)
      return left != right ? left > right : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
    }
    let header = try header(ordered, metadata: metadata, path: url.relativePath)
    var file = try FileWriter(url)
    try file.write(littleEndian(UInt64(header.count)))
    try file.write(header)
    for tensor in ordered { try file.write(tensor.bytes()) }
    try file.finish()
  }

  private static func header(
    _ tensors: [Tensor], metadata: [String: String], path: String
  ) throws(MinkeError) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      members.append("\"__metadata__\":" + JSONValue.object(metadata.mapValues { .string($0) }).text)
    }
    var names: Set<String> = metadata.isEmpty ? [] : ["__metadata__"]
    var start = 0
    for tensor in tensors {
      guard tensor.name != "__metadata__", names.insert(tensor.name).inserted else {
        throw MinkeError(
          .invalidArgument, path, expected: "a different name for each tensor", found: "\"\(tensor.name)\" twice")
      }
      let end = start + tensor.count * tensor.elementType.byteCount
      var member = ""
      JSONValue.write(tensor.name, to: &member)
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      member += ":{\"dtype\":\"\(tensor.elementType.rawValue)\",\"shape\":[\(shape)],"
      members.append(member + "\"data_offsets\":[\(start),\(end)]}")
      start = end
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    header += repeatElement(UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    guard header.count <= headerLimit else {
      throw MinkeError(
        .invalidArgument, path, expected: "a header of at most \(headerLimit) bytes", found: "\(header.count) bytes")
    }
    return header
  }

  // MARK: Reading

  private struct Entry {
    var elementType: ElementType
    var shape: [Int]
    var range: Range<Int>
  }

  static func read(_ bytes: SharedBuffer<UInt8>, path: String) throws -> Checkpoint {
    let file = UnsafeRawBufferPointer(bytes.pointer)
    guard file.count >= 8 else {
      throw MinkeError(
        .malformedFile, path, expected: "a safetensors file of 8 bytes or more", found: "\(file.count) bytes")
    }
    let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
    guard length <= headerLimit, length <= file.count - 8 else {
      throw MinkeError(
        .malformedFile, path, expected: "a safetensors header of at most \(min(headerLimit, file.count - 8)) bytes",
        found: "one of \(length) bytes")
    }
    let start = 8 + Int(length)
    let header = UnsafeRawBufferPointer(rebasing: file[8..<start])
    guard header.first == UInt8(ascii: "{") else {
      throw MinkeError(
        .malformedFile, path, expected: "a safetensors header that begins with \"{\"",
        found: header.first.map { "byte \($0)" } ?? "nothing")
    }
    let (entries, metadata) = try parse(header, subject: "\(path), header")
    try checkLayout(entries, dataCount: file.count - start, path: path)
    var tensors: [String: Tensor] = [:]
    tensors.reserveCapacity(entries.count)
    for (name, entry) in entries {
      let data = file[start + entry.range.lowerBound..<start + entry.range.upperBound]
      tensors[name] = try Tensor(
        name: name, elementType: entry.elementType, shape: entry.shape,
        bytes: SharedBuffer(UnsafeRawBufferPointer(rebasing: data), within: bytes), file: path)
    }
    return Checkpoint(path: path, tensors: tensors, metadata: metadata)
  }

  private static func parse(
    _ header: UnsafeRawBufferPointer, subject: String
  ) throws -> (entries: [String: Entry], metadata: [String: String]) {
    var entries: [String: Entry] = [:]
    var metadata: [String: String] = [:]
    try JSONReader.read(header, subject: subject) { reader in
      try reader.readObject { reader, name in
        if name == "__metadata__" {
          try reader.readObject { metadata[$1] = try $0.readString() }
        } else {
          entries[name] = try parseEntry(&reader, subject: Tensor.subject(name, in: subject))
        }
      }
    }
    return (entries, metadata)
  }

  private static func parseEntry(_ reader: inout JSONReader, subject: String) throws -> Entry {
    var typeName: String?
    var shape: [Int]?
    var offsets: [Int]?
    try reader.readObject { reader, key in
      switch key {
      case "dtype": typeName = try reader.readString()
      case "shape": shape = try readNaturalNumbers(&reader)
      case "data_offsets": offsets = try readNaturalNumbers(&reader)
      default: try reader.skipValue()
      }
    }
    guard let typeName, let shape, let offsets else {
      throw MinkeError(.malformedFile, subject, expected: "dtype, shape and data_offsets", found: "not all of them")
    }
    guard let elementType = ElementType(rawValue: typeName) else {
      let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
      throw MinkeError(.unsupportedFile, subject, expected: "dtype \(known)", found: "\"\(typeName.prefix(32))\"")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw MinkeError(.malformedFile, subject, expected: "data_offsets [begin, end]", found: "\(offsets)")
    }
    return Entry(elementType: elementType, shape: shape, range: offsets[0]..<offsets[1])
  }

  private static func readNaturalNumbers(_ reader: inout JSONReader) throws -> [Int] {
    var numbers: [Int] = []
    try reader.readArray { reader in
      let number = try reader.readInt()
      if number < 0 { throw reader.error("a number of 0 or more", found: "\(number)") }
      if numbers.count == axisLimit { throw reader.error("at most \(axisLimit) numbers", found: "more") }
      numbers.append(number)
    }
    return numbers
  }

  /// The tensors must fill the data exactly, each beginning where the one before it ends.
  private static func checkLayout(_ entries: [String: Entry], dataCount: Int, path: String) throws(MinkeError) {
    var reached = 0
    let ordered = entries.sorted {
      let (left, right) = ($0.value.range, $1.value.range)
      return (left.lowerBound, left.upperBound) < (right.lowerBound, right.upperBound)
    }
    for (name, entry) in ordered {
      guard entry.range.lowerBound == reached, entry.range.upperBound <= dataCount else {
        throw MinkeError(
          .malformedFile, Tensor.subject(name, in: path),
          expected: "data_offsets from \(reached) to at most \(dataCount)",
          found: "[\(entry.range.lowerBound), \(entry.range.upperBound)]")
      }
      reached = entry.range.upperBound
    }
    guard reached == dataCount else {
      throw MinkeError(
        .malformedFile, path, expected: "\(reached) bytes of tensors after the header", found: "\(dataCount) bytes")
    }
  }
}

/// The bytes of `value`, least significant first.
func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
