import MinkeCore
import Testing

@testable import MinkeCheckpoints

/// Runs `body` and gives the ``MinkeError`` it throws; throwing nothing, or anything else, fails the test.
func minkeError(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) throws -> MinkeError {
  let error = #expect(throws: MinkeError.self, sourceLocation: sourceLocation) { try body() }
  return try #require(error, sourceLocation: sourceLocation)
}

/// The bytes of `elements` as they lie in memory.
func bytes<Element: BitwiseCopyable>(_ elements: [Element]) -> [UInt8] {
  elements.withUnsafeBytes { Array($0) }
}

func shared(_ bytes: [UInt8]) -> SharedBuffer<UInt8> {
  bytes.withUnsafeBufferPointer { SharedBuffer(copying: $0) }
}

extension Checkpoint {
  init(_ bytes: [UInt8]) throws {
    self = try bytes.withUnsafeBytes { try Checkpoint(bytes: $0, named: "test") }
  }
}

extension NumPyArray {
  init(_ bytes: [UInt8]) throws {
    self = try bytes.withUnsafeBytes { try NumPyArray(bytes: $0, named: "test") }
  }
}

extension SharedBuffer {
  var array: [Element] { Array(pointer) }
}
