#if PostgreSQL
  /// A value on its way to the server, in PostgreSQL's binary form: numbers with their highest byte first.
  struct PostgresParameter: Sendable, Equatable {
    /// The number of the type; 0 where the statement says which it is.
    let type: UInt32
    /// Nil for NULL.
    let bytes: [UInt8]?

    static func integer(_ value: Int64?) -> PostgresParameter {
      PostgresParameter(type: 20, bytes: value.map { [UInt8](bigEndian: $0) })
    }

    static func number(_ value: Double) -> PostgresParameter {
      PostgresParameter(type: 701, bytes: [UInt8](bigEndian: value.bitPattern))
    }

    /// A NUL becomes a space: PostgreSQL's texts hold none.
    static func text(_ value: String) -> PostgresParameter { PostgresParameter(type: 25, bytes: bytes(ofText: value)) }

    private static func bytes(ofText text: String) -> [UInt8] { text.utf8.map { $0 == 0 ? UInt8(ascii: " ") : $0 } }

    static func bytes(_ value: [UInt8]?) -> PostgresParameter { PostgresParameter(type: 17, bytes: value) }

    /// A `vector`, whose type has another number in every database.
    static func vector(_ numbers: ArraySlice<Float>) -> PostgresParameter {
      var bytes: [UInt8] = []
      bytes.append(vector: numbers)
      return PostgresParameter(type: 0, bytes: bytes)
    }

    /// A `bit(n)`, packed as `Embeddings` are.
    static func bits(_ packed: ArraySlice<UInt8>) -> PostgresParameter {
      PostgresParameter(type: 1560, bytes: [UInt8](bigEndian: Int32(packed.count * 8)) + packed)
    }

    // MARK: Arrays

    static func integers(_ values: [Int64?]) -> PostgresParameter {
      array(1016, of: 20, values.map { $0.map { [UInt8](bigEndian: $0) } })
    }

    static func texts(_ values: [String?]) -> PostgresParameter {
      array(1009, of: 25, values.map { $0.map { bytes(ofText: $0) } })
    }

    static func byteStrings(_ values: [[UInt8]?]) -> PostgresParameter { array(1001, of: 17, values) }

    static func booleans(_ values: [Bool]) -> PostgresParameter { array(1000, of: 16, values.map { [$0 ? 1 : 0] }) }

    private static func array(_ type: UInt32, of element: UInt32, _ values: [[UInt8]?]) -> PostgresParameter {
      var bytes: [UInt8] = []
      // Dimensions, whether there are NULLs, the elements' type; then how many there are, counted from 1.
      bytes.append(bigEndian: Int32(values.isEmpty ? 0 : 1))
      bytes.append(bigEndian: Int32(values.contains { $0 == nil } ? 1 : 0))
      bytes.append(bigEndian: element)
      if !values.isEmpty {
        bytes.append(bigEndian: Int32(values.count))
        bytes.append(bigEndian: Int32(1))
      }
      for value in values { bytes.append(field: value) }
      return PostgresParameter(type: type, bytes: bytes)
    }
  }

  extension [UInt8] {
    init(bigEndian value: some FixedWidthInteger) {
      self = []
      append(bigEndian: value)
    }

    mutating func append(bigEndian value: some FixedWidthInteger) {
      Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    /// Appends a value with its length before it; NULL for nil.
    mutating func append(field value: [UInt8]?) {
      append(bigEndian: Int32(value?.count ?? -1))
      if let value { append(contentsOf: value) }
    }

    /// Appends the numbers of a `vector` as pgvector receives it: how many, two bytes of nothing, the numbers.
    mutating func append(vector numbers: ArraySlice<Float>) {
      append(bigEndian: UInt16(numbers.count))
      append(bigEndian: UInt16(0))
      let start = count
      append(contentsOf: repeatElement(0, count: 4 * numbers.count))
      withUnsafeMutableBytes { bytes in
        numbers.withUnsafeBufferPointer { numbers in
          for index in 0..<numbers.count {
            bytes.storeBytes(
              of: numbers[index].bitPattern.bigEndian, toByteOffset: start + 4 * index, as: UInt32.self)
          }
        }
      }
    }
  }

  /// Rows of a table in the binary form of COPY.
  struct CopyRows {
    private(set) var bytes: [UInt8]
    private let columns: Int16

    init(columns: Int) {
      self.columns = Int16(columns)
      // The signature, no flags, no extension of the header.
      bytes = Array("PGCOPY\n".utf8) + [0xff, 0x0d, 0x0a, 0] + [UInt8](repeating: 0, count: 8)
    }

    /// Begins a row, whose values come next.
    mutating func beginRow() { bytes.append(bigEndian: columns) }

    mutating func add(_ value: Int64?) { bytes.append(field: value.map { [UInt8](bigEndian: $0) }) }

    mutating func add(_ value: String?) {
      guard var value else { return bytes.append(bigEndian: Int32(-1)) }
      value.withUTF8 { text in
        bytes.append(bigEndian: Int32(text.count))
        bytes.append(contentsOf: text)
      }
    }

    mutating func add(_ value: UnsafeBufferPointer<UInt8>) {
      bytes.append(bigEndian: Int32(value.count))
      bytes.append(contentsOf: value)
    }

    mutating func add(vector numbers: ArraySlice<Float>) {
      bytes.append(bigEndian: Int32(4 + 4 * numbers.count))
      bytes.append(vector: numbers)
    }

    mutating func add(bits packed: ArraySlice<UInt8>) {
      bytes.append(bigEndian: Int32(4 + packed.count))
      bytes.append(bigEndian: Int32(packed.count * 8))
      bytes.append(contentsOf: packed)
    }

    /// Takes out the bytes of the rows so far, where they are many.
    mutating func takeMany() -> [UInt8]? {
      guard bytes.count >= 1 << 20 else { return nil }
      defer { bytes.removeAll(keepingCapacity: true) }
      return bytes
    }

    /// Takes out the last bytes, with the mark of the end.
    mutating func takeLast() -> [UInt8] {
      bytes.append(bigEndian: Int16(-1))
      defer { bytes = [] }
      return bytes
    }
  }
#endif
