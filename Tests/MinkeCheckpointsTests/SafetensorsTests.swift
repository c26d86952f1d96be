import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeCheckpoints

/// A safetensors file of `header` and `data`.
func safetensors(_ header: String, data: [UInt8] = []) -> [UInt8] {
  littleEndian(UInt64(header.utf8.count)) + Array(header.utf8) + data
}

private func entry(_ name: String, _ type: String = "F32", shape: String = "[1]", _ offsets: String = "[0,4]") -> String
{
  "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
}

@Suite struct SafetensorsTests {
  @Test func `the tensors of a published kind of file are there with their shapes and are not copied`() throws {
    let checkpoint = try Checkpoint(contentsOf: Fixture.url("sse-tiny/model.safetensors"))
    #expect(checkpoint.tensorNames == ["dyt.alpha", "dyt.beta", "dyt.bias", "embedding.weight"])
    let embedding = try checkpoint.tensor("embedding.weight")
    #expect(embedding.elementType == .float32)
    #expect(embedding.shape == [1927, 64])
    let floats = try embedding.floats(shape: [nil, 64], requiringFinite: true)
    #expect(floats.count == 1927 * 64)
    #expect(UnsafeRawPointer(floats.baseAddress) == UnsafeRawPointer(embedding.bytes().baseAddress))
    #expect(try checkpoint.tensor("dyt.alpha").floats()[0] == Float(bitPattern: 0x3ef6_51b7))
  }

  @Test func `every element type is converted`() throws {
    let halves: [UInt16] = [0x3c00, 0xc000, 0x0001, 0x7bff]
    let data =
      bytes([-3, Int64.max]) + bytes([0.1, -2.5] as [Double]) + bytes([7, Int32.min])
      + bytes([1.5, -0.25] as [Float]) + bytes([0x3f80, 0xc040] as [UInt16]) + bytes(halves)
      + bytes([-2, Int16.max]) + bytes([-1, Int8.min]) + [255, 0] + [1, 0]
    let header = """
      {\(entry("i64", "I64", shape: "[2]", "[0,16]")),\(entry("f64", "F64", shape: "[2]", "[16,32]")),
      \(entry("i32", "I32", shape: "[2]", "[32,40]")),\(entry("f32", "F32", shape: "[2,1]", "[40,48]")),
      \(entry("bf16", "BF16", shape: "[2]", "[48,52]")),\(entry("f16", "F16", shape: "[4]", "[52,60]")),
      \(entry("i16", "I16", shape: "[2]", "[60,64]")),\(entry("i8", "I8", shape: "[2]", "[64,66]")),
      \(entry("u8", "U8", shape: "[2]", "[66,68]")),\(entry("bool", "BOOL", shape: "[2]", "[68,70]"))}
      """
    let file = try Checkpoint(safetensors(header, data: data))
    func floats(_ name: String) throws -> [Float] { try file.tensor(name).floats().array }
    #expect(try floats("f64") == [0.1, -2.5])
    #expect(try floats("f32") == [1.5, -0.25])
    #expect(try floats("bf16") == [1, -3])
    #expect(try floats("f16") == [1, -2, 0x1p-24, 65504])
    #expect(try floats("i64") == [-3, 0x1p63])
    #expect(try floats("u8") == [255, 0])
    #expect(try file.tensor("i64").integers() == [-3, Int.max])
    #expect(try file.tensor("i32").integers(shape: [2]) == [7, Int(Int32.min)])
    #expect(try file.tensor("i16").integers() == [-2, 32767])
    #expect(try file.tensor("i8").integers() == [-1, -128])
    #expect(try file.tensor("u8").integers() == [255, 0])
    #expect(try file.tensor("bool").integers() == [1, 0])
    #expect(try minkeError { _ = try file.tensor("f32").integers() }.kind == .shapeMismatch)
  }

  @Test func `numbers at an odd address are read`() throws {
    let data = [9] + bytes([1.5, -2] as [Float]) + bytes([0x3c00] as [UInt16])
    let header =
      "{\(entry("pad", "U8", "[0,1]")),\(entry("x", shape: "[2]", "[1,9]")),\(entry("half", "F16", "[9,11]"))}"
    for spaces in 0..<4 {
      let padded = header + String(repeating: " ", count: spaces)
      let file = try Checkpoint(safetensors(padded, data: data))
      #expect(try file.tensor("x").floats().array == [1.5, -2])
      #expect(try file.tensor("half").floats().array == [1])
    }
  }

