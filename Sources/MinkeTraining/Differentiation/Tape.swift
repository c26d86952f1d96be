import MinkeCore
import MinkeKernels

/// What a computation did, so that gradients can go back through it (reverse-mode differentiation).
///
/// Operations are its methods, in files of their own: each computes its value at once and records how the gradient of
/// its result becomes gradients of what went in. All memory of a step comes out of one arena that ``reset()`` hands out
/// anew, so that a step of training allocates nothing once the first has run. Every sum has a fixed order, so no number
/// depends on how many threads work.
package final class Tape {
  package let level: KernelLevel
  let products: MatrixProducts
  let kernels: minke_training_kernels
  let backwards: minke_backward_kernels
  let pooling: minke_pooling_kernels
  private let arena = Arena()
  private var steps: [() -> Void] = []
  /// Whether operations record their way back; without, only values are computed.
  package var isRecording = true

  package init(kernels level: KernelLevel = .active) {
    self.level = level
    products = MatrixProducts(level)
    kernels = minke_training(level.rawLevel).pointee
    backwards = minke_backward(level.rawLevel).pointee
    pooling = minke_pooling(level.rawLevel).pointee
  }

  /// Memory for `[rows, columns]` numbers, arbitrary until they are written; valid until ``reset()``.
  package func matrix(_ rows: Int, _ columns: Int) -> MutableMatrixView {
    MutableMatrixView(arena.take(rows * columns), rows: rows, columns: columns)
  }

  /// The same, filled with 0.
  package func zeros(_ rows: Int, _ columns: Int) -> MutableMatrixView {
    let matrix = matrix(rows, columns)
    matrix.fillAll(0)
    return matrix
  }

  /// A result to be computed, `[rows, columns]`.
  ///
  /// - Parameter inputs: what it is made of; where none of them needs a gradient, nor does it.
  package func result(_ rows: Int, _ columns: Int, of inputs: [Variable]) -> Variable {
    Variable(matrix(rows, columns), on: self, needsGradient: inputs.contains(where: \.needsGradient))
  }

  /// Numbers that no gradient is asked for.
  package func constant(_ value: MatrixView) -> Variable {
    Variable(
      MutableMatrixView(
        UnsafeMutablePointer(mutating: value.start), rows: value.rows, columns: value.columns, stride: value.stride),
      on: self, needsGradient: false)
  }

  /// Numbers of one's own that a gradient is asked for: the start of a part of the computation.
  package func leaf(_ value: MutableMatrixView) -> Variable { Variable(value, on: self, needsGradient: true) }

  /// Records how the gradient of `result` goes on; passed over where nothing needs it.
  func record(_ result: Variable, _ step: @escaping () -> Void) {
    guard isRecording, result.needsGradient else { return }
    steps.append {
      // What nobody used has no gradient to pass on.
      if result.hasGradient { step() }
    }
  }

  /// Calls `body` with ``isRecording`` off.
  package func withoutRecording(_ body: () -> Void) {
    let before = isRecording
    isRecording = false
    defer { isRecording = before }
    body()
  }

  /// Runs everything back from `loss`, one number.
  package func backward(from loss: Variable) {
    precondition(loss.rows == 1 && loss.columns == 1)
    loss.gradient[0, 0] = 1
    backward()
  }

  /// Runs everything back from the gradients that were set.
  package func backward() {
    while let step = steps.popLast() { step() }
  }

  /// Forgets all that was computed; its memory is used again.
  package func reset() {
    steps.removeAll(keepingCapacity: true)
    arena.reset()
  }

  /// Bytes that the arena holds, the most that a step has needed so far.
  package var byteCount: Int { arena.byteCount }
}

/// Numbers that a computation made or was given, and their gradient.
package class Variable {
  /// `[rows, columns]`
  package let value: MutableMatrixView
  package let needsGradient: Bool
  private var memory: MutableMatrixView?
  private unowned let tape: Tape?

  init(_ value: MutableMatrixView, on tape: Tape?, needsGradient: Bool) {
    self.value = value
    self.tape = tape
    self.needsGradient = needsGradient
  }

  package var rows: Int { value.rows }
  package var columns: Int { value.columns }
  var hasGradient: Bool { memory != nil }

  /// What the loss changes by with each number, of the shape of ``value``; 0 until something adds to it.
  package var gradient: MutableMatrixView {
    let (gradient, isNew) = gradientToFill()
    if isNew { gradient.fillAll(0) }
    return gradient
  }

  /// The gradient, and whether it is new: then whatever is in it must be overwritten instead of added to.
  func gradientToFill() -> (gradient: MutableMatrixView, isNew: Bool) {
    if let memory { return (memory, false) }
    guard let tape else { preconditionFailure("a gradient outside a tape") }
    let new = tape.matrix(value.rows, value.columns)
    memory = new
    return (new, true)
  }

  /// Takes over memory that is the gradient from now on.
  fileprivate func adopt(_ gradient: MutableMatrixView) { memory = gradient }

  /// Takes over the gradient of `result`, which is not asked for again, where there is none yet.
  func adopts(gradientOf result: Variable) -> Bool {
    guard memory == nil else { return false }
    memory = result.memory
    return true
  }
}

