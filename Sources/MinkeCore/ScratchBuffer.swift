/// Memory of one thread that is made anew when more is asked for.
// SAFETY of @unchecked: in use by one thread at a time.
package final class ScratchBuffer: @unchecked Sendable {
  private var buffer = AlignedBuffer<Float>(uninitialized: 0)

  package init() {}

  /// Room for `count` numbers; what was there before is lost.
  package func memory(_ count: Int) -> UnsafeMutablePointer<Float> {
    if buffer.count < count { buffer = AlignedBuffer(uninitialized: count) }
    return buffer.baseAddress
  }
}
