/// How precisely the weights of a model are held.
public enum Precision: String, CaseIterable, Codable, Sendable {
  /// Numbers of 32 bits, as trained.
  case float32
  /// 8 bits a weight and one scale a row; a quarter of the memory.
  case int8
  /// 4 bits a weight and a float16 scale and minimum for each 32; in static embeddings one scale a row.
  case fourBit = "4bit"
}
