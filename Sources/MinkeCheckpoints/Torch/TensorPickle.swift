import MinkeCore

/// Reads the pickle of a torch archive: dictionaries, lists, numbers, texts and tensors, and nothing else.
///
/// A pickle is a program for a stack machine that may call any Python function. This machine knows only the
/// instructions that tensors need; the few functions they call are known by name and stand for a node, never run.
/// Anything else is an error that names it. Nodes lie in one array and refer to each other by index, so that deep
/// nesting and cycles cost neither stack nor leaks.
struct TensorPickle {
  /// The index of a value in `nodes`.
  typealias Node = Int

  enum Value {
    /// None, a truth value or a floating-point number: what no tensor's place depends on.
    case other
    case integer(Int)
    case text(String)
    case tuple([Node])
    case list([Node])
    case dictionary([(key: Node, value: Node)])
    case function(Function)
    case storage(Storage)
    case tensor(View)
  }

  /// The Python globals that may occur.
  enum Function: Equatable, CustomStringConvertible {
    case orderedDictionary
    case rebuildTensor
    case rebuildParameter
    case storage(ElementType)

    /// Each function under its full name.
    static let named = Dictionary(
      uniqueKeysWithValues: ([orderedDictionary, rebuildTensor, rebuildParameter] + ElementType.allCases.map(storage))
        .map { ($0.description, $0) })

    /// The full name in Python.
    var description: String {
      switch self {
      case .orderedDictionary: "collections.OrderedDict"
      case .rebuildTensor: "torch._utils._rebuild_tensor_v2"
      case .rebuildParameter: "torch._utils._rebuild_parameter"
      case .storage(let type): "torch.\(type.torchStorageName)"
      }
    }
  }

  struct Storage {
    /// The name of the archive's entry with the elements, below `data/`.
    var key: String
    var elementType: ElementType
    var count: Int
  }

  struct View {
    var storage: Storage
    var offset: Int
    var shape: [Int]
    var strides: [Int]
  }

  private(set) var nodes: [Value] = []

  private let bytes: UnsafeRawBufferPointer
  private let subject: String
  private var position = 0
  private var stack: [Node] = []
  /// The height of the stack at each MARK not yet consumed.
  private var marks: [Int] = []
  private var memo: [Int: Node] = [:]

  /// Values made, held on the stack or remembered: far more than the pickles of real models need.
  private static let nodeLimit = 1 << 20
  private static let markLimit = 1000

  /// Runs the pickle `bytes` and gives its nodes and the one that is its result.
  static func read(
    _ bytes: UnsafeRawBufferPointer, subject: String
  ) throws(MinkeError) -> (nodes: [Value], root: Node) {
    var machine = TensorPickle(bytes: bytes, subject: subject)
    let root = try machine.run()
    return (machine.nodes, root)
  }

  private init(bytes: UnsafeRawBufferPointer, subject: String) {
    self.bytes = bytes
    self.subject = subject
  }

  // MARK: Instructions

  private mutating func run() throws(MinkeError) -> Node {
    while true {
      let opcode = try readByte()
      switch Unicode.Scalar(opcode) {
      case ".": return try pop()
      case "\u{80}":
        let version = try readByte()
        guard (2...5).contains(version) else {
          throw error(.unsupportedFile, "pickle protocol 2 to 5", found: "\(version)")
        }
      case "\u{95}": _ = try read(8)
      case "(":
        if marks.count == Self.markLimit {
          throw error(.malformedFile, "at most \(Self.markLimit) levels of nesting", found: "more")
        }
        marks.append(stack.count)
      case "N", "\u{88}", "\u{89}": try push(.other)
      case "G":
        _ = try read(8)
        try push(.other)
      case "K": try push(.integer(Int(try readByte())))
      case "M": try push(.integer(Int(try readInteger(UInt16.self))))
      case "J": try push(.integer(Int(try readInteger(Int32.self))))
      case "\u{8a}": try push(.integer(try readLong()))
      case "X": try push(.text(try readText(Int(try readInteger(UInt32.self)))))
      case "\u{8c}": try push(.text(try readText(Int(try readByte()))))
      case ")": try push(.tuple([]))
      case "\u{85}": try push(.tuple(try pop(1)))
      case "\u{86}": try push(.tuple(try pop(2)))
      case "\u{87}": try push(.tuple(try pop(3)))
      case "t": try push(.tuple(try popToMark()))
      case "]": try push(.list([]))
      case "a": try append(try pop(1))
      case "e": try append(try popToMark())
      case "}": try push(.dictionary([]))
      case "s": try setItems(try pop(2))
      case "u": try setItems(try popToMark())
      case "q": try remember(Int(try readByte()))
      case "r": try remember(Int(try readInteger(UInt32.self)))
      case "\u{94}": try remember(memo.count)
      case "h": try recall(Int(try readByte()))
      case "j": try recall(Int(try readInteger(UInt32.self)))
      case "c": try pushFunction(module: try readLine(), name: try readLine())
      case "\u{93}":
        let names = try pop(2)
        guard case .text(let module) = nodes[names[0]], case .text(let name) = nodes[names[1]] else {
          throw error(.malformedFile, "the names of a module and a global", found: "other values")
        }
        try pushFunction(module: module, name: name)
      case "Q": try push(.storage(try storage(try pop())))
      case "R":
        let operands = try pop(2)
        try call(operands[0], arguments: operands[1])
      case "b":
        // The state of an OrderedDict is what torch keeps beside a state dict, such as the versions of its modules.
        let state = try pop()
        guard case .dictionary = nodes[try top()], case .dictionary = nodes[state] else {
          throw refused("attributes of \(describe(try top()))")
        }
      default:
        let digits = String(opcode, radix: 16)
        throw refused("pickle instruction 0x\(digits)")
      }
    }
  }

