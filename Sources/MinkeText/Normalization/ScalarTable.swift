import MinkeCore

/// A value for every Unicode scalar, in blocks of 256 that are shared where they are alike.
///
/// Tables live as long as the process: they are made once, for static variables.
// SAFETY of @unchecked: what the pointers lead to is never written after the table is made, and never freed.
struct ScalarTable<Value: BitwiseCopyable & Hashable & Sendable>: @unchecked Sendable {
  private let blockNumbers: UnsafePointer<UInt16>
  private let values: UnsafePointer<Value>

  /// - Parameters:
  ///   - value: that of all scalars which `paint` leaves as they are.
  ///   - paint: changes the values of all scalars, by their numbers.
  init(_ value: Value, paint: (inout [Value]) -> Void) {
    var all = [Value](repeating: value, count: 0x11_0000)
    paint(&all)
    var numbers: [ArraySlice<Value>: UInt16] = [:]
    let blocks = UnsafeMutablePointer<UInt16>.allocate(capacity: all.count >> 8)
    var distinct: [ArraySlice<Value>] = []
    for start in stride(from: 0, to: all.count, by: 256) {
      let block = all[start..<start + 256]
      let number = numbers[block] ?? UInt16(distinct.count)
      if Int(number) == distinct.count {
        numbers[block] = number
        distinct.append(block)
      }
      blocks[start >> 8] = number
    }
    let memory = UnsafeMutablePointer<Value>.allocate(capacity: distinct.count << 8)
    for (number, block) in distinct.enumerated() {
      for (index, value) in block.enumerated() { (memory + number << 8 + index).initialize(to: value) }
    }
    blockNumbers = UnsafePointer(blocks)
    values = UnsafePointer(memory)
  }

  /// The value of `scalar`, which is at most 0x10FFFF.
  @inline(__always)
  subscript(scalar: UInt32) -> Value {
    values[Int(blockNumbers[Int(scalar >> 8)]) << 8 | Int(scalar & 0xff)]
  }
}

extension StaticString {
  /// Calls `body` for each scalar of a table of scalars and ranges without images.
  func forEachScalar(_ body: (Int) -> Void) {
    forEachUnicodeItem { range, step, _ in
      for scalar in stride(from: Int(range.lowerBound), through: Int(range.upperBound), by: step) { body(scalar) }
    }
  }
}
