import MinkeCore
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The tokenizer classes of transformers that are read here. Most build their parts anew by `tokenizer_config.json` and
/// take only the vocabulary and the added tokens from `tokenizer.json`.
enum TokenizerClass {
  /// WordPiece with the rules of BERT: `BertTokenizer`, `DistilBertTokenizer`.
  case bert
  /// The same with other special tokens: `MPNetTokenizer`.
  case mpnet
  /// Byte-level BPE: `RobertaTokenizer`.
  case roberta
  /// Unigram over words that a "▁" begins: `XLMRobertaTokenizer`.
  case xlmRoberta
  /// The same with another mask: `CamembertTokenizer`.
  case camembert
  /// As `tokenizer.json` says: `PreTrainedTokenizerFast`, and all of ModernBERT.
  case file

  /// The files of tokenizers, whatever their class.
  static let fileNames = ["tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"]

  private static let named: [String: TokenizerClass] = [
    "BertTokenizer": .bert, "DistilBertTokenizer": .bert, "MPNetTokenizer": .mpnet, "RobertaTokenizer": .roberta,
    "XLMRobertaTokenizer": .xlmRoberta, "CamembertTokenizer": .camembert, "PreTrainedTokenizer": .file,
    "TokenizersBackend": .file,
  ]

  /// The class that `tokenizer_config.json` or `config.json` names, with or without "Fast", or else that of `family`.
  ///
  /// - Throws: `MinkeError` for a class that is not known.
  init(
    of folder: ModelFolder, _ settings: ConfigurationReader?, _ family: TransformerConfiguration.Family
  ) throws {
    let name = try settings?.text("tokenizer_class") ?? folder.configuration("config.json")?.text("tokenizer_class")
    guard let name, family != .modernbert else {
      self = Self.class(of: family)
      return
    }
    let stem = name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
    // A class that is no more: its file counts, and where there is none, its rules were BERT's.
    if stem == "ElectraTokenizer" {
      self = folder.file("tokenizer.json") == nil ? .bert : .file
      return
    }
    guard let known = Self.named[stem] else {
      throw MinkeError(
        .unsupportedFile, "\(settings?.subject ?? folder.url.relativePath): tokenizer_class",
        expected: "one of " + Self.named.keys.sorted().joined(separator: ", "), found: "\"\(name)\"")
    }
    self = known
  }

  private static func `class`(of family: TransformerConfiguration.Family) -> TokenizerClass {
    switch family {
    case .bert, .distilbert, .electra: .bert
    case .mpnet: .mpnet
    case .roberta: .roberta
    case .xlmRoberta: .xlmRoberta
    case .camembert: .camembert
    case .modernbert: .file
    }
  }

  // MARK: Special tokens

  /// The special tokens by the keys of settings, which may replace them.
  var specialTokens: [String: String] {
    switch self {
    case .bert:
      [
        "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
        "mask_token": "[MASK]",
      ]
    case .mpnet, .roberta, .xlmRoberta, .camembert:
      [
        "pad_token": "<pad>", "unk_token": self == .mpnet ? "[UNK]" : "<unk>", "cls_token": "<s>",
        "sep_token": "</s>", "bos_token": "<s>", "eos_token": "</s>", "mask_token": "<mask>",
      ]
    case .file: [:]
    }
  }

  /// Whether a special token that is given by its text alone takes the white space before it along.
  func stripsLeft(of key: String) -> Bool { key == "mask_token" && (self == .mpnet || self == .camembert) }

  /// The special token that is called `key`.
  private func token(_ key: String, _ settings: ConfigurationReader?) throws(MinkeError) -> String {
    let set = if let settings { try TransformerTokenization.token(key, settings) } else { String?.none }
    return set ?? specialTokens[key] ?? ""
  }

  // MARK: Loading

  /// The tokenizer that the files of `folder` make; nil where they are missing.
  ///
  /// - Throws: `MinkeError` when a file is malformed or of another kind.
  func tokenizer(in folder: ModelFolder, _ settings: ConfigurationReader?) throws -> (any FileTokenizer)? {
    let file = folder.file("tokenizer.json")
    switch self {
    case .bert, .mpnet:
      let options = try bertOptions(settings)
      if let file { return try WordPieceTokenizer(contentsOf: file, options: options) }
      return try folder.file("vocab.txt").map { try WordPieceTokenizer(vocabulary: $0, options: options) }
    case .roberta:
      let parts = try robertaParts(settings)
      if let file {
        return try surrounded(
          TokenizerReader.read(file, replacing: parts), "cls_token", "sep_token", settings, file)
      }
      guard let vocabulary = folder.file("vocab.json"), let merges = folder.file("merges.txt") else { return nil }
      var text = try Self.bytePairFile(vocabulary: vocabulary, merges: merges)
      let tokenizer = try text.withUTF8 {
        try TokenizerReader.read(
          parsing: UnsafeRawBufferPointer($0), subject: vocabulary.relativePath, replacing: parts)
      }
      return try surrounded(tokenizer, "cls_token", "sep_token", settings, vocabulary)
    case .xlmRoberta, .camembert:
      guard let file else { return nil }
      return try surrounded(
        TokenizerReader.read(file, replacing: unigramParts(settings, file)), "bos_token", "eos_token", settings, file)
    case .file: return try file.map { try TokenizerReader.read($0) }
    }
  }

