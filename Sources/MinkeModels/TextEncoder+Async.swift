import MinkeCore
import MinkeText

extension TextEncoder {
  /// Turns each text into a vector, on all cores, without holding up a thread of Swift's cooperative pool.
  ///
  /// The texts are encoded in steps of some milliseconds, between which others get their turn. The vectors are the same
  /// as those of the synchronous form.
  ///
  /// - Returns: `[texts.count, options.dimension ?? dimension]`, in the order of `texts`.
  /// - Throws: `MinkeError` when the options do not fit the encoder or a weight is not finite; `CancellationError`
  ///   when the calling task is cancelled.
  public func encode(_ texts: [String], options: EncodingOptions) async throws -> Embeddings {
    try await Workers.runInSteps {
      let steps = Self.steps(of: texts)
      guard steps.count > 1 else { return try encodeNow(texts[...], of: texts.count, options) }
      var result: Embeddings?
      for step in steps {
        try Task.checkCancellation()
        let vectors = try encodeNow(texts[step], of: texts.count, options)
        if result == nil { result = vectors } else { try result?.append(vectors) }
        await Task.yield()
      }
      return try result ?? encodeNow([], of: 0, options)
    }
  }

  /// Turns each text into a vector of length 1, or the first `dimension` numbers of it, without holding up a thread of
  /// Swift's cooperative pool.
  ///
  /// - Throws: as ``encode(_:options:)``.
  public func encode(_ texts: [String], dimension: Int? = nil, role: TextRole? = nil) async throws -> Embeddings {
    try await encode(texts, options: EncodingOptions(dimension: dimension, role: role))
  }

  /// Some of `count` texts by the synchronous form, with progress among all of them.
  private func encodeNow(_ texts: ArraySlice<String>, of count: Int, _ options: EncodingOptions) throws -> Embeddings {
    var options = options
    let done = texts.startIndex
    if let progress = options.progress { options.progress = { completed, _ in progress(done + completed, count) } }
    return try encode(Array(texts), options: options)
  }

  /// Bytes of text in a step: some milliseconds' work for a static model, enough batches for a BERT.
  private static var stepSize: Int { 1 << 20 }

  /// Ranges of texts whose bytes are about ``stepSize`` together.
  private static func steps(of texts: [String]) -> [Range<Int>] {
    var steps: [Range<Int>] = []
    var (start, bytes) = (0, 0)
    for (index, text) in texts.enumerated() {
      bytes += text.utf8.count
      guard bytes >= stepSize || index == texts.count - 1 else { continue }
      steps.append(start..<index + 1)
      (start, bytes) = (index + 1, 0)
    }
    return steps
  }
}

extension TextTokenization {
  /// The ids that are read for each of `texts`, without holding up a thread of Swift's cooperative pool.
  ///
  /// - Throws: `CancellationError` when the calling task was cancelled.
  public func ids(of texts: [String], role: TextRole? = nil) async throws -> [[TokenID]] {
    try await Workers.run { try ids(of: texts, role: role) }
  }
}

extension ModelLibrary {
  /// Loads the text encoder called `name` without holding up a thread of Swift's cooperative pool.
  ///
  /// - Parameters:
  ///   - name: a built-in name, or the path of a model folder or of a BNE archive.
  ///   - precision: how the layers are held; nil for float32 or what the folder was saved in.
  ///   - tokenizer: a tokenizer to use in place of the folder's.
  ///   - level: the level of the kernels that compute.
  /// - Throws: `MinkeError` when there is no such model, it is no text encoder, or a file is malformed.
  public static func textEncoder(
    _ name: String = defaultName, precision: Precision? = nil, tokenizer: (any Tokenizer)? = nil,
    kernels level: KernelLevel = .active
  ) async throws -> any TextEncoder {
    try await Workers.run { try textEncoder(name, precision: precision, tokenizer: tokenizer, kernels: level) }
  }

  /// Loads the language model called `name` without holding up a thread of Swift's cooperative pool.
  ///
  /// - Parameters:
  ///   - name: a built-in name, or the path of a model folder.
  ///   - level: the level of the kernels that compute.
  /// - Throws: `MinkeError` when there is no such model, it is no language model, or a file is malformed.
  public static func languageModel(
    _ name: String = defaultLanguageModelName, kernels level: KernelLevel = .active
  ) async throws -> LanguageModel {
    try await Workers.run { try languageModel(name, kernels: level) }
  }
}
