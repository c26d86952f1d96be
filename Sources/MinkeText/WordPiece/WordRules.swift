import MinkeCore
import Synchronization

/// What becomes of each byte of ASCII and, in a table made when it is first needed, of each other scalar.
final class WordRules: Sendable {
  /// The kinds of bytes.
  enum Byte {
    /// Part of a word.
    static let word: UInt8 = 0
    /// White space between words.
    static let space: UInt8 = 1
    /// A token of its own.
    static let isolated: UInt8 = 2
    /// Removed.
    static let dropped: UInt8 = 3
    /// Part of a scalar beyond ASCII.
    static let multibyte: UInt8 = 4
  }

  let normalization: BertNormalization
  /// The kind of each byte, ``Byte``.
  let kinds: SharedBuffer<UInt8>
  /// The id of each byte that is a token of its own.
  private let isolatedIDs: SharedBuffer<TokenID>
  /// The memory of both without its owners, as that of a ``TokenTable``; valid as long as the rules.
  let lookup: Lookup
  private let classes = AtomicLazyReference<Classes>()

  /// ``kinds`` and the ids, by the byte.
  // SAFETY of @unchecked: what the pointers lead to is never written after the rules are made.
  struct Lookup: @unchecked Sendable {
    let kinds: UnsafePointer<UInt8>
    let isolatedIDs: UnsafePointer<TokenID>
  }

  private final class Classes: Sendable {
    let table: ScalarClasses
    init(_ table: ScalarClasses) { self.table = table }
  }

  /// - Parameter unknown: the id of what the vocabulary does not have.
  init(_ normalization: BertNormalization, vocabulary: TokenVocabulary, unknown: TokenID) {
    let kinds = AlignedBuffer<UInt8>(uninitialized: 256)
    let isolatedIDs = AlignedBuffer<TokenID>(uninitialized: 256)
    for value in 0..<256 {
      let byte = UInt8(value)
      isolatedIDs.baseAddress[value] = unknown
      kinds.baseAddress[value] =
        switch byte {
        case 0x80...: Byte.multibyte
        case 0x20, 0x09, 0x0a, 0x0d: Byte.space
        case 0x0b, 0x0c: normalization.cleansText ? Byte.dropped : Byte.space
        case ..<0x20, 0x7f: normalization.cleansText ? Byte.dropped : Byte.word
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "a")...UInt8(ascii: "z"):
          Byte.word
        default: Byte.isolated
        }
      if kinds.baseAddress[value] == Byte.isolated, let id = vocabulary.words.lookup.find(word: UInt64(byte), 1) {
        isolatedIDs.baseAddress[value] = id
      }
    }
    self.normalization = normalization
    lookup = Lookup(kinds: kinds.baseAddress, isolatedIDs: isolatedIDs.baseAddress)
    self.kinds = SharedBuffer(kinds)
    self.isolatedIDs = SharedBuffer(isolatedIDs)
  }

  /// The classes of all scalars.
  var scalarClasses: ScalarClasses {
    (classes.load() ?? classes.storeIfNil(Classes(ScalarClasses(normalization)))).table
  }
}