  @Test func `scalars and empty tensors are tensors`() throws {
    let header = "{\(entry("none", shape: "[0,9223372036854775807]", "[0,0]")),\(entry("one", shape: "[]", "[0,4]"))}"
    let file = try Checkpoint(safetensors(header, data: bytes([2.5] as [Float])))
    #expect(try file.tensor("none").floats().count == 0)
    #expect(try file.tensor("one").floats(shape: []).array == [2.5])
    #expect(try Checkpoint(safetensors("{}")).tensors.isEmpty)
  }

  @Test func `metadata is read and unknown members of an entry are passed over`() throws {
    let header =
      "{\"__metadata__\":{\"format\":\"pt\"},\"x\":{\"dtype\":\"U8\",\"more\":[{}],\"shape\":[1],\"data_offsets\":[0,1]}}"
    let file = try Checkpoint(safetensors(header, data: [7]))
    #expect(file.metadata == ["format": "pt"])
    #expect(file.tensorNames == ["x"])
  }

  @Test func `errors name file, tensor and both shapes`() throws {
    let checkpoint = try Checkpoint(contentsOf: Fixture.url("sse-tiny/model.safetensors"))
    let shape = try minkeError { _ = try checkpoint.tensor("dyt.beta").floats(shape: [nil, 512]) }
    #expect(shape.kind == .shapeMismatch)
    #expect(shape.description.hasSuffix("tensor \"dyt.beta\": expected shape [any, 512], found shape [64]"))
    #expect(shape.description.contains("model.safetensors"))
    let missing = try minkeError { _ = try checkpoint.tensor("nothing") }
    #expect(missing.kind == .notFound)
    #expect(missing.found == "dyt.alpha, dyt.beta, dyt.bias, embedding.weight")
  }

