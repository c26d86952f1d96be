import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeCheckpoints

private func npy(_ header: String, data: [UInt8] = [], version: UInt8 = 1) -> [UInt8] {
  let length = version == 1 ? littleEndian(UInt16(header.utf8.count)) : littleEndian(UInt32(header.utf8.count))
  return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + Array(header.utf8) + data
}

private func header(_ description: String, _ shape: String, fortran: String = "False") -> String {
  "{'descr': '\(description)', 'fortran_order': \(fortran), 'shape': \(shape), }\n"
}

@Suite struct NumPyArrayTests {
  @Test func `the bytes are those of numpy.save`() throws {
    // numpy.save(f, numpy.array([[1, 2.5, -3]], dtype="<f4")) and numpy.save(f, numpy.array([7, -1])).
    let floats = try Embeddings(floats: [1, 2.5, -3], dimension: 3).npyBytes()
    let text = header("<f4", "(1, 3)").dropLast() + String(repeating: " ", count: 58) + "\n"
    #expect(floats == npy(String(text), data: bytes([1, 2.5, -3] as [Float])))
    #expect(floats.count == 128 + 12)
    let integers = try NumPyArray(Tensor(name: "k", shape: [2], integers: [7, -1])).serialized()
    #expect(
      integers
        == npy(header("<i8", "(2,)").dropLast() + String(repeating: " ", count: 60) + "\n", data: bytes([7, -1])))
  }

  @Test func `all versions and types are read`() throws {
    for version in [1, 2, 3] as [UInt8] {
      let array = try NumPyArray(npy(header("<f4", "(2, 1)"), data: bytes([1, 2] as [Float]), version: version)).values
      #expect(array.shape == [2, 1])
      #expect(try array.floats().array == [1, 2])
    }
    func values(_ description: String, _ data: [UInt8]) throws -> Tensor {
      try NumPyArray(npy(header(description, "(2,)"), data: data)).values
    }
    #expect(try values("<f8", bytes([0.5, -1] as [Double])).floats().array == [0.5, -1])
    #expect(try values("<f2", bytes([0x3c00, 0xc000] as [UInt16])).floats().array == [1, -2])
    #expect(try values("<i8", bytes([1, -2])).integers() == [1, -2])
    #expect(try values("<i4", bytes([1, -2] as [Int32])).integers() == [1, -2])
    #expect(try values("<i2", bytes([1, -2] as [Int16])).integers() == [1, -2])
    #expect(try values("|i1", [1, 254]).integers() == [1, -2])
    #expect(try values("|u1", [1, 254]).integers() == [1, 254])
    #expect(try values("|b1", [1, 0]).integers() == [1, 0])
    #expect(try NumPyArray(npy(header("<f4", "()"), data: bytes([3] as [Float]))).values.floats().array == [3])
    let doubleQuotes = "{\"shape\": (1,), \"descr\": \"|u1\", \"fortran_order\": False}"
    #expect(try NumPyArray(npy(doubleQuotes, data: [9])).values.integers() == [9])
  }

  @Test func `vectors written to a file are the same when read`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.npy")
      for vectors in [
        try Embeddings(floats: [1, 2, 3, 4, 5, 6], dimension: 3), try Embeddings(floats: [], dimension: 5),
        try Embeddings(packed: [1, 2, 3, 4], dimension: 16),
      ] {
        try vectors.writeNPY(to: url)
        #expect(try Embeddings(npy: url) == vectors)
        #expect(try Array(Data(contentsOf: url)) == vectors.npyBytes())
      }
    }
  }

  @Test(arguments: [
    (header("<f4", "(2,)"), bytes([1, 2] as [Float]), MinkeError.Kind.shapeMismatch),
    (header("<f4", "(1, 1, 1)"), bytes([1] as [Float]), .shapeMismatch),
    (header("<f4", "(1, 0)"), [], .shapeMismatch),
    (header("|u1", "(0, 4611686018427387904)"), [], .shapeMismatch),
    (header("<i8", "(1, 1)"), bytes([1]), .unsupportedFile),
    (header("<f4", "(1, 1)"), bytes([Float.nan]), .notFinite),
    (header("<f8", "(1, 1)"), bytes([1e300]), .notFinite),
  ])
  func `an array that holds no vectors is an error`(header: String, data: [UInt8], kind: MinkeError.Kind) throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.npy")
      try Data(npy(header, data: data)).write(to: url)
      #expect(try minkeError { _ = try Embeddings(npy: url) }.kind == kind)
    }
  }

  static let hostile: [(String, [UInt8], MinkeError.Kind)] = [
    ("an empty file", [], .malformedFile),
    ("another file", Array("PK\u{3}\u{4} and more than ten bytes".utf8), .malformedFile),
    ("version 4", npy(header("<f4", "(0,)"), version: 4), .unsupportedFile),
    ("a version 2 header without its length", Array(npy("", version: 2)[..<11]), .malformedFile),
    ("a header beyond the file", Array(npy(header("<f4", "(0,)")).dropLast()), .malformedFile),
    ("Fortran order", npy(header("|u1", "(1, 1)", fortran: "True"), data: [1]), .unsupportedFile),
    ("big-endian numbers", npy(header(">f4", "(1,)"), data: [0, 0, 0, 0]), .unsupportedFile),
    ("Python objects", npy(header("|O", "(1,)"), data: [0]), .unsupportedFile),
    ("text", npy(header("<U8", "(1,)"), data: [0]), .unsupportedFile),
    (
      "records", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", data: [0, 0, 0, 0]),
      .unsupportedFile
    ),
    ("too little data", npy(header("<f4", "(2,)"), data: [0, 0, 0, 0]), .shapeMismatch),
    ("too much data", npy(header("|u1", "(2,)"), data: [0, 0, 0]), .shapeMismatch),
    ("a negative axis", npy(header("|u1", "(-1,)")), .malformedFile),
    ("an axis of 2^63", npy(header("|u1", "(9223372036854775808,)")), .malformedFile),
    ("a product over 2^63", npy(header("|u1", "(4294967296, 4294967296)")), .shapeMismatch),
    ("a number that is not one", npy(header("|u1", "(1 1,)"), data: [0]), .malformedFile),
    ("no axis before a comma", npy(header("|u1", "(,)"), data: [0]), .malformedFile),
    (
      "a thousand axes", npy(header("|u1", "(\(String(repeating: "1,", count: 1000)))"), data: [0]), .malformedFile
    ),
    ("no dictionary", npy("['descr']"), .malformedFile),
    ("an unfinished dictionary", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)"), .malformedFile),
    ("an unfinished string", npy("{'descr': '<f4"), .malformedFile),
    ("a missing key", npy("{'descr': '<f4', 'shape': (0,)}"), .malformedFile),
    ("a key twice", npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (0,)}"), .malformedFile),
    ("another key", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0,), 'x': 1}"), .malformedFile),
    ("code", npy("{'descr': __import__('os'), 'fortran_order': False, 'shape': (0,)}"), .malformedFile),
    ("text after the dictionary", npy(header("|u1", "(0,)") + "x"), .malformedFile),
  ]

  @Test(arguments: hostile) func `a bad file is an error`(what: String, file: [UInt8], kind: MinkeError.Kind) throws {
    let error = try minkeError { _ = try NumPyArray(file) }
    #expect(error.kind == kind, "\(what): \(error)")
  }

  @Test func `int8 vectors are read as numbers`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.npy")
      try Data(npy(header("|i1", "(2, 2)"), data: [1, 0xff, 0x80, 127])).write(to: url)
      #expect(try Embeddings(npy: url).floats == [1, -1, -128, 127])
    }
  }

  @Test func `a file is read in pieces, and told from others`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.npy")
      let vectors = try Embeddings(floats: (0..<300).map(Float.init), dimension: 3)
      try vectors.writeNPY(to: url)
      let reader = try NumPyReader(url)
      #expect(reader.shape == [100, 3] && reader.elementType == .float32)
      var rows: [Int] = []
      var all = try Embeddings(floats: [], dimension: 3)
      while let piece = try reader.nextVectors(bytes: 12 * 7) {
        rows.append(piece.count)
        try all.append(piece)
      }
      #expect(rows == Array(repeating: 7, count: 14) + [2] && all == vectors)
      var floats = try #require(vectors.floats)
      floats[299] = .nan
      try Embeddings(floats: floats, dimension: 3).writeNPY(to: url)
      let bad = try NumPyReader(url)
      let error = try minkeError { while try bad.nextVectors(bytes: 12 * 7) != nil {} }
      #expect(error.kind == .notFinite && error.found.contains("[99, 2]"))
    }
  }

  @Test func `a file cut short while it is read is an error`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.npy")
      try Embeddings(floats: [Float](repeating: 1, count: 1 << 20), dimension: 256).writeNPY(to: url)
      let reader = try NumPyReader(url)
      #expect(try reader.next(bytes: 1 << 16)?.shape == [64, 256])
      try FileHandle(forWritingTo: url).truncate(atOffset: 1 << 20)
      let error = try minkeError { while try reader.next(bytes: 1 << 16) != nil {} }
      #expect(error.kind == .malformedFile && error.found.contains("the end"))
    }
  }

  @Test func `a pipe, a folder and a missing file are errors, and no wait`() throws {
    try Fixture.withTemporaryFolder { folder in
      let pipe = folder.appendingPathComponent("pipe.npy")
      #expect(mkfifo(pipe.path, 0o600) == 0)
      let error = try minkeError { _ = try Embeddings(npy: pipe) }
      #expect(error.found.contains("standard input"))
      #expect(try minkeError { _ = try NumPyArray(contentsOf: folder) }.found == "a folder")
      #expect(try minkeError { _ = try Embeddings(npy: folder.appendingPathComponent("no")) }.kind == .notFound)
    }
  }

  @Test func `rows are written one after the other, their number known or not`() throws {
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.npy")
      let vectors = try Embeddings(floats: (0..<3000).map(Float.init), dimension: 3)
      for rows in [1000, nil] {
        var writer = try NumPyWriter(FileWriter(url), elementType: .float32, columns: 3, rows: rows)
        for start in stride(from: 0, to: 1000, by: 37) {
          try writer.append(vectors.rows(start..<min(1000, start + 37)))
        }
        #expect(writer.rows == 1000)
        #expect(throws: MinkeError.self) { try writer.append(Embeddings(floats: [1, 2], dimension: 2)) }
        #expect(throws: MinkeError.self) { try writer.append(Embeddings(packed: [1, 2, 3], dimension: 24)) }
        try writer.finish()
        #expect(try Array(Data(contentsOf: url)) == vectors.npyBytes())
      }
      var short = try NumPyWriter(FileWriter(url), elementType: .float32, columns: 3, rows: 2)
      try short.append(vectors.rows(0..<1))
      #expect(throws: MinkeError.self) { try short.finish() }
    }
  }

  @Test func `every truncation of a file is an error`() throws {
    let file = try Embeddings(floats: [1, 2, 3, 4], dimension: 2).npyBytes()
    for count in 0..<file.count { _ = try minkeError { _ = try NumPyArray(Array(file[..<count])) } }
  }
}
