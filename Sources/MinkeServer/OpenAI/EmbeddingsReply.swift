import MinkeCore
import NIOCore

/// Vectors as the response to a request for embeddings.
struct EmbeddingsReply: Sendable {
  let vectors: Embeddings
  let tokens: Int
  let model: String
  let encoding: EmbeddingsRequest.Encoding
  let type: EmbeddingsRequest.OutputType

  /// The response's JSON text.
  ///
  /// - Throws: `MinkeError` when the vectors cannot be packed.
  func text() throws -> ByteBuffer {
    var buffer = ByteBuffer()
    let each = encoding == .base64 ? vectors.dimension * 6 : vectors.dimension * 12
    buffer.reserveCapacity(256 + vectors.count * (each + 64))
    buffer.writeString("{\"object\":\"list\",\"data\":[")
    switch type {
    case .float:
      if let floats = vectors.floats {
        floats.withUnsafeBufferPointer { floats in
          writeRows(into: &buffer) { row, buffer in
            let numbers = UnsafeBufferPointer(rebasing: floats[row * vectors.dimension..<(row + 1) * vectors.dimension])
            if encoding == .base64 {
              writeQuoted(UnsafeRawBufferPointer(numbers), into: &buffer)
            } else {
              buffer.writeString("[")
              buffer.writeNumbers(numbers)
              buffer.writeString("]")
            }
          }
        }
      }
    case .int8: writeRows(into: &buffer) { write(scaled(vectors[$0]), into: &$1) }
    case .uint8:
      writeRows(into: &buffer) { write(scaled(vectors[$0]).map { UInt8(Int($0) + 128) }, into: &$1) }
    case .binary, .ubinary:
      guard let bits = try vectors.binarized().packedBits else { break }
      let width = vectors.dimension / 8
      writeRows(into: &buffer) { row, buffer in
        let packed = Array(bits[row * width..<(row + 1) * width])
        if type == .ubinary {
          write(packed, into: &buffer)
        } else {
          write(packed.map { Int8(Int($0) - 128) }, into: &buffer)
        }
      }
    }
    buffer.writeString("],\"model\":")
    var name = ""
    JSONValue.write(model, to: &name)
    buffer.writeString(name)
    buffer.writeString(",\"usage\":{\"prompt_tokens\":\(tokens),\"total_tokens\":\(tokens)}}")
    return buffer
  }

  private func writeRows(
    into buffer: inout ByteBuffer, _ write: (Int, inout ByteBuffer) -> Void
  ) {
    for row in 0..<vectors.count {
      buffer.writeString(row == 0 ? "{\"object\":\"embedding\",\"index\":" : ",{\"object\":\"embedding\",\"index\":")
      buffer.writeString(String(row))
      buffer.writeString(",\"embedding\":")
      write(row, &buffer)
      buffer.writeString("}")
    }
  }

  private func writeQuoted(_ bytes: UnsafeRawBufferPointer, into buffer: inout ByteBuffer) {
    buffer.writeString("\"")
    buffer.writeBase64(bytes)
    buffer.writeString("\"")
  }

  private func write<Number: FixedWidthInteger & BitwiseCopyable>(_ numbers: [Number], into buffer: inout ByteBuffer) {
    if encoding == .base64 {
      numbers.withUnsafeBytes { writeQuoted($0, into: &buffer) }
    } else {
      buffer.writeString("[" + numbers.map { String($0) }.joined(separator: ",") + "]")
    }
  }

  /// -127 to 127, the largest number being there.
  private func scaled(_ row: [Float]) -> [Int8] {
    let largest = row.reduce(Float(0)) { max($0, abs($1)) }
    guard largest > 0 else { return row.map { _ in 0 } }
    return row.map { Int8(($0 / largest * 127).rounded(.toNearestOrEven)) }
  }
}
