import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeCheckpoints

@Suite struct FourBitTableTests {
  private func quantize(_ floats: [Float], rows: Int, columns: Int) throws -> FourBitTable {
    try floats.withUnsafeBufferPointer { try FourBitTable.quantize($0, rows: rows, columns: columns) }
  }

  private func read(_ bytes: [UInt8], columns: Int) throws -> FourBitTable {
    try bytes.withUnsafeBytes { try FourBitTable(bytes: $0, columns: columns, named: "test") }
  }

  @Test func `quantizing the float table gives the published 4-bit file byte for byte`() throws {
    let embedding = try Checkpoint(contentsOf: Fixture.url("sse-tiny/model.safetensors")).tensor("embedding.weight")
    let floats = try embedding.floats()
    let table = try FourBitTable.quantize(floats.pointer, rows: 1927, columns: 64)
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("embedding.q4_k_m.bin")
      try table.write(to: url)
      #expect(try Data(contentsOf: url) == Data(contentsOf: Fixture.url("sse-tiny-q4/embedding.q4_k_m.bin")))
    }
    for index in [0, 1, 1926] {
      for (column, value) in table.row(index).enumerated() {
        #expect(abs(value - floats[index * 64 + column]) <= table.scales[index] / 15 + 1e-6)
      }
    }
  }

  @Test func `a file is rows of nibbles, even column first, then the scales`() throws {
    let table = try read([0xf0, 0x78] + bytes([2, 0.5] as [Float]), columns: 2)
    #expect(table.rows == 2)
    #expect(table.columns == 2)
    #expect(table.row(0) == [2, -2])
    #expect(table.row(1) == [(7 / 7.5 - 1) * 0.5 as Float, (8 / 7.5 - 1) * 0.5])
    #expect(table.packed.array == [0xf0, 0x78])
  }

  @Test func `scales at an odd address are read`() throws {
    let table = try read([0xf0] + bytes([2] as [Float]), columns: 2)
    #expect(table.scales.array == [2])
  }

  @Test func `halves round to even and a zero row stays near zero`() throws {
    // scale 1 + 1e-8 is 1 in float32; (w + 1) * 7.5 is 8.5, 9.5, 0 and 15.
    let table = try quantize([Float(1.0 / 7.5), 2 / 7.5, -1, 1], rows: 1, columns: 4)
    #expect(table.packed.array == [0x8a, 0x0f])
    let zero = try quantize([0, 0], rows: 1, columns: 2)
    #expect(zero.packed.array == [0x88])
    #expect(zero.scales.array == [1e-8])
    #expect(try quantize([], rows: 0, columns: 2).rows == 0)
  }

  @Test func `the published file has its rows`() throws {
    #expect(try FourBitTable(contentsOf: Fixture.url("sse-tiny-q4/embedding.q4_k_m.bin"), columns: 64).rows == 1927)
  }

  @Test func `what does not fit is an error`() throws {
    #expect(try minkeError { _ = try read([0xf0, 1, 2, 3], columns: 2) }.kind == .shapeMismatch)
    #expect(try minkeError { _ = try read([0xf0] + bytes([Float.nan]), columns: 2) }.kind == .notFinite)
    #expect(try minkeError { _ = try read([0xf0] + bytes([Float.infinity]), columns: 2) }.kind == .notFinite)
    for columns in [3, 0, -2, Int.max, Int.max - 1] {
      #expect(try minkeError { _ = try read([1, 2], columns: columns) }.kind == .invalidArgument)
      #expect(try minkeError { _ = try quantize([1], rows: 1, columns: columns) }.kind == .invalidArgument)
    }
    #expect(try minkeError { _ = try quantize([1, .nan], rows: 1, columns: 2) }.kind == .notFinite)
    #expect(try minkeError { _ = try quantize([1, -.infinity], rows: 1, columns: 2) }.kind == .notFinite)
    #expect(try minkeError { _ = try quantize([1, 2], rows: 2, columns: 2) }.kind == .shapeMismatch)
    #expect(try minkeError { _ = try quantize([1, 2], rows: Int.max, columns: 2) }.kind == .shapeMismatch)
    #expect(try minkeError { _ = try quantize([], rows: -1, columns: 2) }.kind == .shapeMismatch)
  }

  @Test func theNearestScaleLosesLeast() throws {
    var generator = SplitMix64(seed: 4)
    // A few large numbers among many small ones, and lengths that fill no register.
    for columns in [2, 14, 16, 50, 512] {
      let numbers = (0..<3 * columns).map { Float(generator.normal()) * ($0 % 17 == 0 ? 6 : 1) }
      func loss(_ scale: FourBitTable.RowScale) throws -> Float {
        let table = try numbers.withUnsafeBufferPointer {
          try FourBitTable.quantize($0, rows: 3, columns: columns, scale: scale)
        }
        return zip(numbers, (0..<3).flatMap { table.row($0) }).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      }
      let (nearest, largest) = (try loss(.nearest), try loss(.largest))
      #expect(nearest <= largest * 1.0001)
      if columns == 512 { #expect(nearest < 0.8 * largest) }
      let row = Array(numbers[..<columns])
      var rounded = [Float](repeating: 0, count: columns)
      let (scale, sum) = row.withUnsafeBufferPointer { row in
        let scale = FourBitTable.nearestScale(of: row)
        return (scale, FourBitTable.round(row.baseAddress, scale: scale, count: columns, into: &rounded))
      }
      let table = try row.withUnsafeBufferPointer {
        try FourBitTable.quantize($0, rows: 1, columns: columns, scale: .nearest)
      }
      #expect(table.scales[0] == scale && zip(rounded, table.row(0)).allSatisfy { abs($0 - $1) < 1e-5 * scale })
      let expected = zip(row, rounded).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      #expect(abs(sum - expected) <= 1e-3 * expected)
    }
  }
}
