import MinkeCore
import Testing

@testable import MinkeCheckpoints

/// A pickle put together from instructions.
struct Pickle: CustomTestStringConvertible {
  var bytes: [UInt8] = [0x80, 2]
  var testDescription: String { "\(bytes.count) bytes" }

  static func + (left: Pickle, right: [UInt8]) -> Pickle { Pickle(bytes: left.bytes + right) }
  static func + (left: Pickle, right: String) -> Pickle { left + Array(right.utf8) }

  static func text(_ text: String) -> [UInt8] { [0x58] + littleEndian(UInt32(text.utf8.count)) + Array(text.utf8) }
  static func integer(_ value: Int) -> [UInt8] { [0x8a, 8] + littleEndian(Int64(value)) }
  static func integers(_ values: [Int]) -> [UInt8] { [0x28] + values.flatMap(integer) + [0x74] }
  static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }
  static func storage(_ type: String = "FloatStorage", key: String = "0", count: Int) -> [UInt8] {
    [0x28] + text("storage") + global("torch", type) + text(key) + text("cpu") + integer(count) + [0x74, 0x51]
  }
  static func tensor(
    _ storage: [UInt8] = storage(count: 4), offset: Int = 0, shape: [Int] = [4], strides: [Int] = [1]
  ) -> [UInt8] {
    global("torch._utils", "_rebuild_tensor_v2") + [0x28] + storage + integer(offset) + integers(shape)
      + integers(strides) + [0x89] + global("collections", "OrderedDict") + Array(")RtR".utf8)
  }
  /// {"a": value}
  static func dictionary(_ value: [UInt8]) -> Pickle {
    Pickle() + "}" + text("a") + value + "s."
  }
}

/// A zip file of `entries`, with what a test wants to be wrong about it.
struct Zip {
  var entries: [(name: String, data: [UInt8])]
  var method: UInt16 = 0
  var flags: UInt16 = 0
  var localName: String?
  /// Added to the size that is given for the first entry.
  var extraSize = 0
  var comment: [UInt8] = []
  var extraCount = 0

  init(
    _ pickle: Pickle,
    storages: [[UInt8]] = [
      littleEndian(0x4000_0000_3f80_0000 as UInt64) + littleEndian(0x4080_0000_4040_0000 as UInt64)
    ]
  ) {
    entries = [("x/data.pkl", pickle.bytes)] + storages.enumerated().map { ("x/data/\($0)", $1) }
  }

  var bytes: [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, data) in entries {
      let offset = file.count
      let local = localName ?? name
      let size = UInt32(truncatingIfNeeded: data.count + (offset == 0 ? extraSize : 0))
      let start = littleEndian(flags) + littleEndian(method) + [UInt8](repeating: 0, count: 8)
      file += littleEndian(UInt32(0x0403_4b50)) + [20, 0] + start + littleEndian(size) + littleEndian(size)
      file += littleEndian(UInt16(local.utf8.count)) + [0, 0] + Array(local.utf8) + data
      directory += littleEndian(UInt32(0x0201_4b50)) + [20, 0, 20, 0] + start + littleEndian(size) + littleEndian(size)
      directory += littleEndian(UInt16(name.utf8.count)) + [UInt8](repeating: 0, count: 12)
      directory += littleEndian(UInt32(offset)) + Array(name.utf8)
    }
    let count = littleEndian(UInt16(entries.count + extraCount))
    let end = littleEndian(UInt32(0x0605_4b50)) + [0, 0, 0, 0] + count + count + littleEndian(UInt32(directory.count))
    return file + directory + end + littleEndian(UInt32(file.count)) + littleEndian(UInt16(comment.count)) + comment
  }

  func with(_ change: (inout Zip) -> Void) -> [UInt8] {
    var zip = self
    change(&zip)
    return zip.bytes
  }
}
