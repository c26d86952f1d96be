import MinkeCore

/// Questions of arithmetic with four answers, in the manner of ArithMark: sums, differences and products of growing
/// numbers, in digits and in words.
public enum ArithmeticItems {
  private enum Operation: CaseIterable {
    case plus, minus, times

    var sign: String { self == .plus ? "+" : self == .minus ? "-" : "*" }
    var word: String { self == .plus ? "plus" : self == .minus ? "minus" : "times" }
  }

  private struct Question: Hashable {
    let operation: Operation
    let first, second: Int
    let isInWords: Bool

    var answer: Int {
      switch operation {
      case .plus: first + second
      case .minus: first - second
      case .times: first * second
      }
    }

    var text: String {
      isInWords
        ? "Question: What is \(NumberWords.text(first)) \(operation.word) \(NumberWords.text(second))?\nAnswer:"
        : "Question: What is \(first) \(operation.sign) \(second)?\nAnswer:"
    }

    func shown(_ number: Int) -> String { " " + (isInWords ? NumberWords.text(number) : String(number)) }
  }

  /// `count` questions, the same for the same seed.
  ///
  /// The operations take turns, digits and words too. The numbers grow in four steps from one digit to four (the
  /// second number of a product has at most two). The wrong answers are near the right one, and within each four
  /// questions the right one stands once in each place.
  public static func items(count: Int, seed: UInt64) throws(MinkeError) -> [MultipleChoice.Item] {
    var generator = SplitMix64(seed: seed)
    var items: [MultipleChoice.Item] = []
    var asked: Set<Question> = []
    var places: [Int] = []
    for index in 0..<max(0, count) {
      var question = Self.question(index, of: count, &generator)
      // Of small numbers there are not many; then a question comes again.
      for _ in 0..<32 where asked.contains(question) { question = Self.question(index, of: count, &generator) }
      asked.insert(question)
      if places.isEmpty { places = [0, 1, 2, 3].shuffled(using: &generator) }
      let gold = places.removeLast()
      var choices = Self.wrongAnswers(to: question, &generator)
      choices.insert(question.answer, at: gold)
      items.append(
        try MultipleChoice.Item(
          id: String(index + 1), context: question.text, choices: choices.map(question.shown), gold: gold))
    }
    return items
  }

  private static func question(_ index: Int, of count: Int, _ generator: inout SplitMix64) -> Question {
    let operation = Operation.allCases[index % 3]
    let digits = 1 + index * 4 / count
    let first = number(digits: digits, &generator)
    let second = number(digits: operation == .times ? (digits + 1) / 2 : digits, &generator)
    let isInWords = index / 3 % 2 == 1
    // A difference of what is left, so that no number is negative.
    return operation == .minus && first < second
      ? Question(operation: operation, first: second, second: first, isInWords: isInWords)
      : Question(operation: operation, first: first, second: second, isInWords: isInWords)
  }

  /// A number of so many digits; zero is one of one digit.
  private static func number(digits: Int, _ generator: inout SplitMix64) -> Int {
    let least = (1..<digits).reduce(1) { power, _ in 10 * power }
    return digits == 1 ? generator.below(10) : least + generator.below(9 * least)
  }

  /// Three numbers that a slip would give: one or two off, a carry forgotten, an operand too many.
  private static func wrongAnswers(to question: Question, _ generator: inout SplitMix64) -> [Int] {
    let slips = [1, -1, 2, -2, 10, -10, question.second, -question.second]
    var wrong: [Int] = []
    for slip in slips.shuffled(using: &generator) {
      let answer = question.answer + slip
      if wrong.count < 3, slip != 0, answer >= 0, !wrong.contains(answer) { wrong.append(answer) }
    }
    return wrong
  }
}

/// Whole numbers in English words.
enum NumberWords {
  private static let small = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
  ]
  private static let tens = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
  ]

  /// The words for `number`, from 0 to below a million.
  static func text(_ number: Int) -> String {
    switch number {
    case ..<20: small[max(0, number)]
    case ..<100: tens[number / 10] + (number % 10 == 0 ? "" : "-" + small[number % 10])
    case ..<1000: small[number / 100] + " hundred" + rest(number % 100)
    default: text(number / 1000) + " thousand" + rest(number % 1000)
    }
  }

  private static func rest(_ number: Int) -> String { number == 0 ? "" : " " + text(number) }
}

extension MultipleChoice.Item {
  /// The item as a line of JSON, as ``LanguageTaskFiles`` reads it.
  public var json: JSONValue {
    var members: [String: JSONValue] = ["id": .string(id), "gold": .integer(gold)]
    if hasOneContinuation {
      members["contexts"] = .array(contexts.map { .string($0) })
      members["continuation"] = .string(continuations[0])
    } else {
      members["context"] = .string(contexts[0])
      members["choices"] = .array(continuations.map { .string($0) })
    }
    return .object(members)
  }
}
