import MinkeCore
import Testing

@testable import MinkeEvaluation

@Suite struct ArithmeticItemsTests {
  @Test func `the gold answer is right and the others are near it and wrong`() throws {
    for item in try ArithmeticItems.items(count: 600, seed: 3) {
      let words = item.contexts[0].dropFirst("Question: What is ".count).dropLast("?\nAnswer:".count)
        .split(separator: " ")
      // The operation is the only word of these; what stands on either side is a number.
      let place = try #require(words.firstIndex { ["+", "-", "*", "plus", "minus", "times"].contains($0) })
      let operands = [words[..<place], words[(place + 1)...]].map { value($0.joined(separator: " ")) }
      let expected =
        switch words[place] {
        case "+", "plus": operands[0] + operands[1]
        case "-", "minus": operands[0] - operands[1]
        default: operands[0] * operands[1]
        }
      let answers = item.continuations.map { value($0.dropFirst()) }
      #expect(answers[item.gold] == expected, "\(item)")
      #expect(Set(answers).count == 4, "\(item)")
      #expect(answers.allSatisfy { $0 >= 0 && abs($0 - expected) <= max(10, operands[1]) }, "\(item)")
    }
  }

  @Test func `every place is right as often, and the numbers grow`() throws {
    let items = try ArithmeticItems.items(count: 400, seed: 1)
    for place in 0..<4 { #expect(items.count { $0.gold == place } == 100) }
    #expect(items.map(\.id) == (1...400).map(String.init))
    #expect(items[0].contexts[0].contains(#/ \d \+ \d\?/#))
    #expect(items[396].contexts[0].contains(#/ \d{4} \+ \d{4}\?/#))
    #expect(items.count { !$0.contexts[0].contains(#/\d/#) } == 199)
  }

  @Test func `the seed alone decides`() throws {
    let items = try ArithmeticItems.items(count: 50, seed: 7)
    #expect(try ArithmeticItems.items(count: 50, seed: 7) == items)
    #expect(try ArithmeticItems.items(count: 50, seed: 8) != items)
    #expect(try ArithmeticItems.items(count: 0, seed: 7).isEmpty)
  }

  @Test func `numbers in words`() {
    let expected = [
      0: "zero", 7: "seven", 13: "thirteen", 20: "twenty", 42: "forty-two", 100: "one hundred",
      219: "two hundred nineteen", 1000: "one thousand", 10_012: "ten thousand twelve",
      98_901: "ninety-eight thousand nine hundred one",
      999_999:
        "nine hundred ninety-nine thousand nine hundred ninety-nine",
    ]
    for (number, words) in expected { #expect(NumberWords.text(number) == words) }
  }

  /// The number that digits or words say.
  private func value(_ text: some StringProtocol) -> Int {
    if let number = Int(text) { return number }
    var (total, part) = (0, 0)
    for word in String(text).split(whereSeparator: { $0 == " " || $0 == "-" }).map(String.init) {
      switch word {
      case "thousand": (total, part) = (1000 * part, 0)
      case "hundred": part *= 100
      default: part += Self.numbers[word] ?? -1_000_000
      }
    }
    return total + part
  }

  private static let numbers = Dictionary(
    uniqueKeysWithValues: [
      "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
      "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    ].enumerated().map { ($0.element, $0.offset) }
      + ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"].enumerated().map {
        ($0.element, 10 * $0.offset + 20)
      })
}
