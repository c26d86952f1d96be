import Foundation
import MinkeCheckpoints
import MinkeCore
import MinkeText

/// What a model folder holds, also when it cannot be loaded: what is there, what it makes, and what is missing.
public struct ModelReport: Sendable, CustomStringConvertible {
  /// A file of the folder and its size in bytes.
  public struct File: Sendable {
    public let name: String
    public let byteCount: Int
  }

  /// A tensor of one of the folder's checkpoints.
  public struct TensorLine: Sendable {
    public let file: String
    public let name: String
    public let type: String
    public let shape: [Int]
  }

  public let folder: String
  public let files: [File]
  public let tensors: [TensorLine]
  /// Facts about the loaded model, in the order to show them; empty when it could not be loaded.
  public private(set) var facts: [(name: String, value: String)] = []
  /// Why the folder, or a file of it, cannot be loaded; empty when all is well.
  public private(set) var problems: [String] = []

  /// Looks at the model called `name`, a built-in name or the path of a folder.
  ///
  /// - Throws: ``MinkeError`` only when there is no such folder; whatever is wrong inside is in ``problems``.
  public init(_ name: String) throws {
    let folder = try ModelLibrary.folder(name)
    self.folder = folder.url.path
    let manager = FileManager.default
    let names = (try? manager.subpathsOfDirectory(atPath: folder.url.path)) ?? []
    files = names.sorted().compactMap { name in
      let attributes = try? manager.attributesOfItem(atPath: folder.url.appendingPathComponent(name).path)
      guard attributes?[.type] as? FileAttributeType == .typeRegular else { return nil }
      return File(name: name, byteCount: (attributes?[.size] as? NSNumber)?.intValue ?? 0)
    }

    var tensors: [TensorLine] = []
    var problems: [String] = []
    for file in files where [".safetensors", ".pt", ".bin"].contains(where: file.name.hasSuffix) {
      // The 4-bit table has no tensors by name; it is read with the model.
      if file.name.hasSuffix(StaticEncoder.packedTableName) { continue }
      do {
        let checkpoint = try Checkpoint(contentsOf: folder.url.appendingPathComponent(file.name))
        for name in checkpoint.tensorNames {
          let tensor = try checkpoint.tensor(name)
          tensors.append(
            TensorLine(file: file.name, name: name, type: tensor.elementType.rawValue, shape: tensor.shape))
        }
      } catch { problems.append("\(error)") }
    }
    self.tensors = tensors

    do {
      if try SpikeWhaleFolder.recognizes(folder), try !ByrneEncoder.recognizes(folder) {
        facts = Self.facts(about: try ModelLibrary.languageModel(name))
      } else {
        facts = Self.facts(about: try ModelLibrary.textEncoder(name))
      }
    } catch {
      if !problems.contains("\(error)") { problems.append("\(error)") }
    }
    self.problems = problems
  }

  private static func facts(about encoder: any TextEncoder) -> [(String, String)] {
    var facts = [("name", encoder.identity.name), ("fingerprint", encoder.identity.fingerprint)]
    func addLayers(_ bert: BertConfiguration, longest: Int, bytes: Int) {
      facts.append(("layers", "\(bert.layerCount), \(bert.headCount) heads"))
      facts.append(("hidden size", "\(bert.hiddenSize), intermediate \(bert.intermediateSize)"))
      facts.append(("longest text", "\(longest) tokens"))
      facts.append(("weights in memory", "\(bytes) bytes"))
    }
    switch encoder {
    case let encoder as StaticEncoder:
      facts.append(("kind", encoder.kind.rawValue))
      facts.append(("token table", "\(encoder.rowCount) x \(encoder.dimension), \(encoder.byteCount) bytes"))
    case let encoder as BertEncoder:
      facts.append(("kind", "BERT"))
      facts.append(("pooling", encoder.pooling.modes.map(\.rawValue).joined(separator: ", ")))
      addLayers(encoder.configuration, longest: encoder.maximumLength, bytes: encoder.byteCount)
    case let encoder as BinaryEncoder:
      facts.append(("kind", "BNE, native binary embeddings"))
      addLayers(encoder.configuration, longest: encoder.maximumLength, bytes: encoder.byteCount)
    default: break
    }
    if let encoder = encoder as? ByrneEncoder {
      facts.append(("kind", "Byrne-Embed"))
      facts += Self.facts(about: encoder.model)
      facts.append(("head activation", encoder.activation.rawValue))
      facts += encoder.assumptions.map { ("assumed", $0) }
    }
    facts.append(("dimensions", encoder.dimensions.map(String.init).joined(separator: ", ")))
    facts.append(("metric", encoder.metric.rawValue))
    facts.append(("vocabulary", "\(encoder.tokenizer.vocabularySize) tokens"))
    return facts
  }

  private static func facts(about language: LanguageModel) -> [(String, String)] {
    var facts = [
      ("name", language.identity.name), ("fingerprint", language.identity.fingerprint), ("kind", "SpikeWhale"),
    ]
    if let model = language.model as? SpikeWhaleModel { facts += Self.facts(about: model) }
    facts.append(("context", "\(language.contextLength) tokens"))
    facts.append(("vocabulary", "\(language.tokenizer.vocabularySize) tokens"))
    return facts + language.assumptions.map { ("assumed", $0) }
  }

  private static func facts(about model: SpikeWhaleModel) -> [(String, String)] {
    [
      ("tensor count", "\(model.tensorCount)"), ("element count", "\(model.elementCount)"),
      ("precision", model.precision.rawValue), ("hyper-connections", "\(model.form)"),
    ]
  }

  /// The report for people, several lines.
  public var description: String {
    var lines = facts + [("folder", folder)]
    lines += files.map { ("file", "\($0.name), \($0.byteCount) bytes") }
    lines += tensors.map { ("tensor", "\($0.name) \($0.type) \($0.shape), in \($0.file)") }
    lines += problems.map { ("problem", $0) }
    let width = lines.map(\.0.count).max() ?? 0
    return lines.map { $0 + String(repeating: " ", count: width + 2 - $0.count) + $1 + "\n" }.joined()
  }

  /// The report as JSON.
  public var json: JSONValue {
    [
      "folder": .string(folder),
      "facts": .object(Dictionary(facts.map { ($0.name, .string($0.value)) }) { first, _ in first }),
      "files": .array(files.map { ["name": .string($0.name), "bytes": .integer($0.byteCount)] }),
      "tensors": .array(
        tensors.map {
          [
            "file": .string($0.file), "name": .string($0.name), "type": .string($0.type),
            "shape": .array($0.shape.map { .integer($0) }),
          ]
        }),
      "problems": .array(problems.map { .string($0) }),
    ]
  }
}
