import MinkeCore
import MinkeText

/// How the texts of a BERT folder become ids: its tokenizer, read as transformers reads it, and what
/// sentence-transformers adds.
///
/// A folder of class `BertTokenizer`, or of none, takes its rules from `tokenizer_config.json` and only the vocabulary
/// from `tokenizer.json`; a folder of class `PreTrainedTokenizerFast` is as its `tokenizer.json` says.
enum BertTokenization {
  /// The tokenization of `folder`.
  ///
  /// - Parameters:
  ///   - given: a tokenizer to use in place of the folder's.
  ///   - maximumLength: where texts are cut; nil for where the folder says.
  ///   - positions: the tokens that the model has positions for; nil where they are not known.
  ///   - builtInVocabulary: whether a folder without tokenizer files means the vocabulary of bert-base-uncased.
  /// - Throws: `MinkeError` when a file is missing or malformed, or a setting is not supported.
  static func read(
    _ folder: ModelFolder, tokenizer given: (any Tokenizer)?, maximumLength: Int?, positions: Int?,
    builtInVocabulary: Bool
  ) throws -> TextTokenization {
    let sentence = try sentenceSettings(of: folder)
    try sentence.map(check(sentence:))
    let settings = try given == nil ? tokenizerSettings(of: folder) : nil
    let limit = 0...Int.max
    var length =
      try maximumLength
      ?? sentence?["max_seq_length"].map { _ in
        try sentence?.integer("max_seq_length", in: limit) ?? 0
      }
    // Hugging Face writes 1e30 for "no limit", and wrote max_len in its first releases.
    if length == nil { length = (settings?["model_max_length"] ?? settings?["max_len"])?.integer }
    if let positions { length = min(length ?? positions, positions) }
    if let length, length < 2 {
      throw MinkeError(
        .malformedFile, "\(folder.url.relativePath): longest text", expected: "2 tokens or more", found: "\(length)")
    }
    let lowercases = try sentence?.flag("do_lower_case", default: false) == true
    let prompts = try Prompts(folder)
    if let given {
      return TextTokenization(given.truncating(to: length), addsSpecialTokens: true, prompts: prompts)
    }
    var tokenizer = try tokenizer(of: folder, settings, builtInVocabulary: builtInVocabulary)
    if lowercases { tokenizer = tokenizer.lowercasing() }
    return TextTokenization(tokenizer.truncating(to: length), addsSpecialTokens: true, prompts: prompts)
  }

  /// The settings of sentence-transformers: the first file with any, under one of the names that its releases gave it.
  private static func sentenceSettings(of folder: ModelFolder) throws -> ConfigurationReader? {
    for name in sentenceFileNames {
      if let settings = try folder.configuration(name), !settings.members.isEmpty { return settings }
    }
    return nil
  }

  private static let sentenceFileNames = [
    "bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet",
  ]
  .map { "sentence_\($0)_config.json" }

  /// The files that are looked for.
  static let fileNames =
    ["tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"]
    + sentenceFileNames

  /// What `tokenizer_config.json` says and, where that does not list the added tokens, the older
  /// `special_tokens_map.json`, which then counts more.
  private static func tokenizerSettings(of folder: ModelFolder) throws -> ConfigurationReader? {
    let settings = try folder.configuration("tokenizer_config.json")
    guard settings?["added_tokens_decoder"] == nil, let map = try folder.configuration("special_tokens_map.json") else {
      return settings
    }
    let members = (settings?.members ?? [:]).merging(map.members) { old, new in
      if case (.array(let old), .array(let new)) = (old, new) { .array(old + new) } else { new }
    }
    let files = [settings?.subject, map.subject].compactMap { $0 }
    return try ConfigurationReader(.object(members), subject: files.joined(separator: ", "))
  }

  /// Refuses what `sentence_bert_config.json` may ask for beyond the length and lower-casing.
  private static func check(sentence reader: ConfigurationReader) throws(MinkeError) {
    try reader.requireOnly([
      "max_seq_length", "do_lower_case", "transformer_task", "modality_config", "module_output_name", "unpad_inputs",
      "processing_kwargs", "config_args", "model_args", "tokenizer_args", "tokenizer_name_or_path", "cache_dir",
    ])
    try reader.require("transformer_task", "feature-extraction")
    try reader.require("module_output_name", "token_embeddings")
    try reader.require("processing_kwargs", .object([:]))
    try reader.require("config_args", .object([:]))
    try reader.require("model_args", .object([:]))
    try reader.require("tokenizer_args", .object([:]))
    try reader.require("tokenizer_name_or_path", .string(""))
  }

