import MinkeCore
import MinkeText

/// How the texts of an encoder's folder become ids: its tokenizer, read as transformers reads it, and what
/// sentence-transformers adds.
///
/// What the tokenizer's class sets counts more than `tokenizer.json`, see ``TokenizerClass``.
enum TransformerTokenization {
  /// The tokenization of `folder`.
  ///
  /// - Parameters:
  ///   - given: a tokenizer to use in place of the folder's.
  ///   - maximumLength: where texts are cut; nil for where the folder says.
  ///   - configuration: that of the model, beyond whose positions no text goes.
  ///   - builtInVocabulary: whether a folder without tokenizer files means the vocabulary of bert-base-uncased.
  /// - Throws: `MinkeError` when a file is missing or malformed, or a setting is not supported.
  static func read(
    _ folder: ModelFolder, tokenizer given: (any Tokenizer)?, maximumLength: Int?,
    _ configuration: TransformerConfiguration, builtInVocabulary: Bool
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
    let cut = min(length ?? .max, configuration.maximumLength)
    guard cut >= 2 else {
      throw MinkeError(
        .malformedFile, "\(folder.url.relativePath): longest text", expected: "2 tokens or more", found: "\(cut)")
    }
    let lowercases = try sentence?.flag("do_lower_case", default: false) == true
    let prompts = try Prompts(folder)
    if let given {
      return TextTokenization(given.truncating(to: cut), addsSpecialTokens: true, prompts: prompts)
    }
    var tokenizer = try tokenizer(of: folder, settings, configuration.family, builtInVocabulary: builtInVocabulary)
    if lowercases { tokenizer = tokenizer.lowercasing() }
    return TextTokenization(tokenizer.truncating(to: cut), addsSpecialTokens: true, prompts: prompts)
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
    TokenizerClass.fileNames + ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"]
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
    of folder: ModelFolder, _ settings: ConfigurationReader?, _ family: TransformerConfiguration.Family,
    builtInVocabulary: Bool
  ) throws -> any FileTokenizer {
    let kind = try TokenizerClass(of: folder, settings, family)
    if let settings { try check(settings) }
    guard var tokenizer = try kind.tokenizer(in: folder, settings) else {
      guard builtInVocabulary else { throw kind.missingFiles(in: folder) }
      return try WordPieceTokenizer(
        contentsOf: ModelFolder(BuiltInModels.folder(BuiltInModels.encoder)).requiredFile("tokenizer.json"))
    }
    // Padding on the left moves the positions of the shorter texts of a batch.
    try settings?.require("padding_side", "right")
    if tokenizer.padsLeft, settings?["padding_side"] == nil {
      throw MinkeError(
        .unsupportedFile, "\(folder.url.relativePath): tokenizer.json: padding", expected: "padding on the right",
        found: "on the left")
    }
    try settings?.require("truncation_side", "left", "right")
    if let side = settings?["truncation_side"] { tokenizer = tokenizer.truncating(left: side == "left") }
    return try adding(kind, settings, of: folder, to: tokenizer)
  }

  /// The text of a special token, which stands alone or in an object with its rules.
  static func token(_ key: String, _ settings: ConfigurationReader) throws(MinkeError) -> String? {
    guard let value = settings[key] else { return nil }
    guard let text = value.string ?? value["content"]?.string else {
      throw settings.malformed(key, expected: "a token")
    }
    return text
  }

  /// `tokenizer` with the special tokens that the settings name and its own file does not add, found whole in a text.
  ///
  /// - Parameter kind: says which tokens there are where settings are silent; they may be missing in the vocabulary.
  /// - Throws: `MinkeError` naming the setting that names a token without an id.
  private static func adding(
    _ kind: TokenizerClass, _ settings: ConfigurationReader?, of folder: ModelFolder, to tokenizer: any FileTokenizer
  ) throws -> any FileTokenizer {
    var added = try listedTokens(settings, tokenizer)
    func isKnown(_ id: TokenID) -> Bool { tokenizer.addedToken(id) != nil || added[id] != nil }
    for (key, content) in kind.specialTokens where settings?[key] == nil {
      guard let id = tokenizer.id(of: content), !isKnown(id) else { continue }
      added[id] = AddedToken(id: id, content: content, stripsLeft: kind.stripsLeft(of: key), special: true)
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
        stripsLeft: value["lstrip"]?.boolean ?? kind.stripsLeft(of: key),
        stripsRight: value["rstrip"]?.boolean ?? false,
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
    _ settings: ConfigurationReader?, _ tokenizer: any FileTokenizer
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
    // Even false makes transformers put other tokens around a text than the tokenizer's file says.
    try settings.require("add_bos_token")
    try settings.require("add_eos_token")
    try settings.requireOnly([
      // Understood.
      "tokenizer_class", "do_lower_case", "strip_accents", "tokenize_chinese_chars", "unk_token", "cls_token",
      "sep_token", "pad_token", "mask_token", "bos_token", "eos_token", "truncation_side", "padding_side",
      "model_max_length", "max_len", "added_tokens_decoder", "additional_special_tokens", "extra_special_tokens",
      "model_specific_special_tokens", "model_input_names", "add_prefix_space",
      // Of the tokenizers written in Python alone, of padding, of pairs of texts, of decoding, of places in the text, of
      // where files were.
      "do_basic_tokenize", "never_split", "use_fast", "from_slow", "pad_to_multiple_of", "pad_token_type_id",
      "max_length", "stride", "truncation_strategy", "clean_up_tokenization_spaces",
      "name_or_path", "special_tokens_map_file", "special_tokens_map", "full_tokenizer_file", "tokenizer_file",
      "vocab_file", "merges_file", "init_inputs", "processor_class", "backend", "is_local", "local_files_only",
      "trust_remote_code", "verbose", "chat_template", "device_map", "model_type", "errors", "trim_offsets",
    ])
  }
}