  @Test func `a number that is not finite is named with its index`() throws {
    for (bad, text) in [(Float.nan, "nan"), (-.infinity, "-inf")] {
      var values = [Float](repeating: 1, count: 3 * 5000)
      values[2 * 5000 + 17] = bad
      let tensor = try Tensor(name: "w", shape: [3, 5000], floats: values)
      #expect(try tensor.floats().count == 15000)
      let error = try minkeError { _ = try tensor.floats(requiringFinite: true) }
      #expect(
        error == MinkeError(.notFinite, "tensor \"w\"", expected: "finite numbers", found: "\(text) at index [2, 17]"))
    }
  }

  static let hostile: [(String, [UInt8], MinkeError.Kind)] = [
    ("an empty file", [], .malformedFile),
    ("seven bytes", [1, 0, 0, 0, 0, 0, 0], .malformedFile),
    ("no header", littleEndian(UInt64(0)), .malformedFile),
    ("a header longer than the file", littleEndian(UInt64(3)) + Array("{}".utf8), .malformedFile),
    ("a header of 2^64 - 1 bytes", littleEndian(UInt64.max) + Array("{}".utf8), .malformedFile),
    ("a header of 2^63 bytes", littleEndian(UInt64(1) << 63) + Array("{}".utf8), .malformedFile),
    ("a header over 100 MB", littleEndian(UInt64(100_000_001)) + Array("{}".utf8), .malformedFile),
    ("a header that begins with a space", safetensors(" {}"), .malformedFile),
    ("a header that is an array", safetensors("[]"), .malformedFile),
    ("a header that is not UTF-8", littleEndian(UInt64(6)) + [0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d], .malformedFile),
    ("an unfinished header", safetensors("{\"x\":{\"dtype\":"), .malformedFile),
    ("text after the header", safetensors("{}x"), .malformedFile),
    (
      "deep nesting", safetensors("{\"x\":{\"y\":" + String(repeating: "[", count: 100_000)), .malformedFile
    ),
    ("a tensor that is a number", safetensors("{\"x\":1}"), .malformedFile),
    ("no dtype", safetensors("{\"x\":{\"shape\":[1],\"data_offsets\":[0,1]}}", data: [0]), .malformedFile),
    ("no shape", safetensors("{\"x\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", data: [0]), .malformedFile),
    ("no offsets", safetensors("{\"x\":{\"dtype\":\"U8\",\"shape\":[1]}}", data: [0]), .malformedFile),
    ("metadata that is not text", safetensors("{\"__metadata__\":{\"a\":1}}"), .malformedFile),
    ("an unknown dtype", safetensors("{\(entry("x", "F8_E4M3", "[0,1]"))}", data: [0]), .unsupportedFile),
    ("a negative axis", safetensors("{\(entry("x", shape: "[-1]"))}", data: [0, 0, 0, 0]), .malformedFile),
    ("an axis of 2^64", safetensors("{\(entry("x", shape: "[18446744073709551616]"))}"), .malformedFile),
    ("a fractional axis", safetensors("{\(entry("x", shape: "[1.5]"))}", data: [0, 0, 0, 0]), .malformedFile),
    (
      "a shape that overflows", safetensors("{\(entry("x", shape: "[4294967296,4294967296]", "[0,0]"))}"),
      .shapeMismatch
    ),
    (
      "bytes that overflow", safetensors("{\(entry("x", shape: "[4611686018427387904]", "[0,0]"))}"), .shapeMismatch
    ),
    ("too few bytes for the shape", safetensors("{\(entry("x", shape: "[2]"))}", data: [0, 0, 0, 0]), .shapeMismatch),
    ("three offsets", safetensors("{\(entry("x", "U8", "[0,1,1]"))}", data: [0]), .malformedFile),
    ("offsets in reverse", safetensors("{\(entry("x", "U8", "[1,0]"))}", data: [0]), .malformedFile),
    ("a negative offset", safetensors("{\(entry("x", "U8", "[-1,0]"))}", data: [0]), .malformedFile),
    ("data beyond the file", safetensors("{\(entry("x"))}", data: [0, 0]), .malformedFile),
    (
      "an offset of 2^63 - 1", safetensors("{\(entry("x", "U8", "[0,9223372036854775807]"))}", data: [0]),
      .malformedFile
    ),
    ("bytes left over", safetensors("{\(entry("x"))}", data: [0, 0, 0, 0, 0]), .malformedFile),
    ("data of no tensor", safetensors("{}", data: [0]), .malformedFile),
    (
      "a hole", safetensors("{\(entry("x", "U8", "[0,1]")),\(entry("y", "U8", "[2,3]"))}", data: [0, 0, 0]),
      .malformedFile
    ),
    (
      "an overlap",
      safetensors(
        "{\(entry("x", "U8", shape: "[2]", "[0,2]")),\(entry("y", "U8", shape: "[2]", "[1,3]"))}", data: [0, 0, 0]),
      .malformedFile
    ),
    (
      "two tensors in one place", safetensors("{\(entry("x", "U8", "[0,1]")),\(entry("y", "U8", "[0,1]"))}", data: [0]),
      .malformedFile
    ),
    (
      "one name twice", safetensors("{\(entry("x", "U8", "[0,1]")),\(entry("x", "U8", "[1,2]"))}", data: [0, 0]),
      .malformedFile
    ),
    (
      "a thousand axes",
      safetensors("{\(entry("x", shape: "[1\(String(repeating: ",1", count: 999))]"))}", data: [0, 0, 0, 0]),
      .malformedFile
    ),
  ]

  @Test(arguments: hostile) func `a bad file is an error`(what: String, file: [UInt8], kind: MinkeError.Kind) throws {
    let error = try minkeError { _ = try Checkpoint(file) }
    #expect(error.kind == kind, "\(what): \(error)")
    #expect(error.subject.hasPrefix("test"), "\(what): \(error)")
  }

  @Test func `every truncation of a file is an error`() throws {
    let file = Array(try Data(contentsOf: Fixture.url("sse-tiny-q4/model_rest.safetensors")))
    for count in 0..<file.count { _ = try minkeError { _ = try Checkpoint(Array(file[..<count])) } }
  }

  @Test func `what is written is read again`() throws {
    let tensors = [
      try Tensor(name: "b", shape: [2, 2], floats: [1, 2, 3, .infinity]),
      try Tensor(name: "a", shape: [], integers: [-5]),
      try Tensor(name: "bytes \"\n", elementType: .uint8, shape: [3], bytes: shared([1, 2, 3])),
    ]
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.safetensors")
      try Safetensors.write(tensors, metadata: ["k": "v\t"], to: url)
      let read = try Checkpoint(contentsOf: url)
      #expect(read.metadata == ["k": "v\t"])
      #expect(read.tensorNames == ["a", "b", "bytes \"\n"])
      #expect(try read.tensor("b").floats(shape: [2, 2]).array == [1, 2, 3, .infinity])
      #expect(try read.tensor("a").integers(shape: []) == [-5])
      #expect(try read.tensor("bytes \"\n").bytes().array == [1, 2, 3])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.safetensors"])
    }
  }

  @Test func `a file read and written again has the same bytes as the reference implementation wrote`() throws {
    for name in ["sse-tiny/model.safetensors", "sse-tiny-q4/model_rest.safetensors"] {
      let read = try Checkpoint(contentsOf: Fixture.url(name))
      try Fixture.withTemporaryFolder { folder in
        let url = folder.appendingPathComponent("again")
        try Safetensors.write(Array(read.tensors.values), to: url)
        #expect(try Data(contentsOf: url) == Data(contentsOf: Fixture.url(name)))
      }
    }
  }

  @Test func `a failed write leaves the older file as it was and nothing beside it`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.safetensors")
      let tensor = try Tensor(name: "a", shape: [1], floats: [1])
      try Safetensors.write([tensor], to: url)
      let before = try Data(contentsOf: url)
      #expect(try minkeError { try Safetensors.write([tensor, tensor], to: url) }.kind == .invalidArgument)
      #expect(try Data(contentsOf: url) == before)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.safetensors"])
      let nowhere = folder.appendingPathComponent("no/such/folder/x")
      #expect(try minkeError { try Safetensors.write([tensor], to: nowhere) }.kind == .notFound)
    }
  }

  @Test func `a file may be replaced by its own tensors while it is mapped`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x")
      try FileManager.default.copyItem(at: Fixture.url("sse-tiny-q4/model_rest.safetensors"), to: url)
      let old = try Checkpoint(contentsOf: url)
      try Safetensors.write([try old.tensor("dyt.bias")], to: url)
      #expect(try Checkpoint(contentsOf: url).tensorNames == ["dyt.bias"])
      #expect(try old.tensor("dyt.alpha").floats(shape: [64], requiringFinite: true).count == 64)
    }
  }
}

