import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeModels

/// all-MiniLM-L6-v2 with its real weights, against the vectors that sentence-transformers gives.
///
/// The environment variable `MINKE_MINILM` names the folder of the weights (Apache-2.0), which `Tests/minilm` fetches.
@Suite(.enabled(if: MiniLM.folder != nil, "SKIPPED: set MINKE_MINILM=\"$(Tests/minilm)\" to run with the real weights"))
struct MiniLMTests {
  @Test(arguments: Precision.allCases) func `each line has the vector of sentence-transformers`(
    precision: Precision
  ) throws {
    let lines = try Fixture.json("minilm.json").array ?? []
    let texts = lines.compactMap { $0["text"]?.string }
    let encoder = try TransformerEncoder(ModelFolder(#require(MiniLM.folder)), LoadingOptions(precision: precision))
    #expect(encoder.maximumLength == 256 && encoder.pooling.modes == [.mean] && encoder.dimension == 384)
    let vectors = try encoder.encode(texts)
    #expect(texts.count == 24 && vectors.count == 24)
    let bound =
      switch precision {
      case .float32: 0.99999
      case .int8: 0.995
      case .fourBit: 0.92
      }
    for (index, line) in lines.enumerated() {
      let wanted = line["unit"]?.array?.compactMap(\.double) ?? []
      let dot = zip(vectors[index], wanted).reduce(0) { $0 + Double($1.0) * $1.1 }
      let length = wanted.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(wanted.count == 384 && dot / length >= bound, "line \(index)")
    }
  }
}

private enum MiniLM {
  static let folder = ProcessInfo.processInfo.environment["MINKE_MINILM"].map { URL(fileURLWithPath: $0) }
}
