/// How precisely the weights of a model are held and multiplied.
public enum Precision: String, CaseIterable, Codable, Sendable {
  /// Numbers of 32 bits, as trained.
  case float32
  /// Weights of 8 bits with one scale a row, multiplied by activations rounded to 8 bits as they come, a scale and a
  /// zero point each row. A quarter of the memory.
  case int8
}
