/// What the elements of a tensor are, by the names that safetensors gives them. All are little-endian.
public enum ElementType: String, CaseIterable, Sendable {
  // In the order in which safetensors ranks them: its files hold the tensors of the last type first.
  case bool = "BOOL"
  case uint8 = "U8"
  case int8 = "I8"
  case int16 = "I16"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int32 = "I32"
  case float32 = "F32"
  case float64 = "F64"
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
