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
  /// - Throws: ``MinkeError`` when a file is missing or malformed, or a setting is not supported.
  static func read(
    _ folder: ModelFolder, tokenizer given: (any Tokenizer)?, maximumLength: Int?, positions: Int?,
    builtInVocabulary: Bool
  ) throws -> TextTokenization {
    let sentence = try folder.configuration("sentence_bert_config.json")
    try sentence.map(check(sentence:))
    let settings = try given == nil ? folder.configuration("tokenizer_config.json") : nil
    let limit = 0...Int.max
    var length =
      try maximumLength
      ?? sentence?["max_seq_length"].map { _ in
        try sentence?.integer("max_seq_length", in: limit) ?? 0
      }
    // Hugging Face writes 1e30 for "no limit".
    if length == nil { length = settings?["model_max_length"]?.integer }
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
    }
    var tokenizer: WordPieceTokenizer
    if let url = folder.file("tokenizer.json") {
      tokenizer =
        isBert ? try WordPieceTokenizer(contentsOf: url, options: options) : try WordPieceTokenizer(contentsOf: url)
    } else if let url = folder.file("vocab.txt"), isBert {
      if let more = try folder.configuration("added_tokens.json") { try more.requireOnly([]) }
      tokenizer = try WordPieceTokenizer(vocabulary: url, options: options)
    } else if builtInVocabulary {
      tokenizer = try WordPieceTokenizer(
        contentsOf: ModelFolder(BuiltInModels.folder(BuiltInModels.names[0])).requiredFile("tokenizer.json"))
    } else {
      throw MinkeError(
        .notFound, folder.url.relativePath, expected: isBert ? "tokenizer.json or vocab.txt" : "tokenizer.json",
        found: "neither file")
    }
    if let truncatesLeft { tokenizer = tokenizer.truncating(left: truncatesLeft) }
    if let settings { try checkAddedTokens(settings, tokenizer) }
    return tokenizer
  }

  /// The text of a special token, which stands alone or in an object with its settings.
  private static func token(_ key: String, _ settings: ConfigurationReader) throws(MinkeError) -> String? {
    guard let value = settings[key] else { return nil }
    guard let text = value.string ?? value["content"]?.string else {
      throw settings.malformed(key, expected: "a token")
    }
    return text
  }

  /// Refuses keys of `tokenizer_config.json` that are neither understood nor known to change no id.
  private static func check(_ settings: ConfigurationReader) throws(MinkeError) {
    try settings.requireOnly([
      // Understood.
      "tokenizer_class", "do_lower_case", "strip_accents", "tokenize_chinese_chars", "unk_token", "cls_token",
      "sep_token", "pad_token", "mask_token", "truncation_side", "model_max_length", "added_tokens_decoder",
      "additional_special_tokens", "extra_special_tokens",
      // Of the tokenizers written in Python alone, of padding, of pairs of texts, of decoding, of where files were.
      "do_basic_tokenize", "never_split", "use_fast", "from_slow", "padding_side", "pad_to_multiple_of",
      "pad_token_type_id", "max_length", "max_len", "stride", "truncation_strategy", "clean_up_tokenization_spaces",
      "name_or_path", "special_tokens_map_file", "special_tokens_map", "full_tokenizer_file", "tokenizer_file",
      "vocab_file", "init_inputs", "model_input_names", "processor_class", "backend", "is_local", "local_files_only",
      "trust_remote_code", "verbose", "chat_template", "device_map", "model_specific_special_tokens", "model_type",
      "bos_token", "eos_token", "add_prefix_space",
    ])
  }

  /// The tokens that `tokenizer_config.json` adds must be among those of the tokenizer, with the same rules.
  private static func checkAddedTokens(
    _ settings: ConfigurationReader, _ tokenizer: WordPieceTokenizer
  ) throws(MinkeError) {
    for (id, value) in (settings["added_tokens_decoder"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
      let content = value["content"]?.string ?? ""
      guard let id = Int32(id),
        tokenizer.isAdded(
          content, id: id, singleWord: value["single_word"]?.boolean ?? false, left: value["lstrip"]?.boolean ?? false,
          right: value["rstrip"]?.boolean ?? false)
      else {
        throw MinkeError(
          .unsupportedFile, "\(settings.subject): added_tokens_decoder", expected: "tokens of the tokenizer's own file",
          found: "\(id): \(value.text)")
      }
    }
    for key in ["additional_special_tokens", "extra_special_tokens"] {
      for value in settings[key]?.array ?? [] {
        let content = value.string ?? value["content"]?.string ?? ""
        guard let id = tokenizer.id(of: content), tokenizer.isSpecial(id) else {
          throw MinkeError(
            .unsupportedFile, "\(settings.subject): \(key)", expected: "special tokens of the tokenizer's own file",
            found: value.text)
        }
      }
    }
  }
}
