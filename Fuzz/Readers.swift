import Minke

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One of the readers under test: good files to damage, and the call that reads one.
struct Reader: Sendable {
  let name: String
  let mutator: Mutator
  /// Puts damaged bytes into a whole file, so that the damage is not all caught at the door.
  typealias Wrap = @Sendable ([UInt8], inout SplitMix64) -> [UInt8]
  let wrap: Wrap
  /// Reads the file and uses what it holds; throws what the reader throws.
  let read: @Sendable (UnsafeRawBufferPointer) throws -> Void

  init(
    _ name: String, seeds: [[UInt8]], words: [String] = [], wrap: @escaping Wrap = { bytes, _ in bytes },
    read: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
  ) {
    self.name = name
    mutator = Mutator(seeds: seeds, words: words.map { Array($0.utf8) })
    self.wrap = wrap
    self.read = read
  }

  static func all() throws -> [Reader] {
    try models() + formats()
  }

  /// The readers of models' files.
  private static func models() throws -> [Reader] {
    [
      Reader(
        "safetensors", seeds: try safetensorsSeeds(), words: jsonWords + safetensorsWords, wrap: lengthPrefixed,
        read: readCheckpoint),
      Reader("torch", seeds: try torchSeeds(), read: readCheckpoint),
      Reader("pickle", seeds: try pickleSeeds(), words: pickleWords, wrap: zipped, read: readCheckpoint),
      Reader("npy", seeds: try numPySeeds(), words: numPyWords) {
        try use(NumPyArray(bytes: $0, named: "input").values)
      },
      Reader("wordpiece", seeds: wordPieceSeeds, words: jsonWords + wordPieceWords) {
        let tokenizer = try WordPieceTokenizer(parsing: $0, subject: "input")
        _ = tokenizer.decode(tokenizer.encode("A whale [X] caf\u{e9} \u{1f433} ab,ab", addingSpecialTokens: true))
      },
      Reader("json", seeds: jsonSeeds, words: jsonWords) { _ = try JSONValue(parsing: $0, subject: "input").text },
      Reader("four-bit", seeds: [[0x12, 0x34, 0x56, 0x78, 0, 0, 0x80, 0x3f]]) {
        let table = try FourBitTable(bytes: $0, columns: 8, named: "input")
        for row in 0..<table.rows { _ = table.row(row) }
      },
      Reader("words", seeds: try WordReaders.seeds(), read: WordReaders.read),
      Reader("ordinals", seeds: WordReaders.ordinalSeeds) {
        guard let set = OrdinalSet(bytes: Array($0), below: 1 << 20) else { return }
        precondition(OrdinalSet(bytes: set.bytes) == set)
      },
      Reader("word-query", seeds: WordReaders.querySeeds, words: ["\"", "-", ":", "path:", " ", "\u{201c}", "_"]) {
        let text = String(decoding: $0, as: UTF8.self)
        let query = WordQuery(parsing: text)
        precondition(query.text.utf8.count <= text.utf8.count)
        for analyzer in [WordAnalyzer(), WordAnalyzer(stems: false)] { _ = analyzer.words(of: text) }
      },
    ]
  }

  @Sendable private static func readCheckpoint(_ bytes: UnsafeRawBufferPointer) throws {
    for tensor in try Checkpoint(bytes: bytes, named: "input").tensors.values { try use(tensor) }
  }

  @Sendable private static func use(_ tensor: Tensor) throws {
    let bytes = tensor.bytes()
    precondition(bytes.count == tensor.count * tensor.elementType.byteCount)
    let floats = try tensor.floats()
    precondition(floats.count == tensor.count)
    if !tensor.elementType.isFloatingPoint {
      let integers = try tensor.integers()
      precondition(integers.count == tensor.count)
    }
    _ = try tensor.floats(requiringFinite: true)
  }

  // MARK: Good files

  private static func tensors() throws -> [Tensor] {
    [
      try Tensor(name: "w", shape: [2, 3], floats: [1, 2, 3, 4, 5, 6]),
      try Tensor(name: "n", shape: [2], integers: [1, 2]),
      try Tensor(name: "e", shape: [0, 4], floats: []),
    ]
  }

  /// What `write` writes to a file.
  private static func written(_ write: (URL) throws -> Void) throws -> [UInt8] {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("minke-fuzz-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: url) }
    try write(url)
    return Array(try Data(contentsOf: url))
  }

  static func fixture(_ name: String) throws -> [UInt8] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return Array(try Data(contentsOf: root.appendingPathComponent("Tests/Fixtures/\(name)")))
  }

  private static func safetensorsSeeds() throws -> [[UInt8]] {
    let tensors = try tensors()
    return [
      try written { try Safetensors.write([tensors[0]], to: $0) },
      try written { try Safetensors.write(tensors, metadata: ["format": "pt", "a": "\"\u{1f433}"], to: $0) },
    ]
  }

  private static func torchSeeds() throws -> [[UInt8]] {
    let tensors = try tensors()
    return [
      try written { try TorchArchive.write([tensors[0]], to: $0) },
      try written { try TorchArchive.write(tensors, to: $0) },
      try fixture("torch/protocol4.pt"),
    ]
  }

