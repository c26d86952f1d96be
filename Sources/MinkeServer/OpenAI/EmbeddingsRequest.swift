import MinkeCore
import MinkeModels
import MinkeText

/// A request for embeddings, as OpenAI's clients send it, with the types of numbers that others added.
struct EmbeddingsRequest: Sendable {
  /// How a vector stands in the response.
  enum Encoding: String, CaseIterable {
    /// As numbers.
    case float
    /// As the bytes of its numbers, little-endian, in base64.
    case base64
  }

  /// Of what the numbers are.
  enum OutputType: String, CaseIterable {
    /// 32-bit floats.
    case float
    /// -127 to 127, the vector scaled so that its largest number is there: its direction is kept.
    case int8
    /// The same plus 128.
    case uint8
    /// The signs in packed bits, each byte less 128.
    case binary
    /// The signs in packed bits.
    case ubinary
  }

  private(set) var inputs: [EncodingInput] = []
  private(set) var model: String?
  private(set) var dimension: Int?
  private(set) var encoding = Encoding.float
  private(set) var type = OutputType.float
  private(set) var role: TextRole?

  /// Reads the body of a request.
  ///
  /// - Throws: `MinkeError` when it is not JSON, `Failure` when it asks for what cannot be.
  init(_ body: UnsafeRawBufferPointer, limits: ServerLimits) throws {
    self = try JSONReader.read(body, subject: "body") { try EmbeddingsRequest(reading: &$0, limits) }
  }

  private init(reading reader: inout JSONReader, _ limits: ServerLimits) throws {
    guard try reader.peek() == .object else {
      throw Failure(.badRequest, "body: expected an object, found \(try reader.peek().rawValue)")
    }
    var hasInput = false
    try reader.readObject { reader, name in
      switch name {
      case "input":
        hasInput = true
        try readInputs(&reader, limits)
      case "model": model = try Self.text(&reader, name)
      case "encoding_format": encoding = try Self.choice(&reader, name) ?? .float
      case "output_dtype": type = try Self.choice(&reader, name) ?? .float
      case "dimensions":
        if reader.readNull() { return }
        guard try reader.peek() == .number, let number = try reader.readNumber().integer else {
          throw Failure.wrong(name, expected: "a whole number", found: "another value")
        }
        dimension = number
      // What others call the role of a text.
      case "input_type":
        switch try Self.text(&reader, name) {
        case nil: break
        case "query", "search_query": role = .query
        case "document", "passage", "search_document": role = .document
        case let other?: throw Failure.wrong(name, expected: "query or document", found: other)
        }
      default: try reader.skipValue()
      }
    }
    guard hasInput, !inputs.isEmpty else {
      throw Failure.wrong("input", expected: "a text, texts, or ids of tokens", found: "none")
    }
  }

  private static func text(_ reader: inout JSONReader, _ name: String) throws -> String? {
    if reader.readNull() { return nil }
    guard try reader.peek() == .string else {
      throw Failure.wrong(name, expected: "a text", found: try reader.peek().rawValue)
    }
    return try reader.readString()
  }

  private static func choice<Choice: RawRepresentable & CaseIterable>(
    _ reader: inout JSONReader, _ name: String
  ) throws -> Choice? where Choice.RawValue == String {
    guard let text = try text(&reader, name) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      throw Failure.wrong(name, expected: Choice.allCases.map(\.rawValue).joined(separator: ", "), found: text)
    }
    return choice
  }

  private mutating func readInputs(_ reader: inout JSONReader, _ limits: ServerLimits) throws {
    switch try reader.peek() {
    case .string: inputs = [.text(try reader.readString())]
    case .array:
      var ids: [TokenID] = []
      try reader.readArray { reader in
        switch try reader.peek() {
        case .string where ids.isEmpty: inputs.append(.text(try reader.readString()))
        case .number where inputs.isEmpty: ids.append(try Self.id(&reader))
        case .array where ids.isEmpty:
          var inner: [TokenID] = []
          try reader.readArray { inner.append(try Self.id(&$0)) }
          inputs.append(.ids(inner))
        case let kind:
          throw Failure.wrong("input", expected: "texts, ids of tokens, or lists of them", found: kind.rawValue)
        }
        guard inputs.count <= limits.texts else {
          throw Failure.wrong("input", expected: "\(limits.texts) texts at most", found: "more")
        }
      }
      if !ids.isEmpty { inputs = [.ids(ids)] }
    case let kind: throw Failure.wrong("input", expected: "a text, texts, or ids of tokens", found: kind.rawValue)
    }
  }

  private static func id(_ reader: inout JSONReader) throws -> TokenID {
    guard try reader.peek() == .number, let number = try reader.readNumber().integer, let id = TokenID(exactly: number)
    else { throw Failure.wrong("input", expected: "ids of tokens", found: "another value") }
    return id
  }

  /// Throws unless all ids are of the vocabulary, and no text has more than the model reads.
  func check(_ encoder: any TextEncoder) throws(Failure) {
    let tokenizer = encoder.tokenizer
    let size = tokenizer.vocabularySize
    for case .ids(let ids) in inputs {
      if let wrong = ids.first(where: { $0 < 0 || Int($0) >= size }) {
        throw .wrong("input", expected: "ids from 0 to \(size - 1)", found: "\(wrong)")
      }
      if let most = tokenizer.maximumLength, ids.count > most {
        throw .wrong("input", expected: "\(most) ids of a text at most", found: "\(ids.count)")
      }
    }
    if let dimension, !encoder.dimensions.contains(dimension) {
      throw .wrong(
        "dimensions", expected: "one of " + encoder.dimensions.map(String.init).joined(separator: ", "),
        found: "\(dimension)")
    }
    if type == .binary || type == .ubinary, !(dimension ?? encoder.dimension).isMultiple(of: 8) {
      throw .wrong("dimensions", expected: "a multiple of 8 for \(type.rawValue)", found: "\(dimension ?? 0)")
    }
  }

  /// What the encoder is asked for.
  func form(_ encoder: any TextEncoder) -> EncodingDesk.Form {
    let isPacked = type == .binary || type == .ubinary
    return EncodingDesk.Form(
      dimension: dimension, role: role, form: encoder.metric == .hamming && !isPacked ? .signs : .vectors)
  }
}
