import ArgumentParser
import Minke
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct ChatCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat",
    abstract: "Talk with a language model in the terminal.",
    discussion: """
      A line is a message; the answer appears as it is made. A message of several lines has a backslash at the end of \
      each but the last, or stands between two \"\"\". /help lists the commands. Ctrl-C stops an answer; at an empty \
      prompt it ends the chat when pressed twice, as /quit and ctrl-D do at once.

        minke chat
        minke chat --model byrne-86m --system "You answer in one sentence."
      """)

  @OptionGroup var model: LanguageModelOption

  @Option(help: "What the model is told before the conversation begins.")
  var system: String?

  @Option(
    help: ArgumentHelp("Go on with the conversation in this file, as /save writes it.", valueName: "file"),
    completion: .file())
  var load: String?

  @OptionGroup var generation: GenerationArguments

  func validate() throws {
    if system != nil, load != nil { throw ValidationError("--system is for a new conversation, without --load.") }
  }

  func run() async throws {
    let options = try generation.options(defaultMaximum: nil, random: true)
    let language = try await model.load()
    let session =
      if let load {
        try ChatSession(language, messages: ChatMessage.load(from: URL(fileURLWithPath: load)))
      } else {
        try ChatSession(language, system: system)
      }
    var conversation = Conversation(language: language, options: options, session: session)
    try await conversation.run()
  }
}

/// A conversation between a model and whoever types.
private struct Conversation {
  let language: LanguageModel
  let options: GenerationOptions
  var session: ChatSession
  private let style = Style()
  private var reader = LineReader()
  /// The answer that is being made, which ctrl-C stops.
  private static let current = Mutex<Task<Void, any Error>?>(nil)

  init(language: LanguageModel, options: GenerationOptions, session: ChatSession) {
    self.language = language
    self.options = options
    self.session = session
  }

  mutating func run() async throws {
    if reader.isInteractive {
      say("\(language.identity.name), context of \(language.contextLength) tokens. /help, /quit")
    }
    var lines = MessageLines()
    var wasInterrupted = false
    var hasFailed = false
    input: while true {
      let input = try nextInput(prompt: lines.isOpen ? ". " : "> ")
      if case .interrupt(let isEmpty) = input {
        if isEmpty, !lines.isOpen {
          if wasInterrupted { break input }
          wasInterrupted = true
          say("Ctrl-C again, or ctrl-D, ends the chat.")
        }
        lines.clear()
        continue
      }
      wasInterrupted = false
      switch input {
      case .interrupt: continue
      case .end: break input
      case .invalidLine:
        say(
          "minke: \(MinkeError(.malformedFile, "standard input", expected: "UTF-8 text", found: "bytes that are not"))")
        hasFailed = true
      case .line(let line):
        guard let message = lines.take(line), !message.allSatisfy(\.isWhitespace) else { continue }
        do {
          if let command = ChatInstruction(message) {
            if try !obey(command) { break input }
          } else {
            try await answer(message)
          }
        } catch let error as MinkeError where error.kind != .closedPipe {
          // A person goes on after an error; a script learns of it at once.
          guard reader.isInteractive else { throw error }
          say("minke: \(error)")
        }
      }
    }
    if hasFailed, !reader.isInteractive { throw CommandStatus.failed }
  }

  /// Waits for the next line.
  ///
  /// At an edited prompt ctrl-C is a key like others, and from there to the next prompt it stops the answer, if there is
  /// one by then, but never the program: a moment too early or too late makes no difference. Where lines are not edited
  /// it ends the program while a line is waited for, and where nobody types at any time.
  private mutating func nextInput(prompt: String) throws(MinkeError) -> LineReader.Input {
    if !reader.isEdited { Signals.onInterrupt(nil) }
    let input = try reader.next(prompt: prompt, style)
    if reader.isInteractive { Signals.onInterrupt { Self.current.withLock { $0?.cancel() } } }
    return input
  }

  /// Does what a line says that is no message; false ends the chat.
  private mutating func obey(_ instruction: ChatInstruction) throws -> Bool {
    switch instruction {
    case .quit: return false
    case .help: say(ChatInstruction.helpText)
    case .reset:
      session.reset()
      say("A new conversation.")
    case .system(let text):
      session = try ChatSession(language, system: text.isEmpty ? nil : text)
      say("A new conversation.")
    case .save(let path):
      try ChatMessage.save(session.messages, to: URL(fileURLWithPath: path))
      say("\(path): \(session.messages.count) messages")
    case .load(let path):
      session = try ChatSession(language, messages: ChatMessage.load(from: URL(fileURLWithPath: path)))
      say("\(path): \(session.messages.count) messages")
    case .unknown(let text):
      say("No such command: \(text). /help lists them; a message may begin with a space.")
    }
    return true
  }

  /// Prints the answer to `message` as it comes; ctrl-C stops it.
  private func answer(_ message: String) async throws {
    let (session, options, language) = (session, options, language)
    let task = Task {
      var output = FileWriter()
      var end: GenerationEnd?
      do {
        for try await piece in session.reply(to: message, options: options) {
          if piece.forgottenMessages > 0 {
            say(
              "minke: the conversation outgrew the context; the model forgot its \(piece.forgottenMessages) oldest messages"
            )
          }
          end = piece.end ?? end
          // What a model says shall not steer the terminal.
          try output.write(Style.outputIsTerminal ? Style.printable(piece.text, keepingLines: true) : piece.text)
          try output.flush()
        }
      } catch is CancellationError {
        // The person has read enough.
      }
      try output.write("\n")
      try output.finish()
      if end == .contextFull {
        say("minke: the answer filled the context of \(language.contextLength) tokens")
      }
    }
    Self.current.withLock { $0 = task }
    defer { Self.current.withLock { $0 = nil } }
    try await task.value
  }
}

/// A line that begins with a slash.
enum ChatInstruction: Equatable {
  case help, reset, quit
  case system(String)
  case save(String)
  case load(String)
  case unknown(String)

  /// Nil for a message to the model.
  init?(_ line: String) {
    guard line.hasPrefix("/") else { return nil }
    let parts = line.split(maxSplits: 1, whereSeparator: \.isWhitespace)
    let rest = parts.count > 1 ? String(parts[1].drop(while: \.isWhitespace)) : ""
    let file = String(rest.reversed().drop(while: \.isWhitespace).reversed())
    switch parts.first {
    case "/help", "/?": self = .help
    case "/reset": self = .reset
    case "/quit", "/exit", "/bye": self = .quit
    case "/system": self = .system(rest)
    case "/save" where !file.isEmpty: self = .save(file)
    case "/load" where !file.isEmpty: self = .load(file)
    default: self = .unknown(line)
    }
  }

  static let helpText = """
    /save FILE     write the conversation to a file
    /load FILE     go on with the conversation in a file
    /system TEXT   begin a new conversation, and tell the model TEXT first
    /reset         begin a new conversation
    /quit          end the chat, as ctrl-D does
    A message of several lines has a backslash at the end of each but the last, or stands between two \"\"\".
    Ctrl-C stops an answer. Arrow keys, Home, End, ctrl-A, E, B, F, K, U, W, Y edit the line; up and down go
    through the lines before.
    """
}