  private mutating func pushFunction(module: String, name: String) throws(MinkeError) {
    let name = "\(module.prefix(64)).\(name.prefix(64))"
    guard let function = Function.named[name] else { throw refused("global \(name)") }
    try push(.function(function))
  }

  private mutating func call(_ function: Node, arguments: Node) throws(MinkeError) {
    guard case .function(let function) = nodes[function], case .tuple(let arguments) = nodes[arguments] else {
      throw refused("a call of \(describe(function))")
    }
    switch function {
    case .orderedDictionary where arguments.isEmpty: try push(.dictionary([]))
    case .rebuildTensor where arguments.count == 6 || arguments.count == 7: try push(.tensor(try view(arguments)))
    case .rebuildParameter where arguments.count == 3:
      guard case .tensor = nodes[arguments[0]] else {
        throw error(.malformedFile, "a parameter made of a tensor", found: describe(arguments[0]))
      }
      stack.append(arguments[0])
    default: throw refused("a call of \(function) with \(arguments.count) arguments")
    }
  }

  /// The storage of a persistent id: ("storage", its type, its key, where it was, how many elements).
  private func storage(_ node: Node) throws(MinkeError) -> Storage {
    guard case .tuple(let parts) = nodes[node], parts.count == 5, case .text("storage") = nodes[parts[0]],
      case .function(.storage(let type)) = nodes[parts[1]], case .text(let key) = nodes[parts[2]],
      case .integer(let count) = nodes[parts[4]], count >= 0
    else { throw error(.malformedFile, "a storage's type, key and size", found: describe(node)) }
    return Storage(key: key, elementType: type, count: count)
  }

  /// The tensor of (storage, offset, shape, strides, requires_grad, hooks, metadata). Metadata say that a view negates or
  /// conjugates what it shows; without it, there are none.
  private func view(_ arguments: [Node]) throws(MinkeError) -> View {
    guard case .storage(let storage) = nodes[arguments[0]], case .integer(let offset) = nodes[arguments[1]],
      let shape = integers(arguments[2]), let strides = integers(arguments[3])
    else { throw error(.malformedFile, "a tensor's storage, offset, shape and strides", found: "other values") }
    if arguments.count == 7, case .dictionary(let metadata) = nodes[arguments[6]], let (key, _) = metadata.first {
      let name = if case .text(let name) = nodes[key] { "\"\(name.prefix(64))\"" } else { "other metadata" }
      throw error(
        .unsupportedFile, "a tensor that is as its storage is (resolve_neg(), resolve_conj())",
        found: "one marked \(name)")
    }
    return View(storage: storage, offset: offset, shape: shape, strides: strides)
  }

  private func integers(_ node: Node) -> [Int]? {
    guard case .tuple(let parts) = nodes[node], parts.count <= 64 else { return nil }
    var result: [Int] = []
    for part in parts {
      guard case .integer(let value) = nodes[part] else { return nil }
      result.append(value)
    }
    return result
  }

  private mutating func append(_ elements: [Node]) throws(MinkeError) {
    let list = try top()
    guard case .list(var present) = nodes[list] else {
      throw error(.malformedFile, "a list to append to", found: describe(list))
    }
    // Taken out of the array first, so that appending does not copy.
    nodes[list] = .other
    present += elements
    nodes[list] = .list(present)
  }

  private mutating func setItems(_ items: [Node]) throws(MinkeError) {
    let dictionary = try top()
    guard case .dictionary(var present) = nodes[dictionary], items.count.isMultiple(of: 2) else {
      throw error(
        .malformedFile, "keys and values of a dictionary", found: "\(items.count) for \(describe(dictionary))")
    }
    nodes[dictionary] = .other
    for index in stride(from: 0, to: items.count, by: 2) { present.append((items[index], items[index + 1])) }
    nodes[dictionary] = .dictionary(present)
  }

