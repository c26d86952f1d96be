import ArgumentParser
import Minke
import MinkeServer
import MinkeStore

struct AskCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ask",
    abstract: "Answer a question out of collections, with the places that the answer is from.",
    discussion: """
      The passages that suit the question best are found, as many as the language model can read are given to it, and its \
      answer is printed as it is made. Numbers such as [1] in it stand for the files and lines below it. The status is 1 \
      where nothing in the collections is about the question; the model is not asked then.

        minke ask "who mends the roof?" --in notes.minke --chat-model byrne-86m
      """)

  @Argument(help: "The question; several words are joined by spaces.")
  var question: [String]

  @OptionGroup var collections: SearchedCollections

  @Option(
    help: ArgumentHelp("The folder or name of the language model that answers.", valueName: "model"),
    completion: ModelCompletion.kind)
  var chatModel: String

  @OptionGroup var source: PullOption

  @Option(name: .customShort("k"), help: ArgumentHelp("Look at this many passages at most.", valueName: "n"))
  var k = 8

  @OptionGroup var generation: GenerationArguments

  @OptionGroup var form: JSONOption

  func validate() throws {
    if collections.names.isEmpty { throw ValidationError("--in names the collections to look in.") }
    if k < 1 { throw ValidationError("-k takes 1 or more.") }
  }

  func run() async throws {
    let question = question.joined(separator: " ")
    guard !question.allSatisfy(\.isWhitespace) else {
      throw MinkeError(.invalidArgument, "question", expected: "a question", found: "\"\(question)\"")
    }
    let options = try generation.options(defaultMaximum: 256)
    let opened = try collections.open()
    defer { for collection in opened { try? collection.close() } }
    try await source.fetchMissing(chatModel)
    let language = try LanguageModelOption.load(chatModel)
    var search = GroundedQuestion.search
    search.search.k = k
    search.filter = try collections.condition.map { try DocumentFilter($0) }
    let grounded = try GroundedQuestion(
      question, in: opened.map { ($0.location, $0) }, options: search, for: language,
      room: GroundedQuestion.room(options.maximumTokens, language))

    var output = FileWriter()
    guard !grounded.sources.isEmpty else {
      if form.isOn { try output.write(json(question, answer: nil, [])) }
      try output.finish()
      say("minke: \(GroundedQuestion.nothingFound)")
      throw CommandStatus.nothingFound
    }
    let session = try ChatSession(language, messages: grounded.messages.dropLast())
    var answer = ""
    for try await piece in session.reply(to: grounded.messages.last?.text ?? "", options: options) {
      answer += piece.text
      guard !form.isOn, !piece.text.isEmpty else { continue }
      try output.write(Style.printable(piece.text, keepingLines: true))
      try output.flush()
    }
    if form.isOn {
      try output.write(json(question, answer: answer, grounded.sources))
    } else {
      try output.write("\n\n")
      for source in grounded.sources {
        try output.write("[\(source.number)] \(Style.printable(GroundedQuestion.place(source.passage)))\n")
      }
    }
    try output.finish()
  }

  private func json(_ question: String, answer: String?, _ sources: [GroundedQuestion.Source]) -> String {
    let sources = sources.map { source -> JSONValue in
      var members = source.passage.json
      members["number"] = .integer(source.number)
      members["collection"] = .string(source.collection)
      members["score"] = .number(Double(source.passage.score))
      return .object(members)
    }
    let object: JSONValue = [
      "question": .string(question), "answer": answer.map { .string($0) } ?? .null, "sources": .array(sources),
    ]
    return object.text + "\n"
  }
}