/// Numbers that training changes: a tensor of a model.
package final class Parameter: Variable {
  /// What the file of the model calls it.
  package let name: String
  /// The shape in the file; ``value`` is `[shape[0], the rest]`, or one row.
  package let shape: [Int]
  /// How training treats it.
  package let treatment: Treatment
  /// For a table: which rows have a gradient that may not be 0, ascending; nil for all.
  package internal(set) var touched: [Int32]?
  /// For a table: called with the rows, ascending, that are about to be read, so that an optimiser that left them
  /// behind brings them up to date.
  var onRead: (([Int32]) -> Void)?
  private let memory: Matrix
  private let gradientMemory: Matrix

  /// How the optimiser treats a parameter.
  package struct Treatment: Sendable, Equatable {
    /// What the learning rate is multiplied with.
    package var rateFactor: Double
    /// Whether weights decay.
    package var decays: Bool
    /// A table of which a step touches few rows.
    package var isTable: Bool

    package init(rateFactor: Double = 1, decays: Bool = true, isTable: Bool = false) {
      self.rateFactor = rateFactor
      self.decays = decays
      self.isTable = isTable
    }
  }

  /// The parameter of `numbers`, which fill `shape`.
  package init(_ name: String, shape: [Int], _ numbers: [Float], _ treatment: Treatment = Treatment()) {
    precondition(numbers.count == shape.reduce(1, *) && !numbers.isEmpty)
    let columns = shape.count < 2 ? numbers.count : shape.dropFirst().reduce(1, *)
    memory = Matrix(numbers, columns: columns)
    gradientMemory = Matrix(rows: memory.rows, columns: columns)
    self.name = name
    self.shape = shape
    self.treatment = treatment
    touched = treatment.isTable ? [] : nil
    super.init(memory.view, on: nil, needsGradient: true)
    gradientMemory.view.fillAll(0)
    adopt(gradientMemory.view)
  }

  /// All numbers, in the order of ``shape``.
  package func copied() -> [Float] { memory.copied() }

  /// Sets the gradient to 0 where it is not.
  package func clearGradient() {
    guard touched != nil else { return gradient.fillAll(0) }
    for row in touched ?? [] { gradient.row(Int(row)).fill(0) }
    touched = []
  }

  /// Adds to the list of the rows that a gradient was added to; `rows` ascend.
  func touch(_ rows: [Int32]) {
    guard let known = touched, !rows.isEmpty else { return }
    if known.isEmpty { return touched = rows }
    var merged: [Int32] = []
    merged.reserveCapacity(known.count + rows.count)
    var (left, right) = (0, 0)
    while left < known.count || right < rows.count {
      let next =
        right == rows.count || (left < known.count && known[left] <= rows[right]) ? known[left] : rows[right]
      if left < known.count, known[left] == next { left += 1 }
      if right < rows.count, rows[right] == next { right += 1 }
      merged.append(next)
    }
    touched = merged
  }
}

/// Memory handed out piece after piece and taken back all at once.
private final class Arena {
  private var blocks: [AlignedBuffer<Float>] = []
  private var used = 0

  var byteCount: Int { blocks.reduce(0) { $0 + $1.count * 4 } }

  func take(_ count: Int) -> UnsafeMutablePointer<Float> {
    // Cache lines of their own, so that threads do not write to one another's.
    let count = (count + 15) / 16 * 16
    if let last = blocks.last, used + count <= last.count {
      defer { used += count }
      return last.baseAddress + used
    }
    let block = AlignedBuffer<Float>(uninitialized: max(count, 1 << 20, blocks.reduce(0) { $0 + $1.count } / 2))
    blocks.append(block)
    used = count
    return block.baseAddress
  }

  func reset() {
    // One block next time, large enough for all of what this time took.
    if blocks.count > 1 {
      let total = blocks.reduce(0) { $0 + $1.count }
      blocks = []
      blocks = [AlignedBuffer<Float>(uninitialized: total)]
    }
    used = 0
  }
}
