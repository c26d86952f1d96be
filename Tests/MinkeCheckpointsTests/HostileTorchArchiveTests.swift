import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeCheckpoints

@Suite struct HostileTorchArchiveTests {
  static let good = Zip(Pickle.dictionary(Pickle.tensor()))

  @Test func `the hand-made archive is right but for what a test changes`() throws {
    #expect(try Checkpoint(Self.good.bytes).tensor("a").floats().array == [1, 2, 3, 4])
    let comment = Self.good.with { $0.comment = Array("a comment PK\u{5}\u{6} and more than twenty-two bytes".utf8) }
    #expect(try Checkpoint(comment).tensorNames == ["a"])
  }

  static let zips: [(String, [UInt8], MinkeError.Kind)] = [
    ("compression", good.with { $0.method = 8 }, .unsupportedFile),
    ("encryption", good.with { $0.flags = 1 }, .unsupportedFile),
    ("another local name", good.with { $0.localName = "x/other.pkl" }, .malformedFile),
    ("a name that climbs", good.with { $0.entries.append(("x/../y", [])) }, .malformedFile),
    ("an absolute name", good.with { $0.entries.append(("/x/y", [])) }, .malformedFile),
    ("a backslash", good.with { $0.entries.append(("x\\y", [])) }, .malformedFile),
    ("a NUL", good.with { $0.entries.append(("x\0y", [])) }, .malformedFile),
    ("an empty name", good.with { $0.entries.append(("", [])) }, .malformedFile),
    ("one name twice", good.with { $0.entries.append(("x/data/0", [])) }, .malformedFile),
    ("sizes beyond the file", good.with { $0.extraSize = 1_000_000 }, .malformedFile),
    ("sizes into the next entry", good.with { $0.extraSize = 20 }, .malformedFile),
    ("more entries than there are", good.with { $0.extraCount = 1 }, .malformedFile),
    ("fewer entries than there are", good.with { $0.extraCount = -1 }, .malformedFile),
    ("65535 entries", good.with { $0.extraCount = 65533 }, .malformedFile),
    ("no data.pkl", good.with { $0.entries.removeFirst() }, .unsupportedFile),
    ("two data.pkl", good.with { $0.entries.append(("y/data.pkl", [])) }, .unsupportedFile),
    ("big-endian elements", good.with { $0.entries.append(("x/byteorder", Array("big".utf8))) }, .unsupportedFile),
    ("no entry", good.with { $0.entries = [] }, .unsupportedFile),
    ("no directory", Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 100), .malformedFile),
  ]

  @Test(arguments: zips) func `a bad zip file is an error`(what: String, file: [UInt8], kind: MinkeError.Kind) throws {
    let error = try minkeError { _ = try Checkpoint(file) }
    #expect(error.kind == kind, "\(what): \(error)")
  }

  /// The archive as PyTorch writes it, with the eight bytes at `offset` from its end replaced.
  private func archive(_ value: UInt64, at offset: Int) throws -> [UInt8] {
    var file = Array(try Data(contentsOf: Fixture.url("torch/protocol4.pt")))
    file.replaceSubrange(file.count - offset..<file.count - offset + 8, with: littleEndian(value))
    return file
  }

  @Test func `a ZIP64 record that lies is an error`() throws {
    // From the end: 22 bytes of the old record, 20 of the locator, 56 of the ZIP64 record.
    for offset in [98 - 32, 98 - 40, 98 - 48, 42 - 8] {
      for value in [0, 1, 1 << 32, UInt64.max / 2, UInt64.max / 2 + 1, .max] {
        let file = try archive(value, at: offset)
        #expect(try minkeError { _ = try Checkpoint(file) }.kind == .malformedFile, "\(offset) \(value)")
      }
    }
  }

  /// {"a": [[[...]]]} of `depth` lists, built without marks.
  private static func nested(_ depth: Int) -> [UInt8] {
    [UInt8](repeating: UInt8(ascii: "]"), count: depth) + [UInt8](repeating: UInt8(ascii: "a"), count: depth - 1)
  }

  /// Dictionaries of twice the value before, which is remembered under its level.
  private static func doubled(_ levels: UInt8) -> [UInt8] {
    var pickle: [UInt8] = []
    for level in 0..<levels {
      pickle += [0x7d, 0x28, 0x4b, 0, 0x68, level, 0x4b, 1, 0x68, level, 0x75, 0x71, level + 1]
    }
    return pickle
  }

  static let pickles: [(String, Pickle, MinkeError.Kind)] = [
    ("an empty pickle", Pickle(bytes: []), .malformedFile),
    ("no STOP", Pickle() + "}", .malformedFile),
    ("STOP on an empty stack", Pickle() + ".", .malformedFile),
    ("protocol 0", Pickle(bytes: [0x80, 0]) + "}.", .unsupportedFile),
    ("protocol 6", Pickle(bytes: [0x80, 6]) + "}.", .unsupportedFile),
    ("a list", Pickle() + "].", .unsupportedFile),
    ("a tensor alone", Pickle() + Pickle.tensor() + ".", .unsupportedFile),
    ("os.system", Pickle() + Pickle.global("os", "system") + Pickle.text("id") + [0x85, 0x52, 0x2e], .unsupportedFile),
    ("builtins.eval", Pickle.dictionary(Pickle.global("builtins", "eval")), .unsupportedFile),
    (
      "posix.system by STACK_GLOBAL", Pickle() + Pickle.text("posix") + Pickle.text("system") + [0x93, 0x2e],
      .unsupportedFile
    ),
    ("another torch global", Pickle.dictionary(Pickle.global("torch", "load")), .unsupportedFile),
    ("STACK_GLOBAL of numbers", Pickle() + [0x4b, 1, 0x4b, 1, 0x93, 0x2e], .malformedFile),
    ("INST", Pickle() + "(ios\nsystem\n.", .unsupportedFile),
    ("OBJ", Pickle() + "(o.", .unsupportedFile),
    ("NEWOBJ", Pickle() + [0x29, 0x29, 0x81, 0x2e], .unsupportedFile),
    ("an extension", Pickle() + [0x82, 1, 0x2e], .unsupportedFile),
    ("a text instruction", Pickle() + "I1\n.", .unsupportedFile),
    ("a call of a tensor", Pickle.dictionary(Pickle.tensor() + [0x29, 0x52]), .unsupportedFile),
    (
      "a call without a tuple", Pickle.dictionary(Pickle.global("collections", "OrderedDict") + [0x4e, 0x52]),
      .unsupportedFile
    ),
    (
      "a call with too few arguments",
      Pickle.dictionary(Pickle.global("torch._utils", "_rebuild_tensor_v2") + [0x29, 0x52]), .unsupportedFile
    ),
    (
      "a parameter of a number",
      Pickle.dictionary(Pickle.global("torch._utils", "_rebuild_parameter") + [0x4e, 0x89, 0x7d, 0x87, 0x52]),
      .malformedFile
    ),
    ("attributes of a tensor", Pickle.dictionary(Pickle.tensor() + [0x7d, 0x62]), .unsupportedFile),
    ("attributes that are no dictionary", Pickle.dictionary([0x7d, 0x4e, 0x62]), .unsupportedFile),
    ("a persistent id that is no storage", Pickle.dictionary(Pickle.text("storage") + [0x51]), .malformedFile),
    ("a negative storage size", Pickle.dictionary(Pickle.tensor(Pickle.storage(count: -1))), .malformedFile),
    (
      "an unknown storage type", Pickle.dictionary(Pickle.tensor(Pickle.storage("QInt8Storage", count: 4))),
      .unsupportedFile
    ),
    ("a missing storage", Pickle.dictionary(Pickle.tensor(Pickle.storage(key: "7", count: 4))), .malformedFile),
    (
      "a storage path that climbs", Pickle.dictionary(Pickle.tensor(Pickle.storage(key: "../data.pkl", count: 4))),
      .malformedFile
    ),
    ("a storage beyond its entry", Pickle.dictionary(Pickle.tensor(Pickle.storage(count: 5))), .malformedFile),
    ("a storage of 2^63 - 1", Pickle.dictionary(Pickle.tensor(Pickle.storage(count: Int.max))), .malformedFile),
    ("a view beyond its storage", Pickle.dictionary(Pickle.tensor(shape: [5])), .malformedFile),
    ("an offset beyond the storage", Pickle.dictionary(Pickle.tensor(offset: 1)), .malformedFile),
    ("a negative offset", Pickle.dictionary(Pickle.tensor(offset: -1)), .malformedFile),
    ("an offset of 2^63 - 1", Pickle.dictionary(Pickle.tensor(offset: Int.max)), .malformedFile),
    ("a negative shape", Pickle.dictionary(Pickle.tensor(shape: [-4])), .malformedFile),
    ("a negative stride", Pickle.dictionary(Pickle.tensor(strides: [-1])), .malformedFile),
    ("a stride that overflows", Pickle.dictionary(Pickle.tensor(shape: [3], strides: [Int.max])), .malformedFile),
    (
      "a shape that overflows", Pickle.dictionary(Pickle.tensor(shape: [Int.max, 4], strides: [0, 0])), .malformedFile
    ),
    ("a shape without strides", Pickle.dictionary(Pickle.tensor(shape: [2, 2], strides: [1])), .malformedFile),
    ("a terabyte of one element", Pickle.dictionary(Pickle.tensor(shape: [1 << 38], strides: [0])), .unsupportedFile),
    (
      "a shape of texts",
      Pickle.dictionary(
        Pickle.global("torch._utils", "_rebuild_tensor_v2") + [0x28] + Pickle.storage(count: 4) + [0x4b, 0]
          + Pickle.text("4") + [0x85] + Pickle.integers([1]) + [0x89, 0x7d, 0x74, 0x52]), .malformedFile
    ),
    ("a number of nine bytes", Pickle() + [0x8a, 9] + [UInt8](repeating: 0, count: 9) + ".", .malformedFile),
    ("a text longer than the pickle", Pickle() + [0x58, 0xff, 0xff, 0xff, 0xff, 0x61], .malformedFile),
    ("a text that is not UTF-8", Pickle() + [0x58, 1, 0, 0, 0, 0xff, 0x2e], .malformedFile),
    ("an endless global", Pickle() + "c" + String(repeating: "a", count: 10000), .malformedFile),
    ("nothing remembered", Pickle() + [0x68, 3, 0x2e], .malformedFile),
    ("a tuple without a mark", Pickle() + "t.", .malformedFile),
    ("a pop below a mark", Pickle() + [0x7d, 0x28, 0x85, 0x2e], .malformedFile),
    ("a dictionary of a number", Pickle() + [0x4e, 0x4e, 0x4e, 0x73, 0x2e], .malformedFile),
    ("a key without a value", Pickle() + [0x7d, 0x28, 0x4e, 0x75, 0x2e], .malformedFile),
    ("an append to a dictionary", Pickle() + [0x7d, 0x4e, 0x61, 0x2e], .malformedFile),
    ("a tuple as a key", Pickle() + [0x7d, 0x29] + Pickle.tensor() + "s.", .unsupportedFile),
    (
      "one name twice", Pickle() + "}" + [0x4b, 1] + Pickle.tensor() + "s" + Pickle.text("1") + Pickle.tensor() + "s.",
      .malformedFile
    ),
    ("a million values", Pickle() + String(repeating: "]", count: (1 << 20) + 1), .unsupportedFile),
    (
      "one value remembered a million times", Pickle() + [0x5d] + [UInt8](repeating: 0x94, count: (1 << 20) + 1),
      .unsupportedFile
    ),
    ("10,000 marks", Pickle() + String(repeating: "(", count: 10000), .malformedFile),
    ("10,000 lists in lists", Pickle.dictionary(nested(10000)), .malformedFile),
    (
      "10,000 tuples in tuples",
      Pickle.dictionary([0x29] + [UInt8](repeating: 0x85, count: 10000)), .malformedFile
    ),
    ("a list in itself", Pickle.dictionary([0x5d, 0x71, 0, 0x68, 0, 0x61]), .malformedFile),
    ("a dictionary in itself", Pickle() + [0x7d, 0x71, 0, 0x4b, 1, 0x68, 0, 0x73, 0x2e], .malformedFile),
    (
      "dictionaries that unfold to 2^60 tensors",
      Pickle.dictionary(Pickle.tensor() + [0x71, 0] + doubled(60)), .unsupportedFile
    ),
  ]

  @Test(arguments: pickles) func `a bad pickle is an error`(what: String, pickle: Pickle, kind: MinkeError.Kind) throws
  {
    let error = try minkeError { _ = try Checkpoint(Zip(pickle).bytes) }
    #expect(error.kind == kind, "\(what): \(error)")
  }

  @Test func `what is refused is named`() throws {
    let pickle = Pickle.dictionary(Pickle.global("os", "system"))
    let error = try minkeError { _ = try Checkpoint(Zip(pickle).bytes) }
    #expect(error.found == "global os.system")
    #expect(error.subject.hasPrefix("test, data.pkl, byte "))
  }

  @Test func `a hundred thousand values in values that are no tensors are let go`() throws {
    // Nothing but the tensor is walked, so the depth of the rest does not matter; nor does letting it go overflow.
    let deep = [UInt8(0x29)] + [UInt8](repeating: 0x85, count: 100_000)
    let pickle = Pickle() + deep + "}" + Pickle.text("a") + Pickle.tensor() + "s."
    #expect(try Checkpoint(Zip(pickle).bytes).tensorNames == ["a"])
  }

  @Test func `an empty view may have any offset inside its storage`() throws {
    let pickle = Pickle.dictionary(Pickle.tensor(offset: 4, shape: [0, 3], strides: [3, 1]))
    #expect(try Checkpoint(Zip(pickle).bytes).tensor("a").floats(shape: [0, 3]).count == 0)
  }
}
