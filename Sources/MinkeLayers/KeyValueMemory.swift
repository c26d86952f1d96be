import MinkeCore

/// The keys and values of a sequence's positions in one layer, packed as the matrix products of attention want them;
/// one key and one value a position.
// SAFETY of @unchecked: whoever writes says that nobody else uses it. Pieces of a loop may store positions of their own.
package final class KeyValueMemory: @unchecked Sendable {
  /// Numbers of a key and of a value.
  package let width: Int
  /// Positions that there is room for.
  package private(set) var capacity = 0
  /// In panels of 32 positions, `[capacity / 32, width, 32]`: the positions are the columns of the scores.
  private var keys = AlignedBuffer<Float>(zeroed: 0)
  /// In panels of 32 numbers, `[width / 32, capacity, 32]`.
  private var values = AlignedBuffer<Float>(zeroed: 0)

  private static var panel: Int { MatrixProduct.panel }
  private var valuePanels: Int { (width + Self.panel - 1) / Self.panel }

  package init(width: Int) { self.width = width }

  /// A memory of its own with the first `count` positions.
  package func copy(keeping count: Int) -> KeyValueMemory {
    let copy = KeyValueMemory(width: width)
    copy.take(from: self, capacity: (count + Self.panel - 1) / Self.panel * Self.panel)
    return copy
  }

  /// Makes room for `count` positions in all.
  package func reserve(_ count: Int) {
    guard count > capacity else { return }
    take(from: self, capacity: (max(count, capacity * 3 / 2) + Self.panel - 1) / Self.panel * Self.panel)
  }

  private func take(from other: KeyValueMemory, capacity newCapacity: Int) {
    let panel = Self.panel
    let kept = min(other.capacity, newCapacity)
    let newKeys = AlignedBuffer<Float>(zeroed: newCapacity * width)
    newKeys.baseAddress.update(from: other.keys.baseAddress, count: kept * width)
    let newValues = AlignedBuffer<Float>(zeroed: newCapacity * valuePanels * panel)
    for index in 0..<valuePanels {
      (newValues.baseAddress + index * newCapacity * panel).update(
        from: other.values.baseAddress + index * other.capacity * panel, count: kept * panel)
    }
    (keys, values, capacity) = (newKeys, newValues, newCapacity)
  }

  /// Stores the key and the value of `position`, rows of ``width`` numbers.
  package func store(key: MatrixView, value: MatrixView, at position: Int) {
    precondition(position >= 0 && position < capacity, "position \(position) of \(capacity)")
    precondition(key.rows == 1 && key.columns == width && value.rows == 1 && value.columns == width)
    let panel = Self.panel
    let column = keys.baseAddress + position / panel * panel * width + position % panel
    for index in 0..<width { column[index * panel] = key.start[index] }
    for index in 0..<width {
      values.baseAddress[(index / panel * capacity + position) * panel + index % panel] = value.start[index]
    }
  }

  /// Writes the products of the rows of `queries` with the keys of the first positions, as many as `scores` has columns.
  func score(_ queries: MatrixView, into scores: MutableMatrixView, _ product: MatrixProduct) {
    precondition(scores.columns <= capacity)
    product(queries, keys.baseAddress, into: scores)
  }

  /// Writes the sums of the values of the first positions, weighted by each row of `shares`.
  func gather(_ shares: MatrixView, into y: MutableMatrixView, _ product: MatrixProduct) {
    precondition(shares.columns <= capacity && y.columns == width)
    for start in stride(from: 0, to: width, by: Self.panel) {
      product(
        shares, values.baseAddress + start * capacity, into: y.columns(start..<min(width, start + Self.panel)))
    }
  }
}