@Suite struct ShardTests {
  private func write(_ index: String, in folder: URL) throws -> URL {
    let url = folder.appendingPathComponent("model.safetensors.index.json")
    try Data(index.utf8).write(to: url)
    for (name, value) in [("a", Float(1)), ("b", 2)] {
      let tensor = try Tensor(name: name, shape: [1], floats: [value])
      try Safetensors.write(
        [tensor], metadata: ["format": "pt"], to: folder.appendingPathComponent("\(name).safetensors"))
    }
    return url
  }

  @Test func `an index brings together the tensors of several files`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = try write(
        "{\"metadata\":{\"total_size\":8},\"weight_map\":{\"a\":\"a.safetensors\",\"b\":\"b.safetensors\"}}", in: folder
      )
      let checkpoint = try Checkpoint(contentsOf: url)
      #expect(checkpoint.tensorNames == ["a", "b"])
      #expect(checkpoint.metadata == ["format": "pt"])
      #expect(try checkpoint.tensor("b").floats().array == [2])
    }
  }

  @Test(arguments: [
    ("{\"weight_map\":{\"a\":\"../a.safetensors\"}}", MinkeError.Kind.malformedFile),
    ("{\"weight_map\":{\"a\":\"/etc/passwd\"}}", .malformedFile),
    ("{\"weight_map\":{\"a\":\"\"}}", .malformedFile),
    ("{\"weight_map\":{\"a\":\"c.safetensors\"}}", .notFound),
    ("{\"weight_map\":{\"c\":\"a.safetensors\"}}", .notFound),
    ("{\"weights\":{\"a\":\"a.safetensors\"}}", .unsupportedFile),
  ])
  func `a bad index is an error`(index: String, kind: MinkeError.Kind) throws {
    try Fixture.withTemporaryFolder { folder in
      let url = try write(index, in: folder)
      #expect(try minkeError { _ = try Checkpoint(contentsOf: url) }.kind == kind)
    }
  }
}
