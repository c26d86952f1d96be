/// What the elements of a tensor are, by the names that safetensors gives them. All are little-endian.
public enum ElementType: String, CaseIterable, Sendable {
  // In the order in which safetensors ranks them: its files hold the tensors of the last type first.
  /// True or false, a byte each.
  case bool = "BOOL"
  /// Bytes.
  case uint8 = "U8"
  /// Signed bytes.
  case int8 = "I8"
  /// Whole numbers of 16 bits.
  case int16 = "I16"
  /// IEEE 754 numbers of 16 bits.
  case float16 = "F16"
  /// The upper halves of float32 numbers.
  case bfloat16 = "BF16"
  /// Whole numbers of 32 bits.
  case int32 = "I32"
  /// IEEE 754 numbers of 32 bits.
  case float32 = "F32"
  /// IEEE 754 numbers of 64 bits.
  case float64 = "F64"
  /// Whole numbers of 64 bits.
  case int64 = "I64"

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .bool, .uint8, .int8: 1
    case .int16, .float16, .bfloat16: 2
    case .int32, .float32: 4
    case .float64, .int64: 8
    }
  }

  /// Whether the elements are floating-point numbers.
  public var isFloatingPoint: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    case .bool, .uint8, .int8, .int16, .int32, .int64: false
    }
  }
}
