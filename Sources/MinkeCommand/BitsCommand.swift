import ArgumentParser
import Minke

struct BitsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bits",
    abstract: "Say how well the bits of a binary encoder are used, over texts, one a line.",
    discussion: """
      A dead bit is set in fewer than 5% or more than 95% of the texts. Entropy is 1 for a bit set in half of them. \
      Correlation is between pairs of bits, without sign. The model gives bits, or numbers of which --binarize takes \
      the signs.

        minke bits --binarize Examples/books/time-machine.txt
      """)

  @OptionGroup var encoder: EncoderOptions
  @OptionGroup var input: InputOptions

  @OptionGroup var form: JSONOption

  func run() async throws {
    let model = try await encoder.load()
    guard model.metric == .hamming else {
      throw MinkeError(
        .invalidArgument, encoder.model.name, expected: "a model that gives bits, or --binarize",
        found: "one of numbers")
    }
    let options = EncodingOptions(dimension: encoder.dimension)
    var all = try await model.encode([], options: options)
    var reader = try input.texts()
    while let batch = try reader.next() { try await all.append(model.encode(batch.map(\.text), options: options)) }
    let bits = try BitDiagnostics(all)

    var report = FigureReport()
    report.add("texts", Double(bits.count), "")
    report.add("bits", Double(bits.balances.count), "")
    report.add("dead_bits", Double(bits.deadBits), "")
    report.add("mean_balance", bits.meanBalance, "")
    report.add("mean_entropy", bits.meanEntropy, "bits")
    report.add("mean_correlation", bits.meanCorrelation, "")
    report.add("maximum_correlation", bits.maximumCorrelation, "")
    try report.print(json: form.isOn)
  }
}
