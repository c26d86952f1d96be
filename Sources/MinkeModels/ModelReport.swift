import MinkeCheckpoints
import MinkeCore
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a model folder holds, also when it cannot be loaded: what is there, what it makes, and what is missing.
public struct ModelReport: Sendable, CustomStringConvertible {
  /// A file of the folder and its size in bytes.
  public struct File: Sendable {
    /// Its path inside the folder.
    public let name: String
    /// Its size.
    public let byteCount: Int
  }

  /// A tensor of one of the folder's checkpoints.
  public struct TensorLine: Sendable {
    /// The file that holds it.
    public let file: String
    /// What the file calls it.
    public let name: String
    /// How its elements are stored.
    public let type: String
    /// The lengths of its axes.
    public let shape: [Int]
  }

  /// The folder's path.
  public let folder: String
  /// What lies in the folder, in the order of names; a link counts as what it leads to.
  public let files: [File]
  /// The tensors of the checkpoints among them.
  public let tensors: [TensorLine]
  /// Facts about the loaded model, in the order to show them; empty when it could not be loaded.
  public let facts: [ModelFact]
  /// Why the folder, or a file of it, cannot be loaded; empty when all is well.
  public let problems: [String]

  /// Looks at the model called `name`, as ``ModelSource/init(_:cache:)`` takes it.
  ///
  /// - Throws: `MinkeError` only when there is no such folder; whatever is wrong inside is in ``problems``.
  public init(_ name: String) throws {
    let folder = try ModelSource(name).open()
    self.folder = folder.url.path
    files = Self.files(in: folder.url)
    var tensors: [TensorLine] = []
    var problems: [String] = []
    for file in files where [".safetensors", ".pt", ".bin"].contains(where: file.name.hasSuffix) {
      // The 4-bit table has no tensors by name; it is read with the model.
      if file.name.hasSuffix(StaticEncoder.packedTableName) { continue }
      if let archive = folder.archive, file.name != archive.lastPathComponent { continue }
      do {
        let checkpoint = try folder.checkpoint(folder.url.appendingPathComponent(file.name))
        for name in checkpoint.tensorNames {
          let tensor = try checkpoint.tensor(name)
          tensors.append(
            TensorLine(file: file.name, name: name, type: tensor.elementType.rawValue, shape: tensor.shape))
        }
      } catch { problems.append("\(error)") }
    }
    self.tensors = tensors
    do {
      facts = Self.facts(about: try ModelLibrary.model(in: folder, LoadingOptions()))
    } catch {
      if !problems.contains("\(error)") { problems.append("\(error)") }
      facts = []
    }
    self.problems = problems
  }

  /// The plain files below `folder`, links followed. A link to a folder is not: it may lead back.
  private static func files(in folder: URL) -> [File] {
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder.resolvingSymlinksInPath().path)) ?? []
    return names.sorted().compactMap { name in
      let path = folder.appendingPathComponent(name).resolvingSymlinksInPath().path
      guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
        attributes[.type] as? FileAttributeType == .typeRegular
      else { return nil }
      return File(name: name, byteCount: (attributes[.size] as? UInt64).map { Int(clamping: $0) } ?? 0)
    }
  }

  private static func facts(about model: any LoadedModel) -> [ModelFact] {
    var facts = [ModelFact("name", model.identity.name), ModelFact("fingerprint", model.identity.fingerprint)]
    facts += model.facts
    if let encoder = model as? any TextEncoder {
      facts.append(ModelFact("dimensions", encoder.dimensions.map(String.init).joined(separator: ", ")))
      facts.append(ModelFact("metric", encoder.metric.rawValue))
      facts += encoder.tokenization.facts
    }
    return facts
  }

  /// The report for people, several lines.
  public var description: String {
    var lines = facts.map { ($0.name, $0.value) } + [("folder", folder)]
    lines += files.map { ("file", "\($0.name), \($0.byteCount) bytes") }
    lines += tensors.map { ("tensor", "\($0.name) \($0.type) \($0.shape), in \($0.file)") }
    lines += problems.map { ("problem", $0) }
    let width = lines.lazy.map(\.0.count).max() ?? 0
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
