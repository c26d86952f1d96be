import MinkeCore
import MinkeModels
import MinkeText

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A model being taught.
package protocol Trainee: AnyObject {
  /// Everything that training changes, always in the same order.
  var parameters: [Parameter] { get }

  /// Writes the model into the empty folder `draft`, in its published layout, so that every command loads it.
  func write(to draft: URL) throws
}

/// An encoder being taught: tokens of texts in, a vector each out.
package protocol EncoderTrainee: Trainee {
  /// How texts become tokens.
  var tokenization: TextTokenization { get }
  /// Numbers of a vector, and the Matryoshka sizes below it.
  var dimensions: [Int] { get }

  /// The vectors of some texts, `[texts, dimensions[0]]`, not scaled to length 1.
  func encode(_ batch: TokenBatch, on tape: Tape) -> Variable
}

/// A language model being taught.
package protocol LanguageTrainee: Trainee {
  /// How texts become tokens.
  var tokenizer: any LosslessTokenizer { get }

  /// The parts of the loss of some sequences, one number each, with the name and weight of each in the whole.
  func losses(_ sequences: TokenBatch, on tape: Tape) -> [(name: String, loss: Variable, weight: Float)]
}
