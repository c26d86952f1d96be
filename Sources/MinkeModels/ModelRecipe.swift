import MinkeCheckpoints
import MinkeCore
import MinkeText
import Synchronization

/// Everything that changes a model's vectors, hashed once, when someone asks.
///
/// The hash is BLAKE2b over the names and values in the order in which they are added. Weights and other long bytes are
/// hashed in pieces of 1 MiB on all cores, and the pieces' hashes stand for them, so that the result does not depend on
/// the number of threads.
package final class ModelRecipe: Sendable {
  /// What a recipe is written into.
  package struct Ingredients: ~Copyable {
    private var message: [UInt8] = []

    fileprivate init() {}

    /// A named value, such as a setting.
    package mutating func add(_ name: String, _ value: String) {
      append(Array(name.utf8))
      append(Array(value.utf8))
    }

    /// The elements of a tensor, whatever file they are in.
    package mutating func add(_ tensor: Tensor, named name: String? = nil) {
      add(name ?? tensor.name, "\(tensor.elementType.rawValue) \(tensor.shape)")
      append(tensor.bytes())
    }

    /// All tensors of `checkpoint`, in the order of their names.
    package mutating func add(_ checkpoint: Checkpoint) {
      for (_, tensor) in checkpoint.tensors.sorted(by: { $0.key < $1.key }) { add(tensor) }
    }

    /// A named run of numbers, by their bytes.
    package mutating func add<Element>(_ name: String, _ elements: SharedBuffer<Element>) {
      append(Array(name.utf8))
      append(elements)
    }

    /// The way from a text to token ids.
    package mutating func add(_ tokenization: TextTokenization) {
      add("tokenizer", tokenization.tokenizer.definition)
      add("special tokens", "\(tokenization.addsSpecialTokens)")
      add("omitted", "\(tokenization.omittedToken ?? -1)")
      add("characters", "\(tokenization.characterLimit ?? -1)")
      add("default prompt", tokenization.prompts.text(for: nil))
      for role in TextRole.allCases { add("\(role) prompt", tokenization.prompts.text(for: role)) }
    }

    /// What `modules.json` lists behind the first module, each with its settings and weights, as they were read.
    package mutating func add(modulesOf folder: ModelFolder) {
      for module in folder.modules.dropFirst() where module.className != "Dropout" {
        let files = folder.opened(inModule: module)
        // What a Normalize may say is refused unless it is what every Normalize does.
        let settings = module.className == "Normalize" ? nil : files.configuration?.text
        add("module \(module.className)", settings ?? "")
        if let checkpoint = files.checkpoint { add(checkpoint) }
      }
    }

    private mutating func append(_ bytes: [UInt8]) {
      message += withUnsafeBytes(of: UInt64(bytes.count).littleEndian, Array.init)
      message += bytes
    }

    private static var pieceSize: Int { 1 << 20 }

    private mutating func append<Element>(_ elements: SharedBuffer<Element>) {
      let size = elements.count * MemoryLayout<Element>.stride
      message += withUnsafeBytes(of: UInt64(size).littleEndian, Array.init)
      let pieces = (size + Self.pieceSize - 1) / Self.pieceSize
      let digests = Mutex([[UInt8]](repeating: [], count: pieces))
      let hashing: @Sendable (Range<Int>, Int) -> Void = { range, _ in
        for piece in range {
          let start = piece * Self.pieceSize
          let part = UnsafeRawBufferPointer(elements.pointer)[start..<min(size, start + Self.pieceSize)]
          let digest = BLAKE2b.hash(UnsafeRawBufferPointer(rebasing: part), length: 32)
          digests.withLock { $0[piece] = digest }
        }
      }
      do {
        try Workers.forEachPiece(of: pieces, grain: 1, hashing)
      } catch {
        // Only a cancelled task stops the workers; a fingerprint that was begun is finished all the same.
        hashing(0..<pieces, 0)
      }
      for digest in digests.withLock({ $0 }) { message += digest }
    }

    fileprivate consuming func digest() -> String {
      let digest = message.withUnsafeBytes { BLAKE2b.hash($0, length: 16) }
      return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }

  private let write: @Sendable (inout Ingredients) -> Void
  private let known = Mutex<String?>(nil)

  /// A recipe that `write` will write down when it is asked for.
  package init(_ write: @escaping @Sendable (inout Ingredients) -> Void) { self.write = write }

  /// 32 hexadecimal digits.
  package var fingerprint: String {
    known.withLock { known in
      if let known { return known }
      var ingredients = Ingredients()
      write(&ingredients)
      let fingerprint = ingredients.digest()
      known = fingerprint
      return fingerprint
    }
  }
}
