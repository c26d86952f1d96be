import MinkeCore

/// How tokens become text again.
indirect enum TokenDecoder: Sendable {
  /// Tokens with a space between each two.
  case spaces
  /// Characters of ``ByteAlphabet`` are bytes.
  case byteLevel
  /// The scalar stands for a space, but for one that was put in front.
  case metaspace(UInt32, hasPrefix: Bool)
  /// Tokens that begin with `prefix` continue the word before them.
  case wordPiece(prefix: [UInt8], cleanup: Bool)
  /// Tokens that end with the text end a word.
  case suffix([UInt8])
  case replace([UInt8], with: [UInt8])
  /// Tokens such as `<0x0A>` are bytes.
  case byteFallback
  case fuse
  /// Takes a text of one character off the start and the end of each token, at most so many.
  case strip([UInt8], start: Int, stop: Int)
  case sequence([TokenDecoder])

  func text(of tokens: [[UInt8]]) -> [UInt8] {
    if case .spaces = self { return Array(tokens.joined(separator: [0x20])) }
    return Array(decoded(tokens).joined())
  }

  private func decoded(_ tokens: [[UInt8]]) -> [[UInt8]] {
    switch self {
    case .spaces, .fuse: return [Array(tokens.joined())]
    case .byteLevel:
      let bytes = tokens.flatMap { token in token.withUnsafeBufferPointer { ByteAlphabet.bytes($0) } ?? token }
      return [Array(String(decoding: bytes, as: UTF8.self).utf8)]
    case .metaspace(let scalar, let hasPrefix):
      let sign = Unicode.Scalar(scalar).flatMap(UTF8.encode).map(Array.init) ?? []
      return tokens.enumerated().map { index, token in
        Self.replacing(sign, with: index == 0 && hasPrefix ? [] : [0x20], in: token)
      }
    case .wordPiece(let prefix, let cleanup):
      return tokens.enumerated().map { index, token in
        var token = token
        if index > 0 {
          if token.starts(with: prefix) { token.removeFirst(prefix.count) } else { token.insert(0x20, at: 0) }
        }
        return cleanup ? Array(WordPieceTokenizer.cleanedUp(String(decoding: token, as: UTF8.self)).utf8) : token
      }
    case .suffix(let suffix):
      return tokens.enumerated().map { index, token in
        Self.replacing(suffix, with: index == tokens.count - 1 ? [] : [0x20], in: token)
      }
    case .replace(let pattern, let content): return tokens.map { Self.replacing(pattern, with: content, in: $0) }
    case .byteFallback: return Self.joiningBytes(tokens)
    case .strip(let content, let start, let stop):
      return tokens.map { token in
        var token = token[...]
        for _ in 0..<start where token.starts(with: content) { token = token.dropFirst(content.count) }
        for _ in 0..<stop where token.reversed().starts(with: content.reversed()) {
          token = token.dropLast(content.count)
        }
        return Array(token)
      }
    case .sequence(let decoders): return decoders.reduce(tokens) { $1.decoded($0) }
    }
  }

  /// Tokens for bytes in a row as the text of those bytes, or as U+FFFD for each where they are no text.
  private static func joiningBytes(_ tokens: [[UInt8]]) -> [[UInt8]] {
    var joined: [[UInt8]] = []
    var bytes: [UInt8] = []
    func flush() {
      if bytes.isEmpty { return }
      let isText = String(validating: bytes, as: UTF8.self) != nil
      joined += isText ? [bytes] : bytes.map { _ in [0xef, 0xbf, 0xbd] }
      bytes = []
    }
    for token in tokens {
      if token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">"),
        let byte = UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
      {
        bytes.append(byte)
      } else {
        flush()
        joined.append(token)
      }
    }
    flush()
    return joined
  }

  private static func replacing(_ pattern: [UInt8], with content: [UInt8], in token: [UInt8]) -> [UInt8] {
    if pattern.isEmpty { return token }
    var text: [UInt8] = []
    var position = 0
    while position < token.count {
      if token[position...].starts(with: pattern) {
        text += content
        position += pattern.count
      } else {
        text.append(token[position])
        position += 1
      }
    }
    return text
  }
}

extension TokenDecoder {
  /// Reads the decoder of a `tokenizer.json`.
  ///
  /// - Throws: `MinkeError` naming one that is not supported.
  init(_ json: JSONValue, _ reader: TokenizerPartReader) throws(MinkeError) {
    let part = reader.part(json)
    switch part.type {
    case nil where json == .null: self = .spaces
    case "ByteLevel": self = .byteLevel
    case "ByteFallback": self = .byteFallback
    case "Fuse": self = .fuse
    case "Metaspace":
      let (scalar, prefix) = try part.metaspace()
      self = .metaspace(scalar, hasPrefix: prefix != .never)
    case "WordPiece":
      self = .wordPiece(
        prefix: Array(try part.text("prefix", default: "##").utf8), cleanup: try part.flag("cleanup", default: true))
    case "BPEDecoder": self = .suffix(Array(try part.text("suffix", default: "</w>").utf8))
    case "Replace":
      guard let pattern = json["pattern"]?["String"]?.string, let content = json["content"]?.string else {
        throw part.unsupported("pattern", expected: "a text and its replacement")
      }
      self = .replace(Array(pattern.utf8), with: Array(content.utf8))
    case "Strip":
      guard let content = json["content"]?.string, let start = json["start"]?.integer, let stop = json["stop"]?.integer,
        !content.isEmpty, (0...255).contains(start), (0...255).contains(stop)
      else { throw part.unsupported("content", expected: "a text, and how often it is taken off, up to 255 times") }
      self = .strip(Array(content.utf8), start: start, stop: stop)
    case "Sequence":
      self = .sequence(
        try part.elements("decoders").map { (json) throws(MinkeError) in try TokenDecoder(json, reader) })
    default:
      throw part.unsupported(
        expected: "ByteLevel, Metaspace, WordPiece, BPEDecoder, Replace, ByteFallback, Fuse, Strip, Sequence or none")
    }
  }
}
