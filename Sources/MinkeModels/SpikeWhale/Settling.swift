import MinkeCheckpoints
import MinkeCore
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a SpikeWhale folder leaves open, measured, so that it can be written down.
///
/// The published files store the vectors of the hyper-connections and the layers of Byrne-Embed's head, but not the
/// formulas that they are meant for.
package struct SpikeWhaleSettling {
  /// The keys to write to `config.json` with their values.
  package private(set) var keys: [String: JSONValue] = [:]
  /// What was found, a line for each question, for people.
  package private(set) var findings: [String] = []

  private let files: SpikeWhaleFolder

  /// Measures what `folder` leaves open: seconds for each question.
  ///
  /// - Throws: `MinkeError` when the folder does not load or no form gives numbers; `CancellationError` when the
  ///   calling task is cancelled.
  package init(_ folder: ModelFolder) throws {
    files = try SpikeWhaleFolder(folder)
    let c = files.configuration
    var form = c.hyperConnectionForm ?? .likeliest
    if c.streamCount > 1, c.hyperConnectionForm == nil {
      let measured = try Self.likeliestForm(files)
      form = measured.form
      keys["hyper_connection_pre"] = .string(form.pre.rawValue)
      keys["hyper_connection_post"] = .string(form.post.rawValue)
      findings.append("hyper-connections: \(form) (\(measured.finding))")
    }
    if try ByrneEncoder.recognizes(folder), files.json[EmbeddingHead.activationKey] ?? .null == .null {
      let model = try SpikeWhaleModel(c, checkpoint: files.checkpoint, form: form, kernels: .active)
      let measured = try ByrneEncoder.likeliestActivation(files, model: model)
      keys[EmbeddingHead.activationKey] = .string(measured.activation.rawValue)
      findings.append("head activation: \(measured.activation.rawValue) (\(measured.finding))")
    }
  }

  /// The configuration with the answers in it.
  package var configuration: JSONValue { .object((files.json.object ?? [:]).merging(keys) { $1 }) }

  /// Writes the answers to the folder's `config.json`, whole or not at all; nothing where there was no question.
  ///
  /// - Throws: `MinkeError` when the file cannot be written.
  package func write() throws {
    guard !keys.isEmpty else { return }
    var writer = try FileWriter(files.folder.requiredFile("config.json"))
    try writer.write(configuration.text + "\n")
    try writer.finish()
  }

  /// The form under which a short English text is likeliest.
  private static func likeliestForm(
    _ files: SpikeWhaleFolder
  ) throws -> (form: HyperConnectionForm, finding: String) {
    let tokens = Array(files.tokenizer.encode(sampleText).prefix(files.configuration.contextLength))
    func loss(_ form: HyperConnectionForm) throws -> Double {
      let model = try SpikeWhaleModel(
        files.configuration, checkpoint: files.checkpoint, form: form, kernels: .active)
      return try model.meanLoss(of: tokens)
    }
    var trials: [(form: HyperConnectionForm, loss: Double)] = []
    for form in HyperConnectionForm.candidates {
      do {
        let loss = try loss(form)
        if loss.isFinite { trials.append((form, loss)) }
      } catch is MinkeError {
        // A wrong form may well lead to infinity.
      }
    }
    // Equal losses leave the likelier form in front.
    let ranked = trials.enumerated().sorted { ($0.element.loss, $0.offset) < ($1.element.loss, $1.offset) }
      .map(\.element)
    guard let best = ranked.first else {
      // No form gives numbers at all: the likeliest says why.
      return (.likeliest, "\(rounded(try loss(.likeliest))) nats a token on a sample text")
    }
    var finding = "\(rounded(best.loss)) nats a token on a sample text"
    if ranked.count > 1 { finding += ", \(rounded(ranked[1].loss - best.loss)) below \(ranked[1].form)" }
    return (best.form, finding)
  }

  private static func rounded(_ value: Double) -> Double { (value * 1e4).rounded() / 1e4 }

  /// Plain English with common words, so that any English model finds it far likelier than chance.
  static let sampleText = """
    The house stood at the end of a long road, and in the summer the children used to play in the garden until it was \
    dark. When the first rain came in the autumn, their mother would call them in and they would sit by the fire and \
    listen to her stories about the people who had lived there many years before.
    """
}

extension SpikeWhaleModel {
  /// The mean negative log-likelihood of each token after the first, in nats.
  func meanLoss(of tokens: [TokenID]) throws -> Double {
    guard tokens.count > 1 else { return 0 }
    var sequence = [ScoredSequence(tokens.dropLast(), after: makeState(), targets: tokens.dropFirst())]
    return -(try score(&sequence).joined().reduce(0) { $0 + $1.logLikelihood }) / Double(tokens.count - 1)
  }
}
