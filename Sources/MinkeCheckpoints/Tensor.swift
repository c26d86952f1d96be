import MinkeCore

/// One array of numbers with a name and a shape, in a mapped file or in memory of its own.
///
/// Its elements are read, and turned into the type asked for, when they are asked for.
public struct Tensor: Sendable {
  /// What the file calls the tensor.
  public let name: String
  /// How its elements are stored.
  public let elementType: ElementType
  /// The length of each axis, outermost first; empty for a single number.
  public let shape: [Int]
  /// The number of elements.
  public let count: Int
  private let file: String?
  /// The bytes from the first element to the last.
  private let storage: SharedBuffer<UInt8>
  /// Elements from one index of an axis to the next, where the elements do not simply follow each other.
  private let strides: [Int]?

  /// The tensor that fills `bytes` with `shape` elements in row-major order.
  ///
  /// - Throws: `MinkeError` of kind `shapeMismatch` when the bytes are more or fewer than the shape needs.
  package init(
    name: String, elementType: ElementType, shape: [Int], bytes: SharedBuffer<UInt8>
  ) throws(MinkeError) {
    try self.init(name: name, elementType: elementType, shape: shape, bytes: bytes, file: nil)
  }

  /// A tensor of float32 numbers in row-major order, copied.
  ///
  /// - Throws: `MinkeError` of kind `shapeMismatch` when the numbers are more or fewer than the shape needs.
  public init(name: String, shape: [Int], floats: [Float]) throws(MinkeError) {
    try self.init(name: name, elementType: .float32, shape: shape, bytes: Self.bytes(floats))
  }

  /// A tensor of int64 numbers in row-major order, copied.
  ///
  /// - Throws: `MinkeError` of kind `shapeMismatch` when the numbers are more or fewer than the shape needs.
  public init(name: String, shape: [Int], integers: [Int]) throws(MinkeError) {
    try self.init(name: name, elementType: .int64, shape: shape, bytes: Self.bytes(integers.map(Int64.init)))
  }

  init(
    name: String, elementType: ElementType, shape: [Int], bytes: SharedBuffer<UInt8>, file: String?
  ) throws(MinkeError) {
    self.name = name
    self.file = file
    guard let count = Self.elementCount(shape),
      case (let size, false) = count.multipliedReportingOverflow(by: elementType.byteCount), size == bytes.count
    else {
      throw MinkeError(
        .shapeMismatch, Self.subject(name, in: file), expected: "the bytes of \(elementType.rawValue) \(shape)",
        found: "\(bytes.count) bytes")
    }
    self.elementType = elementType
    self.shape = shape
    self.count = count
    storage = bytes
    strides = nil
  }

  /// The view of `storage` that begins at element `offset` and steps `strides` elements along each axis.
  ///
  /// - Throws: `MinkeError` of kind `malformedFile` when the view reaches outside the storage.
  init(
    name: String, elementType: ElementType, shape: [Int], strides: [Int], offset: Int, storage: SharedBuffer<UInt8>,
    file: String
  ) throws(MinkeError) {
    self.name = name
    self.file = file
    let available = storage.count / elementType.byteCount
    guard let count = Self.elementCount(shape), let extent = Self.extent(shape, strides), offset >= 0,
      case (let end, false) = offset.addingReportingOverflow(extent), end <= available
    else {
      throw MinkeError(
        .malformedFile, Self.subject(name, in: file), expected: "a view inside its storage of \(available) elements",
        found: "shape \(shape), strides \(strides), offset \(offset)")
    }
    // A view that repeats its elements may be far larger than its file; only small ones are of use.
    guard count <= max(available, Self.repeatedElementLimit) else {
      throw MinkeError(
        .unsupportedFile, Self.subject(name, in: file),
        expected: "at most \(Self.repeatedElementLimit) repeated elements",
        found: "\(count) elements in a storage of \(available)")
    }
    self.elementType = elementType
    self.shape = shape
    self.count = count
    let range = offset * elementType.byteCount..<end * elementType.byteCount
    self.storage = SharedBuffer(
      UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(storage.pointer)[range]), within: storage)
    self.strides = Self.isRowMajor(shape, strides) || count == 0 ? nil : strides
  }

  /// The tensor in error texts: its file, if it has one, and its name.
  var subject: String { Self.subject(name, in: file) }

  /// The elements as they are in the file, in row-major order. Nothing is copied unless the tensor is a view with gaps.
  package func bytes() -> SharedBuffer<UInt8> {
    guard let strides else { return storage }
    let size = elementType.byteCount
    let result = AlignedBuffer<UInt8>(uninitialized: count * size)
    guard let source = storage.baseAddress else { return storage }
    var index = [Int](repeating: 0, count: shape.count)
    var from = 0
    for element in 0..<count {
      (result.baseAddress + element * size).update(from: source + from * size, count: size)
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        from += strides[axis]
        if index[axis] < shape[axis] { break }
        from -= strides[axis] * shape[axis]
        index[axis] = 0
        axis -= 1
      }
    }
    return SharedBuffer(result)
  }

  /// Throws unless the tensor has the shape `expected`, in which nil stands for any length.
  ///
  /// - Throws: `MinkeError` of kind `shapeMismatch`.
  package func checkShape(_ expected: [Int?]) throws(MinkeError) {
    if shape.count == expected.count, zip(shape, expected).allSatisfy({ $1 == nil || $0 == $1 }) { return }
    let text = expected.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
    throw MinkeError(.shapeMismatch, subject, expected: "shape [\(text)]", found: "shape \(shape)")
  }

  // MARK: Arithmetic of shapes

  private static var repeatedElementLimit: Int { 1 << 20 }

  static func subject(_ name: String, in file: String?) -> String {
    let tensor = "tensor \"\(name)\""
    return file.map { "\($0): \(tensor)" } ?? tensor
  }

  /// The product of the axes; nil when one is negative or the product does not fit.
  static func elementCount(_ shape: [Int]) -> Int? {
    // With a zero among the axes the product is 0, however large the others are.
    if shape.contains(where: { $0 < 0 }) { return nil }
    if shape.contains(0) { return 0 }
    var count = 1
    for length in shape {
      guard case (let product, false) = count.multipliedReportingOverflow(by: length) else { return nil }
      count = product
    }
    return count
  }

  /// Elements from the first to the last of a view, both included; nil when it makes no sense or does not fit.
  private static func extent(_ shape: [Int], _ strides: [Int]) -> Int? {
    guard shape.count == strides.count, strides.allSatisfy({ $0 >= 0 }) else { return nil }
    if shape.contains(0) { return 0 }
    var extent = 1
    for (length, stride) in zip(shape, strides) {
      guard case (let step, false) = (length - 1).multipliedReportingOverflow(by: stride),
        case (let sum, false) = extent.addingReportingOverflow(step)
      else { return nil }
      extent = sum
    }
    return extent
  }

  private static func isRowMajor(_ shape: [Int], _ strides: [Int]) -> Bool {
    var expected = 1
    for (length, stride) in zip(shape, strides).reversed() where length != 1 {
      if stride != expected { return false }
      expected *= length
    }
    return true
  }

  private static func bytes<Element: BitwiseCopyable & Sendable>(_ elements: [Element]) -> SharedBuffer<UInt8> {
    elements.withUnsafeBytes { SharedBuffer(copying: $0.bindMemory(to: UInt8.self)) }
  }
}
