import ArgumentParser
import Minke

/// The options of every command that generates text.
struct GenerationArguments: ParsableArguments {
  @Flag(help: "Always take the likeliest token. This is the default where no option of random choice is given.")
  var greedy = false

  @Option(help: "Choose at random; below 1 nearer to the likeliest, above 1 further away.")
  var temperature: Double?

  @Option(help: "Choose among the k likeliest tokens only.")
  var topK: Int?

  @Option(help: "Choose among the likeliest tokens that together have this probability.")
  var topP: Double?

  @Option(help: "Choose among tokens at least this likely beside the likeliest.")
  var minP: Double?

  @Option(help: "Make tokens that were there before less likely; 1 changes nothing.")
  var repetitionPenalty = 1.0

  @Option(help: "Make the same random choices each time.")
  var seed: UInt64?

  @Option(help: "End before this text; may be given several times.")
  var stop: [String] = []

  @Option(help: ArgumentHelp("Most tokens to generate.", valueName: "n"))
  var maxTokens: Int?

  func validate() throws {
    if greedy, temperature != nil || topK != nil || topP != nil || minP != nil {
      throw ValidationError("--greedy leaves nothing to choose; it goes with none of the random options.")
    }
  }

  /// - Parameter maximum: tokens where the options do not say.
  func options(defaultMaximum maximum: Int?, random isRandom: Bool = false) throws -> GenerationOptions {
    let isChosen = temperature != nil || topK != nil || topP != nil || minP != nil || seed != nil
    let sampling: Sampling =
      greedy || !(isRandom || isChosen)
      ? .greedy
      : .random(
        RandomSampling(
          temperature: temperature ?? (isRandom ? 0.7 : 1), topK: topK, topP: topP ?? (isRandom ? 0.9 : nil),
          minP: minP,
          seed: seed))
    return GenerationOptions(
      sampling: sampling, repetitionPenalty: repetitionPenalty, maximumTokens: maxTokens ?? maximum, stop: stop)
  }
}