  private func bertOptions(_ settings: ConfigurationReader?) throws(MinkeError) -> BertTokenizerOptions {
    var options = BertTokenizerOptions()
    options.unknownToken = try token("unk_token", settings)
    options.startToken = try token("cls_token", settings)
    options.endToken = try token("sep_token", settings)
    guard let settings else { return options }
    options.lowercases = try settings.flag("do_lower_case", default: true)
    options.stripsAccents = settings["strip_accents"] == nil ? nil : try settings.flag("strip_accents", default: true)
    options.separatesChinese = try settings.flag("tokenize_chinese_chars", default: true)
    return options
  }

  private func robertaParts(_ settings: ConfigurationReader?) throws(MinkeError) -> TokenizerParts {
    var parts = TokenizerParts()
    parts.normalizer = .null
    parts.preTokenizer = [
      "type": "ByteLevel",
      "add_prefix_space": .boolean(try settings?.flag("add_prefix_space", default: false) ?? false),
      "use_regex": true,
    ]
    parts.postProcessor = .null
    parts.model = [
      "unk_token": .null, "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": false,
      "byte_fallback": false, "ignore_merges": false,
    ]
    return parts
  }

  private func unigramParts(_ settings: ConfigurationReader?, _ file: URL) throws -> TokenizerParts {
    let prefixes = try settings?.flag("add_prefix_space", default: true) ?? true
    var parts = TokenizerParts()
    parts.normalizer = try Self.characterMap(in: file)
    parts.preTokenizer = [
      "type": "Sequence",
      "pretokenizers": [
        ["type": "WhitespaceSplit"],
        [
          "type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": prefixes ? "always" : "never",
          "split": true,
        ],
      ],
    ]
    parts.postProcessor = .null
    parts.model = ["byte_fallback": false]
    return parts
  }

  /// The text of a `tokenizer.json` out of the older files of a byte-level BPE: the ids of the tokens, and the pairs that
  /// are joined, one a line, the first line a comment.
  private static func bytePairFile(vocabulary: URL, merges: URL) throws -> String {
    let tokens = try MappedFile(vocabulary)
    // One value, so that it means the same within another.
    try JSONReader.read(tokens.bytes, subject: tokens.path) { try $0.skipValue() }
    let pairs = try MappedFile(merges)
    var text = "{\"added_tokens\":[],\"model\":{\"type\":\"BPE\",\"vocab\":"
    text += String(decoding: tokens.bytes, as: UTF8.self) + ",\"merges\":["
    var isFirst = true
    for line in pairs.bytes.split(separator: UInt8(ascii: "\n")) {
      let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      guard let pair = String(validating: line, as: UTF8.self) else {
        throw MinkeError(.malformedFile, pairs.path, expected: "UTF-8 text", found: "bytes that are not")
      }
      if pair.isEmpty || pair.hasPrefix("#version") { continue }
      text += isFirst ? "" : ","
      JSONValue.write(pair, to: &text)
      isFirst = false
    }
    return text + "]}}"
  }

  /// The normalizer of a `tokenizer.json` that is SentencePiece's map of characters, the only one that is kept; null for
  /// none.
  private static func characterMap(in file: URL) throws -> JSONValue {
    let bytes = try MappedFile(file)
    var normalizer = JSONValue.null
    try JSONReader.read(bytes.bytes, subject: bytes.path) { reader in
      try reader.readObject { reader, key in
        guard key == "normalizer" else { return try reader.skipValue() }
        normalizer = try JSONValue(reading: &reader)
      }
    }
    let parts = normalizer["normalizers"]?.array ?? [normalizer]
    return parts.first { $0["type"] == "Precompiled" } ?? .null
  }

  /// `tokenizer` with the special tokens `start` and `end` around a text.
  ///
  /// - Throws: `MinkeError` for one that is not in the vocabulary.
  private func surrounded(
    _ tokenizer: any FileTokenizer, _ start: String, _ end: String, _ settings: ConfigurationReader?, _ file: URL
  ) throws(MinkeError) -> any FileTokenizer {
    func id(_ key: String) throws(MinkeError) -> TokenID {
      let token = try token(key, settings)
      guard let id = tokenizer.id(of: token) else {
        throw MinkeError(
          .malformedFile, "\(file.relativePath): vocabulary", expected: "the special token \"\(token)\"", found: "none")
      }
      return id
    }
    return tokenizer.surrounding(prefix: [try id(start)], suffix: [try id(end)])
  }

  /// The error for a folder without the files of the tokenizer.
  func missingFiles(in folder: ModelFolder) -> MinkeError {
    let expected =
      switch self {
      case .bert, .mpnet: "tokenizer.json or vocab.txt"
      case .roberta: "tokenizer.json, or vocab.json and merges.txt"
      case .xlmRoberta, .camembert: "tokenizer.json, which transformers makes of sentencepiece.bpe.model and saves"
      case .file: "tokenizer.json"
      }
    return MinkeError(.notFound, folder.url.relativePath, expected: expected, found: folder.listing)
  }
}