  // MARK: Stack

  private func checkLimit(_ count: Int) throws(MinkeError) {
    guard count < Self.nodeLimit else {
      throw error(.unsupportedFile, "at most \(Self.nodeLimit) values", found: "more")
    }
  }

  private mutating func push(_ value: Value) throws(MinkeError) {
    try checkLimit(nodes.count)
    stack.append(nodes.count)
    nodes.append(value)
  }

  private mutating func remember(_ index: Int) throws(MinkeError) {
    try checkLimit(memo.count)
    memo[index] = try top()
  }

  private mutating func recall(_ index: Int) throws(MinkeError) {
    guard let node = memo[index] else { throw error(.malformedFile, "a value remembered before", found: "\(index)") }
    try checkLimit(stack.count)
    stack.append(node)
  }

  private func top() throws(MinkeError) -> Node {
    guard let node = stack.last, stack.count > marks.last ?? 0 else {
      throw error(.malformedFile, "a value on the stack", found: "none")
    }
    return node
  }

  private mutating func pop() throws(MinkeError) -> Node {
    let node = try top()
    stack.removeLast()
    return node
  }

  private mutating func pop(_ count: Int) throws(MinkeError) -> [Node] {
    guard stack.count - count >= marks.last ?? 0 else {
      throw error(.malformedFile, "\(count) values on the stack", found: "fewer")
    }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(MinkeError) -> [Node] {
    guard let mark = marks.popLast() else { throw error(.malformedFile, "a mark on the stack", found: "none") }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  // MARK: Operands

  private mutating func read(_ count: Int) throws(MinkeError) -> UnsafeRawBufferPointer {
    guard count <= bytes.count - position else {
      throw error(.malformedFile, "\(count) bytes more", found: "the end of the pickle")
    }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  private mutating func readByte() throws(MinkeError) -> UInt8 { try read(1)[0] }

  private mutating func readInteger<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type
  ) throws(MinkeError) -> Number {
    Number(littleEndian: try read(MemoryLayout<Number>.size).loadUnaligned(as: type))
  }

  /// A whole number of as many bytes as the first one says, least significant first, in two's complement.
  private mutating func readLong() throws(MinkeError) -> Int {
    let length = Int(try readByte())
    guard length <= 8 else { throw error(.malformedFile, "a number of at most 64 bits", found: "\(length) bytes") }
    let digits = try read(length)
    var value = Int(Int8(bitPattern: digits.last ?? 0) >> 7)
    for digit in digits.reversed() { value = value << 8 | Int(digit) }
    return value
  }

  private mutating func readText(_ length: Int) throws(MinkeError) -> String {
    guard let text = String(validating: try read(length), as: UTF8.self) else {
      throw error(.malformedFile, "UTF-8 text", found: "bytes that are not")
    }
    return text
  }

  private mutating func readLine() throws(MinkeError) -> String {
    let limit = 256
    guard let end = bytes[position...].prefix(limit).firstIndex(of: UInt8(ascii: "\n")) else {
      throw error(.malformedFile, "a line of at most \(limit) bytes", found: "a longer one")
    }
    let line = try readText(end - position)
    position += 1
    return line
  }

  // MARK: Errors

  private func error(_ kind: MinkeError.Kind, _ expected: String, found: String) -> MinkeError {
    MinkeError(kind, "\(subject), byte \(position)", expected: expected, found: found)
  }

  private func refused(_ found: String) -> MinkeError {
    error(.unsupportedFile, "a dictionary of tensors and nothing that would have to be run", found: found)
  }

  private func describe(_ node: Node) -> String {
    switch nodes[node] {
    case .other: "None, a truth value or a number"
    case .integer: "a number"
    case .text: "a text"
    case .tuple: "a tuple"
    case .list: "a list"
    case .dictionary: "a dictionary"
    case .function(let function): "\(function)"
    case .storage: "a storage"
    case .tensor: "a tensor"
    }
  }
}

extension ElementType {
  /// The Python class in module `torch` that a storage of such elements has.
  var torchStorageName: String {
    switch self {
    case .bool: "BoolStorage"
    case .uint8: "ByteStorage"
    case .int8: "CharStorage"
    case .int16: "ShortStorage"
    case .float16: "HalfStorage"
    case .bfloat16: "BFloat16Storage"
    case .int32: "IntStorage"
    case .float32: "FloatStorage"
    case .float64: "DoubleStorage"
    case .int64: "LongStorage"
    }
  }
}