  /// The pickles of PyTorch's own archives, in which they are the first entry.
  private static func pickleSeeds() throws -> [[UInt8]] {
    try ["torch/protocol4.pt", "torch/variety.pt"].map { name in
      let file = try fixture(name)
      let start = 30 + Int(file[26]) + Int(file[27]) << 8 + Int(file[28]) + Int(file[29]) << 8
      let stop = file.indices.dropFirst(start).first { file[$0...].starts(with: [0x2e, 0x50, 0x4b, 0x07, 0x08]) }
      return Array(file[start...(stop ?? start)])
    }
  }

  private static func numPySeeds() throws -> [[UInt8]] {
    try tensors().map { try NumPyArray($0).serialized() }
      + [try Embeddings(packed: [1, 2, 3, 4], dimension: 16).npyBytes()]
  }

  private static let jsonSeeds = [
    #"{"a":[1,-2.5e3,true,false,null,"x\n\u00e9\ud83d\udc33"],"b":{"c":{}},"d":[]}"#, #"[[[[["deep"]]]],{"":""}]"#,
  ].map { Array($0.utf8) }

  private static let wordPieceSeeds = [
    """
    {"version":"1.0","truncation":{"max_length":8,"strategy":"LongestFirst","stride":0,"direction":"Right"},\
    "padding":null,"added_tokens":[{"id":3,"content":"[X]","single_word":true,"lstrip":true,"rstrip":false,\
    "normalized":false,"special":true}],"normalizer":{"type":"BertNormalizer","clean_text":true,\
    "handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},\
    "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[X]","type_id":0}},\
    {"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"[X]":{"id":"[X]","ids":[3],"tokens":["[X]"]}}},\
    "decoder":{"type":"WordPiece","prefix":"##","cleanup":true},"model":{"type":"WordPiece","unk_token":"[U]",\
    "continuing_subword_prefix":"##","max_input_chars_per_word":9,"vocab":{"[U]":0,"a":1,"##b":2,"[X]":3,"whale":4}}}
    """
  ].map { Array($0.utf8) }

  private static let wordPieceWords = [
    "\"vocab\":", "\"type\":", "\"WordPiece\"", "\"ids\":", "\"id\":", "\"##\"", "99999999", "\"normalized\":true",
  ]
  static let jsonWords = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud83d", "null", "true", "-", "1e", "\0", "\u{ff}", "{\"a\":",
    "[[[[",
  ]
  private static let safetensorsWords = [
    "\"dtype\":", "\"shape\":", "\"data_offsets\":", "\"__metadata__\":", "\"F64\"", "\"I8\"", "\"BOOL\"", "[0,0]",
    "[]",
  ]
  private static let numPyWords = [
    "'descr':", "'fortran_order':", "'shape':", "True", "False", "()", "(", ")", ",", "'<f8'", "'|O'", "{", "}", "\"",
  ]
  private static let pickleWords = [
    "(", ")", "}", "]", "t", "u", "s", "a", "e", "R", "b", "Q", "N", ".", "q\0", "h\0", "h\u{1}", "K\0", "K\u{7f}",
    "ccollections\nOrderedDict\n", "ctorch._utils\n_rebuild_tensor_v2\n", "ctorch._utils\n_rebuild_parameter\n",
    "ctorch\nDoubleStorage\n", "cos\nsystem\n", "X\u{1}\0\0\0a", "]q\0h\0a", "}q\0K\u{1}h\0s",
  ]

  // MARK: Whole files

  /// The damaged safetensors file, half of the time with the length of its header put right.
  @Sendable private static func lengthPrefixed(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    guard random.below(2) == 0, bytes.count > 8, let brace = bytes.lastIndex(of: UInt8(ascii: "}")), brace > 8 else {
      return bytes
    }
    let end = bytes[(brace + 1)...].firstIndex { $0 != UInt8(ascii: " ") } ?? bytes.count
    return littleEndian(UInt64(end - 8)) + bytes[8...]
  }

  /// A torch archive of the damaged pickle and of storages for the tensors in the good ones.
  @Sendable private static func zipped(_ pickle: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var zip = storages
    zip.append("x/data.pkl", pickle)
    return zip.bytes
  }

  private static let storages: StoredZip = {
    var zip = StoredZip()
    for key in 0..<20 { zip.append("x/data/\(key)", [UInt8](repeating: 0x3f, count: 48)) }
    return zip
  }()

  private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  /// A zip file of stored entries, as small as can be.
  private struct StoredZip {
    private var entries: [UInt8] = []
    private var directory: [UInt8] = []
    private var count: UInt16 = 0

    mutating func append(_ name: String, _ data: [UInt8]) {
      let offset = littleEndian(UInt32(entries.count))
      let size = littleEndian(UInt32(data.count))
      // No flags, no compression, no time, no checksum.
      let common = [20, 0] + [UInt8](repeating: 0, count: 12) + size + size + littleEndian(UInt16(name.utf8.count))
      entries += [0x50, 0x4b, 3, 4] + common + [0, 0] + Array(name.utf8) + data
      directory += [0x50, 0x4b, 1, 2, 20, 0] + common + [UInt8](repeating: 0, count: 12) + offset + Array(name.utf8)
      count += 1
    }

    var bytes: [UInt8] {
      let place = littleEndian(UInt32(directory.count)) + littleEndian(UInt32(entries.count))
      return entries + directory + [0x50, 0x4b, 5, 6, 0, 0, 0, 0] + littleEndian(count) + littleEndian(count) + place
        + [0, 0]
    }
  }
}
