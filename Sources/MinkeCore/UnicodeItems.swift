extension StaticString {
  /// Calls `body` for each item `first-last/step=image+image` of a table of scalars: hexadecimal numbers, spaces between
  /// the items.
  package func forEachUnicodeItem(_ body: (ClosedRange<UInt32>, Int, [UInt32]) -> Void) {
    withUTF8Buffer { text in
      var numbers: [UInt32] = []
      var number: UInt32 = 0
      var last: UInt32?
      var step = 1
      var images: [UInt32] = []
      var separator: UInt8 = 0
      func endNumber() {
        switch separator {
        case UInt8(ascii: "-"): last = number
        case UInt8(ascii: "/"): step = Int(number)
        case UInt8(ascii: "="), UInt8(ascii: "+"): images.append(number)
        default: numbers = [number]
        }
        number = 0
      }
      for byte in text {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number << 4 | UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): number = number << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: " "):
          endNumber()
          body(numbers[0]...(last ?? numbers[0]), step, images)
          (last, step, separator) = (nil, 1, 0)
          images.removeAll(keepingCapacity: true)
        default:
          endNumber()
          separator = byte
        }
      }
      endNumber()
      body(numbers[0]...(last ?? numbers[0]), step, images)
    }
  }
}
