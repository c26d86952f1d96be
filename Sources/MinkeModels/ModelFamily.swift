import MinkeCore
import MinkeText

/// How a model is to be loaded.
public struct LoadingOptions: Sendable {
  /// How the layers are held and multiplied; nil for float32, or for what the folder was saved in.
  public var precision: Precision?
  /// A tokenizer to use in place of the folder's, for a vocabulary that Minke cannot read; it must give the ids that the
  /// weights were trained with.
  public var tokenizer: (any Tokenizer)?
  /// The level of the kernels that compute.
  public var kernels: KernelLevel

  /// Options that differ from the default where they are given.
  public init(
    precision: Precision? = nil, tokenizer: (any Tokenizer)? = nil, kernels: KernelLevel = .active
  ) {
    self.precision = precision
    self.tokenizer = tokenizer
    self.kernels = kernels
  }
}

/// A kind of model: how its folders are known, and how they are loaded.
///
/// A family is one value in ``ModelLibrary/families``; nothing else in the package tells models apart by their kind.
package protocol ModelFamily: Sendable {
  /// What the kind is called, in error texts.
  var name: String { get }

  /// The files by which a folder is known, in error texts.
  var signature: String { get }

  /// Whether `folder` holds a model of this kind. Families are asked in the order of the list.
  ///
  /// - Throws: `MinkeError` when a file that must be looked into is malformed.
  func recognizes(_ folder: ModelFolder) throws -> Bool

  /// How texts become ids, exactly as the loaded model does it, without loading the model.
  ///
  /// - Throws: `MinkeError` when a file is missing, malformed or not supported.
  func tokenization(of folder: ModelFolder) throws -> TextTokenization

  /// Loads the text encoder in `folder`; nil where the family has none.
  ///
  /// - Throws: `MinkeError` when a file is missing, malformed or not supported.
  func textEncoder(in folder: ModelFolder, _ options: LoadingOptions) throws -> (any TextEncoder)?

  /// Loads the language model in `folder`; nil where the family has none.
  ///
  /// - Throws: `MinkeError` when a file is missing, malformed or not supported.
  func languageModel(in folder: ModelFolder, _ options: LoadingOptions) throws -> LanguageModel?
}

extension ModelFamily {
  package func textEncoder(in folder: ModelFolder, _ options: LoadingOptions) throws -> (any TextEncoder)? { nil }
  package func languageModel(in folder: ModelFolder, _ options: LoadingOptions) throws -> LanguageModel? { nil }
}
