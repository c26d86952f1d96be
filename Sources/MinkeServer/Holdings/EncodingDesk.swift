import MinkeCore
import MinkeModels
import MinkeText
import Synchronization

/// What is to be encoded: a text, or the ids of its tokens.
enum EncodingInput: Sendable {
  case text(String)
  case ids([TokenID])

  /// About how much work it is, in bytes of text.
  var size: Int {
    switch self {
    case .text(let text): text.utf8.count
    case .ids(let ids): 4 * ids.count
    }
  }
}

/// Vectors with the number of tokens that they were made of.
struct EncodedTexts: Sendable {
  var vectors: Embeddings
  var tokens: Int
}

/// Encodes the texts of all requests, those that come at the same time together.
final class EncodingDesk: Sendable {
  /// What texts must share to be encoded together.
  struct Form: Hashable, Sendable {
    var dimension: Int?
    var role: TextRole?
    var form = VectorForm.vectors
  }

  let encoder: any TextEncoder
  private let gatherer: Gatherer<Form, [EncodingInput], EncodedTexts>
  private let metrics: ServerMetrics

  init(_ encoder: any TextEncoder, limits: ServerLimits, metrics: ServerMetrics) {
    self.encoder = encoder
    self.metrics = metrics
    gatherer = Gatherer("texts to encode", batchWeight: 4096, limit: limits.waitingTexts) { form, inputs in
      try await Workers.runInSteps { try await Self.encode(inputs, form, encoder) }
    }
  }

  /// Texts that wait.
  var waitingCount: Int { gatherer.waitingWeight }

  /// Bytes of texts that are encoded where they are asked for, in some microseconds, while nothing else is encoded.
  private static let shortSize = 2048

  /// - Throws: `Failure` when too many texts wait; `MinkeError` when a dimension or form is not one of the encoder's;
  ///   `CancellationError`.
  func encode(_ inputs: [EncodingInput], _ form: Form) async throws -> EncodedTexts {
    let encoded: EncodedTexts
    if let here = try encodeHere(inputs, form) {
      encoded = here
    } else {
      encoded = try await gatherer(form, inputs, weight: inputs.count)
    }
    metrics.noteEncoded(texts: inputs.count, tokens: encoded.tokens)
    return encoded
  }

  /// Encodes on the calling thread what takes a moment there; nil for more, and where others compute already.
  private func encodeHere(_ inputs: [EncodingInput], _ form: Form) throws -> EncodedTexts? {
    guard encoder is any TokenIDEncoder, gatherer.isIdle, inputs.reduce(0, { $0 + $1.size }) <= Self.shortSize else {
      return nil
    }
    return try Workers.computingIfFree { try Self.encodeNow([inputs], form, encoder)[0] }
  }

  func encode(_ texts: [String], dimension: Int? = nil, role: TextRole? = nil) async throws -> Embeddings {
    try await encode(texts.map { .text($0) }, Form(dimension: dimension, role: role)).vectors
  }

  /// Encodes the texts of several calls in steps, between which others get their turn.
  private static func encode(
    _ calls: [[EncodingInput]], _ form: Form, _ encoder: any TextEncoder
  ) async throws -> [EncodedTexts] {
    var results: [EncodedTexts] = []
    var (start, size) = (0, 0)
    for (index, call) in calls.enumerated() {
      size += call.reduce(0) { $0 + $1.size }
      guard size >= 1 << 20 || index == calls.count - 1 else { continue }
      results += try encodeNow(Array(calls[start...index]), form, encoder)
      (start, size) = (index + 1, 0)
      await Task.yield()
    }
    return results
  }

  private static func encodeNow(
    _ calls: [[EncodingInput]], _ form: Form, _ encoder: any TextEncoder
  ) throws -> [EncodedTexts] {
    let inputs = calls.count == 1 ? calls[0] : calls.flatMap { $0 }
    let options = EncodingOptions(dimension: form.dimension, role: form.role, form: form.form)
    let (vectors, counts) = try encode(inputs, options, encoder)
    if calls.count == 1 { return [EncodedTexts(vectors: vectors, tokens: counts.reduce(0, +))] }
    var results: [EncodedTexts] = []
    var row = 0
    for call in calls {
      let rows = row..<row + call.count
      results.append(EncodedTexts(vectors: vectors.rows(rows), tokens: counts[rows].reduce(0, +)))
      row += call.count
    }
    return results
  }

  /// The vectors of `inputs`, and how many tokens each has.
  private static func encode(
    _ inputs: [EncodingInput], _ options: EncodingOptions, _ encoder: any TextEncoder
  ) throws -> (Embeddings, [Int]) {
    let tokenization = encoder.tokenization
    if let encoder = encoder as? any TokenIDEncoder, encoder.takesTokenIDs(options) {
      var counts = [Int](repeating: 0, count: inputs.count)
      let vectors = try counts.withUnsafeMutableBufferPointer { buffer in
        // SAFETY: each is written by the one piece of work that its text belongs to, while the array is held.
        nonisolated(unsafe) let counts = buffer.baseAddress
        return try encoder.encode(count: inputs.count, options: options) { index, ids in
          switch inputs[index] {
          case .text(let text): tokenization.append(text, prompt: "", into: &ids)
          case .ids(let given): ids += given
          }
          counts?[index] = ids.count
        }
      }
      return (vectors, counts)
    }
    var texts: [String] = []
    var counts: [Int] = []
    for input in inputs {
      guard case .text(let text) = input else {
        throw Failure.wrong("input", expected: "texts: \(encoder.identity.name) takes no token ids", found: "token ids")
      }
      texts.append(text)
    }
    counts = try tokenization.ids(of: texts, role: options.role).map(\.count)
    return (try encoder.encode(texts, options: options), counts)
  }
}
