import Minke
import MinkeCore
import MinkeModels
import MinkeStore
import MinkeText

/// A question with the passages that an answer may be made of.
package struct GroundedQuestion: Sendable {
  /// A passage that the answer may point to by its number.
  package struct Source: Sendable {
    /// From 1 on.
    package let number: Int
    /// The name of its collection.
    package let collection: String
    /// The passage; its score is the search's.
    package let passage: FoundPassage
    /// What the model reads of it.
    let shown: String
  }

  /// The passages, the best first; none where nothing in the collections is about the question.
  package let sources: [Source]
  private let question: String

  /// What to say where there are no sources.
  package static let nothingFound = "Nothing in the collections that were searched answers this question."

  /// What the model is told before the question.
  private static let instruction =
    "Answer the question from the numbered passages only. Behind each statement put the number of its passage, such as "
    + "[1]. If the passages do not hold the answer, say that you do not know."

  /// The messages that a model answers.
  package var messages: [ChatMessage] {
    let passages = sources.map { "[\($0.number)] \(Self.place($0.passage))\n\($0.shown)" }
    return [
      ChatMessage(.system, Self.instruction),
      ChatMessage(.user, (passages + ["Question: \(question)"]).joined(separator: "\n\n")),
    ]
  }

  /// `file:first-last`, as answers are followed up.
  package static func place(_ found: FoundPassage) -> String {
    let lines = found.passage.lines
    return "\(found.document):\(lines.lowerBound)"
      + (lines.count > 1 ? "-\(lines.upperBound)" : "")
  }

  /// Of passages that were found, those that are about the question, as many as fit into the context of `language`
  /// beside an answer of `room` tokens.
  ///
  /// - Parameter similarities: of each passage, how near it is to the question in meaning, 0 for unrelated.
  init(
    _ question: String, from found: [(collection: String, passage: FoundPassage, similarity: Float)],
    for language: LanguageModel, room: Int
  ) {
    self.question = question
    let words = QueryWords(question)
    let relevant = found.filter { found in
      // By words: most of those that tell something are there. By meaning: nearer than texts of other things are.
      found.similarity >= Self.leastSimilarity
        || Float(words.count(in: found.passage.text)) >= Self.leastWords * Float(max(1, words.words.count))
    }
    func length(_ text: String) -> Int { language.tokenizer.encodePlain(text).count }
    // The tokens of the form of a chat are few; some more stand in for them.
    var left = language.contextLength - room - length(Self.instruction) - length(question) - 32
    var sources: [Source] = []
    for found in relevant {
      let number = sources.count + 1
      let head = length("[\(number)] \(Self.place(found.passage))\n\n\n")
      guard left - head >= Self.leastTokens else { break }
      let (shown, used) = Self.beginning(of: found.passage.text, tokens: left - head, language)
      sources.append(Source(number: number, collection: found.collection, passage: found.passage, shown: shown))
      left -= head + used
    }
    self.sources = sources
  }

  /// Cosine from which on a passage counts as being about a question. With the built-in model and a novel, the nearest
  /// passage to a question about its story was at 0.27 to 0.45, and to one about other things at 0.10 to 0.22.
  private static let leastSimilarity: Float = 0.25
  /// Share of a question's telling words from which on a passage counts as being about it.
  private static let leastWords: Float = 0.6
  /// Less of a passage than that is of no use.
  private static let leastTokens = 24

  /// As much of `text` as takes `tokens` at most.
  private static func beginning(of text: String, tokens: Int, _ language: LanguageModel) -> (String, Int) {
    let ids = language.tokenizer.encodePlain(text)
    guard ids.count > tokens else { return (text, ids.count) }
    return (language.tokenizer.decode(ids.prefix(tokens)) + "…", tokens + 1)
  }
}

extension GroundedQuestion {
  /// How passages are found that an answer may be made of.
  package static let search = CollectionSearchOptions(SearchOptions(k: 8, maximumPerDocument: 4))

  /// Tokens of the context that are left for an answer of `maximum` tokens.
  package static func room(_ maximum: Int?, _ language: LanguageModel) -> Int {
    min(maximum ?? 256, language.contextLength / 4)
  }

  /// Looks in collections for what answers `question`, and keeps as much of it as `language` can read.
  ///
  /// The calling thread waits.
  /// - Parameters:
  ///   - options: how passages are found, and how many at most.
  ///   - room: tokens of the context that are left for the answer.
  /// - Throws: `MinkeError` when a file is damaged or the options are out of range; `CancellationError`.
  package init(
    _ question: String, in collections: [(name: String, collection: any PassageCollection)],
    options: CollectionSearchOptions, for language: LanguageModel, room: Int
  ) throws {
    var found: [(collection: String, passage: FoundPassage, similarity: Float)] = []
    for (name, collection) in collections {
      let passages = try collection.search([question], options: options)[0]
      guard !passages.isEmpty else { continue }
      let asked = try collection.encoder.encode([question], role: .query)
      let texts = try collection.encoder.encode(passages.map(\.text), role: .document)
      let similarities = try asked.similarities(to: texts)
      found += zip(passages, similarities).map { (name, $0, $1) }
    }
    found.sort { $0.passage.score > $1.passage.score }
    self.init(question, from: Array(found.prefix(options.search.k)), for: language, room: room)
  }
}
