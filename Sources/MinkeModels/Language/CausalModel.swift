import MinkeText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A model that says what may come after some tokens, from those tokens alone.
///
/// Generation, chat and scoring ask for nothing else. A model is immutable; what it remembers of a sequence is a
/// ``State``, a value that its caller holds.
public protocol CausalModel: Sendable {
  /// What the model remembers of a sequence.
  associatedtype State: CausalState

  /// Tokens that there are: as many logits follow each place of a sequence.
  var vocabularySize: Int { get }

  /// The most tokens that a sequence may have.
  var contextLength: Int { get }

  /// About how many tokens, of one sequence or several, the model takes best at a time.
  var tokensPerPass: Int { get }

  /// A sequence without any tokens yet.
  func makeState() -> State

  /// Reads `tokens` after those in `state` and gives the logits after the last of them, `[vocabularySize]`.
  ///
  /// - Throws: `MinkeError` when there are no tokens, one is not in the vocabulary or the sequence would outgrow the
  ///   context, `state` then being as before; `CancellationError` when the calling task is cancelled, `state` then
  ///   holding the tokens that were read until then.
  func logits(_ tokens: ArraySlice<TokenID>, after state: inout State) throws -> [Float]

  /// Reads each sequence's tokens and says how likely its targets were, a list for each sequence.
  ///
  /// - Throws: as ``logits(_:after:)``.
  func score(_ sequences: inout [ScoredSequence<State>]) throws -> [[TokenScore]]

  /// Leaves only the first `count` tokens in `state`.
  func truncate(_ state: inout State, to count: Int)
}

/// What a model remembers of one sequence.
public protocol CausalState: Sendable {
  /// The tokens read so far.
  var tokens: [TokenID] { get }
}

/// Tokens to read after those of a state, and the tokens that should come after the last of them.
public struct ScoredSequence<State: Sendable>: Sendable {
  /// What was read before.
  public var state: State
  /// What is read.
  public let tokens: ArraySlice<TokenID>
  /// The last is what should follow the last of ``tokens``, the one before it what should follow the one before, and
  /// so on: at most as many as tokens.
  public let targets: ArraySlice<TokenID>

  /// Tokens to read after those in `state`.
  public init(_ tokens: ArraySlice<TokenID>, after state: State, targets: ArraySlice<TokenID> = []) {
    self.state = state
    self.tokens = tokens
    self.targets = targets
  }
}

/// How likely a model finds a token at its place.
public struct TokenScore: Sendable, Equatable {
  /// The natural logarithm of its probability.
  public let logLikelihood: Double
  /// Whether no token is likelier.
  public let isLikeliest: Bool

  /// The score of a token.
  public init(logLikelihood: Double, isLikeliest: Bool) {
    self.logLikelihood = logLikelihood
    self.isLikeliest = isLikeliest
  }

  /// The score of `token` where the model says `logits`.
  init(of token: TokenID, in logits: UnsafeBufferPointer<Float>) {
    let largest = logits.max() ?? 0
    let total = logits.reduce(0.0) { $0 + Double(expf($1 - largest)) }
    let target = logits[Int(token)]
    self.init(logLikelihood: Double(target - largest) - log(total), isLikeliest: target == largest)
  }
}

extension CausalModel {
  public var tokensPerPass: Int { 512 }

  /// Token by token, for a model that has no faster way.
  public func score(_ sequences: inout [ScoredSequence<State>]) throws -> [[TokenScore]] {
    var scores: [[TokenScore]] = []
    for index in sequences.indices {
      let (tokens, targets) = (sequences[index].tokens, sequences[index].targets)
      var known = targets.startIndex
      scores.append([])
      for (offset, token) in tokens.enumerated() {
        let logits = try logits([token], after: &sequences[index].state)
        guard offset >= tokens.count - targets.count else { continue }
        scores[index].append(logits.withUnsafeBufferPointer { TokenScore(of: targets[known], in: $0) })
        known += 1
      }
    }
    return scores
  }
}