  private static func tokenizer(
    of folder: ModelFolder, _ settings: ConfigurationReader?, builtInVocabulary: Bool
  ) throws -> WordPieceTokenizer {
    let type =
      try settings?.text("tokenizer_class") ?? folder.configuration("config.json")?.text("tokenizer_class")
      ?? "BertTokenizer"
    let isBert = ["BertTokenizer", "BertTokenizerFast"].contains(type)
    guard isBert || ["PreTrainedTokenizerFast", "TokenizersBackend"].contains(type) else {
      throw MinkeError(
        .unsupportedFile, "\(settings?.subject ?? folder.url.relativePath): tokenizer_class",
        expected: "BertTokenizer, BertTokenizerFast or PreTrainedTokenizerFast", found: "\"\(type)\"")
    }
    var options = BertTokenizerOptions()
    var truncatesLeft: Bool?
    var padsRight = false
    if let settings {
      try check(settings)
      options.lowercases = try settings.flag("do_lower_case", default: true)
      options.stripsAccents = settings["strip_accents"] == nil ? nil : try settings.flag("strip_accents", default: true)
      options.separatesChinese = try settings.flag("tokenize_chinese_chars", default: true)
      options.unknownToken = try token("unk_token", settings) ?? options.unknownToken
      options.startToken = try token("cls_token", settings) ?? options.startToken
      options.endToken = try token("sep_token", settings) ?? options.endToken
      try settings.require("truncation_side", "left", "right")
      truncatesLeft = settings["truncation_side"].map { $0 == "left" }
      // Padding on the left moves the positions of the shorter texts of a batch.
      try settings.require("padding_side", "right")
      padsRight = settings["padding_side"] != nil
    }
    var tokenizer: WordPieceTokenizer
    if let url = folder.file("tokenizer.json") {
      tokenizer =
        isBert ? try WordPieceTokenizer(contentsOf: url, options: options) : try WordPieceTokenizer(contentsOf: url)
    } else if let url = folder.file("vocab.txt"), isBert {
      tokenizer = try WordPieceTokenizer(vocabulary: url, options: options)
    } else if builtInVocabulary {
      return try WordPieceTokenizer(
        contentsOf: ModelFolder(BuiltInModels.folder(BuiltInModels.encoder)).requiredFile("tokenizer.json"))
    } else {
      throw MinkeError(
        .notFound, folder.url.relativePath, expected: isBert ? "tokenizer.json or vocab.txt" : "tokenizer.json",
        found: "neither file")
    }
    if tokenizer.padsLeft, !padsRight {
      throw MinkeError(
        .unsupportedFile, "\(folder.url.relativePath): tokenizer.json: padding", expected: "padding on the right",
        found: "on the left")
    }
    if let truncatesLeft { tokenizer = tokenizer.truncating(left: truncatesLeft) }
    return try adding(isBert ? defaultTokens : [:], settings, of: folder, to: tokenizer)
  }

  /// The special tokens of class `BertTokenizer`, which settings may replace.
  private static let defaultTokens = [
    "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]",
  ]

  /// The text of a special token, which stands alone or in an object with its rules.
  private static func token(_ key: String, _ settings: ConfigurationReader) throws(MinkeError) -> String? {
    guard let value = settings[key] else { return nil }
    guard let text = value.string ?? value["content"]?.string else {
      throw settings.malformed(key, expected: "a token")
    }
    return text
  }

