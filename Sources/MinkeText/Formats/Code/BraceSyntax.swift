/// What the languages whose blocks stand in braces differ in, as far as it says where a block begins and ends.
struct BraceSyntax: Sendable {
  /// Words that begin a type, a module or another thing that holds functions.
  var containers: Set<String>
  /// Words that begin a function.
  var functions: Set<String> = []
  /// Words before a name that a block belongs to, which is neither.
  var others: Set<String> = []
  /// Whether a name and parentheses in front of a block make a function.
  var hasBareFunctions = false
  /// Whether parentheses make a function of what begins with the word of a container.
  var parenthesesMakeFunction = false
  /// Whether a minus or plus sign at the start of a line begins a method.
  var hasSignedMethods = false
  /// Whether a statement may end at the end of its line.
  var endsAtLine = false
  var nestsComments = false
  var hasHashComments = false
  var hasPreprocessor = false
  /// Whether lines may begin with a number sign and a word, such as `#if`.
  var hasDirectives = false
  var hasTripleQuotes = false
  /// Whether a string in double quotes may go on over lines.
  var hasLongStrings = false
  /// What single quotes are around.
  var singleQuote = SingleQuote.character
  var backtick = Backtick.none
  var raw = Raw.none
  var interpolation = Interpolation.none
  /// Whether a slash may begin a regular expression.
  var hasRegex = false

  enum SingleQuote { case character, string }
  enum Backtick { case none, rawString, template, name }
  /// Strings in which a backslash says nothing.
  enum Raw { case none, numberSigns, rust, cpp, verbatim }
  enum Interpolation { case none, parentheses, braces }

  /// The syntax of a language; nil for one without braces.
  init?(_ language: SourceLanguage) {
    switch language {
    case .python, .ruby, .shell: return nil
    case .swift:
      containers = ["struct", "class", "enum", "extension", "protocol", "actor"]
      functions = ["func", "init", "deinit", "subscript"]
      others = ["var", "let"]
      endsAtLine = true
      nestsComments = true
      hasDirectives = true
      hasTripleQuotes = true
      backtick = .name
      raw = .numberSigns
      interpolation = .parentheses
      hasRegex = true
    case .c, .cpp, .objectiveC:
      containers = ["struct", "class", "union", "enum", "namespace"]
      hasBareFunctions = true
      parenthesesMakeFunction = true
      hasPreprocessor = true
      if language == .cpp { raw = .cpp }
      hasSignedMethods = language == .objectiveC
    case .csharp:
      containers = ["struct", "class", "interface", "enum", "record", "namespace"]
      hasBareFunctions = true
      hasPreprocessor = true
      raw = .verbatim
      hasTripleQuotes = true
    case .java:
      containers = ["class", "interface", "enum", "record"]
      hasBareFunctions = true
      hasTripleQuotes = true
    case .dart:
      containers = ["class", "mixin", "extension", "enum"]
      hasBareFunctions = true
      hasTripleQuotes = true
      singleQuote = .string
      interpolation = .braces
    case .javascript, .typescript:
      containers = ["class", "interface", "namespace", "module", "enum"]
      functions = ["function"]
      others = ["type", "const", "let", "var"]
      hasBareFunctions = true
      endsAtLine = true
      singleQuote = .string
      backtick = .template
      hasRegex = true
    case .go:
      containers = []
      functions = ["func"]
      others = ["type", "var"]
      endsAtLine = true
      backtick = .rawString
    case .rust:
      containers = ["impl", "mod", "trait", "struct", "enum", "union"]
      functions = ["fn"]
      others = ["static", "const", "macro_rules"]
      nestsComments = true
      hasLongStrings = true
      raw = .rust
    case .kotlin:
      containers = ["class", "interface", "object"]
      functions = ["fun", "constructor", "init"]
      others = ["val", "var"]
      endsAtLine = true
      nestsComments = true
      hasTripleQuotes = true
      backtick = .name
      interpolation = .braces
    case .scala:
      containers = ["class", "trait", "object", "enum", "package"]
      functions = ["def"]
      others = ["val", "var"]
      endsAtLine = true
      nestsComments = true
      hasTripleQuotes = true
      backtick = .name
      interpolation = .braces
    case .php:
      containers = ["class", "interface", "trait", "enum", "namespace"]
      functions = ["function", "fn"]
      hasHashComments = true
      hasLongStrings = true
      singleQuote = .string
      interpolation = .none
    }
  }

  /// Words before parentheses and a block that make no function of it.
  static let statements: Set<String> = [
    "if", "for", "foreach", "while", "switch", "catch", "with", "do", "else", "try", "match", "synchronized", "using",
    "lock", "fixed", "unchecked", "checked", "return", "when", "guard", "repeat", "loop", "select", "static",
  ]
  /// Words whose parentheses are not those of a function.
  static let attributes: Set<String> = [
    "__attribute__", "__declspec", "alignas", "decltype", "noexcept", "throw", "requires", "explicit", "_Alignas",
  ]
  /// Words that may begin a line in the midst of a statement.
  static let continuations: Set<String> = [
    "where", "throws", "rethrows", "async", "extends", "implements", "with", "else", "catch", "finally", "while",
  ]
}
