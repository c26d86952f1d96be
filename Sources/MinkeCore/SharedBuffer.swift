/// Elements that many may read at once and nobody writes any more: in a mapped file, or in memory of our own.
///
/// A copy shares the elements and keeps them alive.
public struct SharedBuffer<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
  // SAFETY of @unchecked: the elements are never written after the buffer is made, and `owner` keeps them alive.
  @usableFromInline let owner: AnyObject
  /// The elements; valid as long as the buffer lives.
  @usableFromInline package let pointer: UnsafeBufferPointer<Element>

  @inlinable public var count: Int { pointer.count }
  package var baseAddress: UnsafePointer<Element>? { pointer.baseAddress }

  /// `bytes` of a mapped file, seen as elements. Their start must be aligned for `Element`.
  package init(_ bytes: UnsafeRawBufferPointer, of file: MappedFile) {
    precondition(UInt(bitPattern: bytes.baseAddress) % UInt(MemoryLayout<Element>.alignment) == 0)
    precondition(bytes.count % MemoryLayout<Element>.stride == 0)
    owner = file
    pointer = bytes.bindMemory(to: Element.self)
  }

  /// `bytes` that lie inside `whole`, seen as elements. Their start must be aligned for `Element`.
  package init(_ bytes: UnsafeRawBufferPointer, within whole: SharedBuffer<UInt8>) {
    precondition(UInt(bitPattern: bytes.baseAddress) % UInt(MemoryLayout<Element>.alignment) == 0)
    precondition(bytes.count % MemoryLayout<Element>.stride == 0)
    owner = whole.owner
    pointer = bytes.bindMemory(to: Element.self)
  }

  /// A copy of `elements` in memory of our own.
  package init(copying elements: UnsafeBufferPointer<Element>) {
    let buffer = AlignedBuffer<Element>(uninitialized: elements.count)
    _ = buffer.mutablePointer.initialize(fromContentsOf: elements)
    self.init(buffer)
  }

  /// A copy of `elements` in memory of our own.
  public init(_ elements: [Element]) {
    self = elements.withUnsafeBufferPointer { SharedBuffer(copying: $0) }
  }

  /// Takes over `buffer`, whose elements must all have been written.
  package init(_ buffer: AlignedBuffer<Element>) {
    pointer = buffer.pointer
    owner = buffer
  }

  /// One element.
  @inlinable public subscript(index: Int) -> Element {
    precondition(index >= 0 && index < pointer.count, "element \(index) of \(pointer.count)")
    return withExtendedLifetime(owner) { pointer[index] }
  }

  /// A copy of the elements.
  public func copied() -> [Element] { withExtendedLifetime(owner) { Array(pointer) } }
}

extension SharedBuffer<Float> {
  /// The elements in rows of `columns`; valid as long as the buffer lives.
  package func rows(of columns: Int) -> MatrixView {
    precondition(columns > 0 && count.isMultiple(of: columns), "\(count) numbers in rows of \(columns)")
    guard let start = baseAddress else { return MatrixView(nothing.baseAddress, rows: 0, columns: columns) }
    return MatrixView(start, rows: count / columns, columns: columns)
  }
}

/// What rows of nothing point to.
private let nothing = AlignedBuffer<Float>(zeroed: 0)