  /// `tokenizer` with the special tokens that the settings name and its own file does not add, found whole in a text.
  ///
  /// - Parameter defaults: the tokens of settings that are silent, which may be missing in the vocabulary.
  /// - Throws: `MinkeError` naming the setting that names a token without an id.
  private static func adding(
    _ defaults: [String: String], _ settings: ConfigurationReader?, of folder: ModelFolder,
    to tokenizer: WordPieceTokenizer
  ) throws -> WordPieceTokenizer {
    var added = try listedTokens(settings, tokenizer)
    func isKnown(_ id: TokenID) -> Bool { tokenizer.addedToken(id) != nil || added[id] != nil }
    for (key, content) in defaults where settings?[key] == nil {
      guard let id = tokenizer.id(of: content), !isKnown(id) else { continue }
      added[id] = AddedToken(id: id, content: content, special: true)
    }
    var named: [(key: String, value: JSONValue)] = []
    for key in ["unk_token", "cls_token", "sep_token", "pad_token", "mask_token", "bos_token", "eos_token"] {
      if let value = settings?[key] { named.append((key, value)) }
    }
    for key in ["additional_special_tokens", "extra_special_tokens", "model_specific_special_tokens"] {
      let values = settings?[key]
      for value in values?.array ?? Array((values?.object ?? [:]).values) { named.append((key, value)) }
    }
    for (key, value) in named {
      guard let content = value.string ?? value["content"]?.string, let id = tokenizer.id(of: content) else {
        throw unknown(key, value.text, settings)
      }
      if isKnown(id) { continue }
      added[id] = AddedToken(
        id: id, content: content, singleWord: value["single_word"]?.boolean ?? false,
        stripsLeft: value["lstrip"]?.boolean ?? false, stripsRight: value["rstrip"]?.boolean ?? false,
        normalized: value["normalized"]?.boolean ?? false, special: true)
    }
    // The oldest of the files, which says no more than which tokens there are.
    if settings?["added_tokens_decoder"] == nil, let older = try folder.configuration("added_tokens.json") {
      for (content, value) in older.members {
        guard let id = tokenizer.id(of: content) else {
          throw unknown(content, value.text, older)
        }
        if isKnown(id) { continue }
        added[id] = AddedToken(id: id, content: content, normalized: true)
      }
    }
    return tokenizer.adding(Array(added.values))
  }

  /// The tokens that `tokenizer_config.json` lists by id and `tokenizer` does not find yet.
  ///
  /// - Throws: `MinkeError` for one that the tokenizer's own file has otherwise.
  private static func listedTokens(
    _ settings: ConfigurationReader?, _ tokenizer: WordPieceTokenizer
  ) throws(MinkeError) -> [TokenID: AddedToken] {
    var tokens: [TokenID: AddedToken] = [:]
    for (number, value) in (settings?["added_tokens_decoder"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
      func rule(_ key: String) -> Bool { value[key]?.boolean ?? false }
      guard let id = TokenID(number), let content = value["content"]?.string, tokenizer.token(id) == content else {
        throw unknown("added_tokens_decoder", "\(number): \(value.text)", settings)
      }
      guard let known = tokenizer.addedToken(id) else {
        tokens[id] = AddedToken(
          id: id, content: content, singleWord: rule("single_word"), stripsLeft: rule("lstrip"),
          stripsRight: rule("rstrip"), normalized: value["normalized"]?.boolean ?? !rule("special"),
          special: rule("special"))
        continue
      }
      guard known.singleWord == rule("single_word"), known.stripsLeft == rule("lstrip"),
        known.stripsRight == rule("rstrip")
      else { throw unknown("added_tokens_decoder", "\(number): \(value.text)", settings) }
    }
    return tokens
  }

  /// The error for a token that is not, or not so, in the tokenizer's own file.
  private static func unknown(_ key: String, _ found: String, _ settings: ConfigurationReader?) -> MinkeError {
    MinkeError(
      .unsupportedFile, [settings?.subject, key].compactMap { $0 }.joined(separator: ": "),
      expected: "tokens as in the tokenizer's own file", found: found)
  }

  /// Refuses keys of `tokenizer_config.json` that are neither understood nor known to change no id.
  private static func check(_ settings: ConfigurationReader) throws(MinkeError) {
    // Without the mask, texts would see the padding of their batch.
    if let names = settings["model_input_names"]?.array, !names.contains("attention_mask") {
      throw settings.unsupported("model_input_names", expected: "attention_mask among them")
    }
    try settings.requireOnly([
      // Understood.
      "tokenizer_class", "do_lower_case", "strip_accents", "tokenize_chinese_chars", "unk_token", "cls_token",
      "sep_token", "pad_token", "mask_token", "bos_token", "eos_token", "truncation_side", "padding_side",
      "model_max_length", "max_len", "added_tokens_decoder", "additional_special_tokens", "extra_special_tokens",
      "model_specific_special_tokens", "model_input_names",
      // Of the tokenizers written in Python alone, of padding, of pairs of texts, of decoding, of where files were.
      "do_basic_tokenize", "never_split", "use_fast", "from_slow", "pad_to_multiple_of", "pad_token_type_id",
      "max_length", "stride", "truncation_strategy", "clean_up_tokenization_spaces",
      "name_or_path", "special_tokens_map_file", "special_tokens_map", "full_tokenizer_file", "tokenizer_file",
      "vocab_file", "init_inputs", "processor_class", "backend", "is_local", "local_files_only",
      "trust_remote_code", "verbose", "chat_template", "device_map", "model_type", "add_prefix_space",
    ])
  }
}
