#if PostgreSQL
  import Testing

  @testable import MinkePostgres

  @Suite struct EncodingTests {
    @Test func numbersAreBigEndian() {
      #expect(PostgresParameter.integer(258).bytes == [0, 0, 0, 0, 0, 0, 1, 2])
      #expect(PostgresParameter.integer(-1).bytes == [UInt8](repeating: 0xff, count: 8))
      #expect(PostgresParameter.integer(nil).bytes == nil)
      #expect(PostgresParameter.number(1).bytes == [0x3f, 0xf0, 0, 0, 0, 0, 0, 0])
      #expect(PostgresParameter.text("é\0").bytes == [0xc3, 0xa9, 0x20])
    }

    @Test func vectorsAndBitsHaveTheirLengthBefore() {
      #expect(
        PostgresParameter.vector([9, 1, -2][1...]).bytes == [0, 2, 0, 0, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0])
      #expect(PostgresParameter.bits([0xa5, 1]).bytes == [0, 0, 0, 16, 0xa5, 1])
    }

    @Test func arraysHoldNulls() {
      #expect(PostgresParameter.integers([]).bytes == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20])
      #expect(
        PostgresParameter.texts(["a", nil]).bytes == [
          0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0x61, 0xff, 0xff, 0xff, 0xff,
        ])
    }

    @Test func rowsAreThoseOfBinaryCopy() {
      var rows = CopyRows(columns: 2)
      rows.beginRow()
      rows.add(Int64(7))
      rows.add(nil as String?)
      rows.beginRow()
      rows.add("x")
      rows.add(bits: [0xff])
      #expect(rows.takeMany() == nil)
      #expect(
        rows.takeLast() == [
          0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0,
          0, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff,
          0, 2, 0, 0, 0, 1, 0x78, 0, 0, 0, 5, 0, 0, 0, 8, 0xff,
          0xff, 0xff,
        ])
    }

    @Test func manyRowsAreTakenOutInPieces() {
      var rows = CopyRows(columns: 1)
      var bytes: [UInt8] = []
      for number in 0..<100_000 {
        rows.beginRow()
        rows.add(Int64(number))
        if let some = rows.takeMany() { bytes += some }
      }
      #expect(bytes.count >= 1 << 20)
      bytes += rows.takeLast()
      #expect(bytes.count == 19 + 100_000 * 14 + 2)
    }
  }
#endif
