import ArgumentParser
import Dispatch
import Minke
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

struct ChatCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat",
    abstract: "Talk with a language model in the terminal.",
    discussion: """
      A line is a message; the answer appears as it is made. Ctrl-C stops an answer, and at the prompt it ends the chat,
      as /quit and Ctrl-D do. /reset begins a new conversation.

        minke chat --model byrne-86m --system "You answer in one sentence."
      """)

  @OptionGroup var model: LanguageModelOption

  @Option(help: "What the model is told before the conversation begins.")
  var system: String?

  @OptionGroup var generation: GenerationArguments

  func run() async throws {
    let options = try generation.options(defaultMaximum: nil, random: true)
    let language = try model.load()
    let session = try ChatSession(language, system: system)
    let style = Style()
    let isTerminal = isatty(STDIN_FILENO) == 1
    if isTerminal { say("\(language.identity.name), context of \(language.contextLength) tokens. /reset, /quit") }
    var output = FileWriter()
    while true {
      if isTerminal {
        try output.write(style.bold("> "))
        try output.flush()
      }
      guard let line = readLine() else { break }
      guard let message = String(validating: line.utf8, as: UTF8.self), !line.contains("\u{FFFD}") else {
        throw MinkeError(.malformedFile, "standard input", expected: "UTF-8 text", found: "bytes that are not")
      }
      switch message.trimmingPrefix(while: \.isWhitespace) {
      case "": continue
      case "/quit": return try output.finish()
      case "/reset":
        session.reset()
        say("A new conversation.")
        continue
      default: break
      }
      do {
        try answer(message, session, options, language, &output)
      } catch let error as MinkeError where isTerminal && error.kind == .invalidArgument {
        say("minke: \(error)")
      }
    }
    if isTerminal { try output.write("\n") }
    try output.finish()
  }

  /// Prints the answer to `message` as it comes.
  private func answer(
    _ message: String, _ session: ChatSession, _ options: GenerationOptions, _ language: LanguageModel,
    _ output: inout FileWriter
  ) throws {
    let pieces = PieceQueue()
    let task = Task {
      do {
        for try await piece in session.reply(to: message, options: options) { pieces.append(.success(piece)) }
        pieces.append(nil)
      } catch {
        pieces.append(.failure(error))
        pieces.append(nil)
      }
    }
    Signals.onInterrupt { task.cancel() }
    defer { Signals.onInterrupt(nil) }
    var end: GenerationEnd?
    while let next = pieces.next() {
      let piece: GeneratedPiece
      do { piece = try next.get() } catch is CancellationError { break }
      end = piece.end ?? end
      try output.write(piece.text)
      try output.flush()
    }
    try output.write("\n")
    try output.flush()
    if end == .contextFull {
      say("minke: the context of \(language.contextLength) tokens is full; /reset begins a new conversation")
    }
  }
}

/// Pieces of an answer on their way from the task that makes them to the thread that prints them.
private final class PieceQueue: Sendable {
  private let pieces = Mutex<[Result<GeneratedPiece, any Error>?]>([])
  private let available = DispatchSemaphore(value: 0)

  /// Adds a piece; nil says that there are no more.
  func append(_ piece: Result<GeneratedPiece, any Error>?) {
    pieces.withLock { $0.append(piece) }
    available.signal()
  }

  /// Waits for the next piece.
  func next() -> Result<GeneratedPiece, any Error>? {
    available.wait()
    return pieces.withLock { $0.removeFirst() }
  }
}
