/// Elements that many may read at once and nobody writes any more: in a mapped file, or in memory of our own.
///
/// A copy shares the elements and keeps them alive.
public struct SharedBuffer<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
  // SAFETY of @unchecked: the elements are never written after the buffer is made, and `owner` keeps them alive.
  private let owner: AnyObject
  public let pointer: UnsafeBufferPointer<Element>

  public var count: Int { pointer.count }
  public var baseAddress: UnsafePointer<Element>? { pointer.baseAddress }

  /// `bytes` of a mapped file, seen as elements. Their start must be aligned for `Element`.
  public init(_ bytes: UnsafeRawBufferPointer, of file: MappedFile) {
    precondition(UInt(bitPattern: bytes.baseAddress) % UInt(MemoryLayout<Element>.alignment) == 0)
    precondition(bytes.count % MemoryLayout<Element>.stride == 0)
    owner = file
    pointer = bytes.bindMemory(to: Element.self)
  }

  /// `bytes` that lie inside `whole`, seen as elements. Their start must be aligned for `Element`.
  public init(_ bytes: UnsafeRawBufferPointer, within whole: SharedBuffer<UInt8>) {
    precondition(UInt(bitPattern: bytes.baseAddress) % UInt(MemoryLayout<Element>.alignment) == 0)
    precondition(bytes.count % MemoryLayout<Element>.stride == 0)
    owner = whole.owner
    pointer = bytes.bindMemory(to: Element.self)
  }

  /// A copy of `elements` in memory of our own.
  public init(copying elements: UnsafeBufferPointer<Element>) {
    let buffer = AlignedBuffer<Element>(uninitialized: elements.count)
    _ = buffer.mutablePointer.initialize(fromContentsOf: elements)
    self.init(buffer)
  }

  /// Takes over `buffer`, whose elements must all have been written.
  public init(_ buffer: AlignedBuffer<Element>) {
    pointer = buffer.pointer
    owner = buffer
  }

  public subscript(index: Int) -> Element { pointer[index] }

  /// A copy of the elements.
  public func copied() -> [Element] { withExtendedLifetime(owner) { Array(pointer) } }
}
