import Foundation
import Minke
import MinkeStore
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Treats a collection as badly as a machine may: kills who writes to it, and reads from many sides while it changes.
///
///     swift run -c release MinkeFaults                      # 200 kills, then 60 s of readers beside a writer
///     swift run -c release MinkeFaults --kills 20 --seconds 5 --seed 7
@main
struct Faults {
  static func main() {
    do {
      var options = Options()
      try options.read(Array(CommandLine.arguments.dropFirst()))
      if let path = options.child { return try Writer(path, seed: options.seed).run() }
      if let path = options.reader { return try Reader.runAsProcess(path, seconds: options.seconds) }
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("minke-faults-\(getpid())")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      if options.kills > 0 { try Kills(folder: folder, count: options.kills, seed: options.seed).run() }
      if options.seconds > 0 { try Readers(folder: folder, seconds: options.seconds).run() }
      print("no fault")
    } catch {
      print("FAULT: \(error)")
      exit(1)
    }
  }
}

struct Options {
  var kills = 200
  var seconds = 60.0
  var seed: UInt64 = 1
  var child: String?
  var reader: String?

  mutating func read(_ arguments: [String]) throws {
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard let value = rest.popFirst() else { throw Fault("\(name): expected a value") }
      switch name {
      case "--kills": kills = Int(value) ?? kills
      case "--seconds": seconds = Double(value) ?? seconds
      case "--seed": seed = UInt64(value) ?? seed
      case "--writer": child = value
      case "--reader": reader = value
      default: throw Fault("\(name): expected --kills, --seconds or --seed")
      }
    }
  }
}

/// What should not have happened.
struct Fault: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// What the writer does next: the same for the same seed.
struct Script {
  private var random: SplitMix64
  private(set) var step = 0

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  enum Change {
    case put([TextRecord])
    case remove([String])
  }

  mutating func next() -> Change {
    step += 1
    if random.next() % 4 == 0 { return .remove((0..<3).map { _ in id() }) }
    // Mostly a few, sometimes so many that parts are merged.
    let count = random.next() % 16 == 0 ? 300 : Int(random.next() % 6) + 1
    var records: [String: TextRecord] = [:]
    for _ in 0..<count {
      let id = id()
      records[id] = TextRecord(id: id, text: text())
    }
    return .put(records.values.sorted { $0.id < $1.id })
  }

  private mutating func id() -> String { "document \(random.next() % 400)" }

  private mutating func text() -> String {
    let words = ["whale", "bread", "harbor", "engine", "violin", "winter", "ledger", "orchard", "signal", "copper"]
    return (0..<12).map { _ in words[Int(random.next() % 10)] }.joined(separator: " ") + " step \(step)"
  }
}

/// Writes without end, and says after each change that it is on disk.
struct Writer {
  private let collection: Collection
  private var script: Script

  init(_ path: String, seed: UInt64) throws {
    collection = try Collection.open(path, encoder: ModelLibrary.textEncoder(), dimension: 32)
    script = Script(seed: seed)
  }

  func run() throws {
    var script = script
    while true {
      switch script.next() {
      case .put(let records): try collection.add(records)
      case .remove(let ids): try collection.remove(ids)
      }
      // One write of a few bytes: it arrives whole or not at all.
      let line = Array("\(script.step)\n".utf8)
      guard write(1, line, line.count) == line.count else { return }
    }
  }
}

/// Kills the writer at random moments, and looks at what it leaves.
struct Kills {
  let folder: URL
  let count: Int
  let seed: UInt64

  func run() throws {
    let path = folder.appendingPathComponent("kills.minke").path
    let encoder = try ModelLibrary.textEncoder()
    var random = SplitMix64(seed: seed)
    var expected: [String: String] = [:]
    var steps = 0
    for kill in 0..<count {
      let scriptSeed = random.next()
      let acknowledged = try killOne(path, scriptSeed, after: Double(random.next() % 120_000) / 1_000_000)
      steps += acknowledged
      // What was acknowledged is there; the change under way is there whole or not at all.
      var script = Script(seed: scriptSeed)
      for _ in 0..<acknowledged { Self.apply(script.next(), to: &expected) }
      var next = expected
      Self.apply(script.next(), to: &next)

      let collection = try Collection.open(path, encoder: encoder, dimension: 32)
      defer { try? collection.close() }
      let defects = try collection.verify()
      guard defects.isEmpty else { throw Fault("after kill \(kill): \(defects)") }
      let held = try Self.texts(of: collection)
      if held == expected { continue }
      guard held == next else {
        throw Fault("after kill \(kill): \(held.count) documents, expected \(expected.count) or \(next.count)")
      }
      expected = next
    }
    print("\(count) kills, \(steps) changes acknowledged, all of them there; \(expected.count) documents at the end")
  }

  static func apply(_ change: Script.Change, to documents: inout [String: String]) {
    switch change {
    case .put(let records): for record in records { documents[record.id] = record.text }
    case .remove(let ids): for id in ids { documents[id] = nil }
    }
  }

  private static func texts(of collection: Collection) throws -> [String: String] {
    var texts: [String: String] = [:]
    for name in try collection.documents {
      texts[name] = try collection.passages(of: name).map(\.text).joined(separator: "|")
    }
    return texts
  }

  /// Starts a writer, kills it `seconds` after it began to write, and gives the number of changes it had acknowledged.
  private func killOne(_ path: String, _ seed: UInt64, after seconds: Double) throws -> Int {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
    process.arguments = ["--writer", path, "--seed", "\(seed)"]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    var received = output.fileHandleForReading.availableData
    Thread.sleep(forTimeInterval: seconds)
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    received += try output.fileHandleForReading.readToEnd() ?? Data()
    guard process.terminationReason == .uncaughtSignal else {
      throw Fault("the writer ended by itself: \(String(decoding: received, as: UTF8.self))")
    }
    return received.count { $0 == UInt8(ascii: "\n") }
  }
}

/// Eight readers, two of them other processes, beside one writer.
struct Readers {
  let folder: URL
  let seconds: Double

  func run() throws {
    let path = folder.appendingPathComponent("readers.minke").path
    let encoder = try ModelLibrary.textEncoder()
    let collection = try Collection.open(path, encoder: encoder, dimension: 32)
    defer { try? collection.close() }
    let committed = Mutex(0)
    let fault = Mutex<(any Error)?>(nil)
    let searches = Atomic(0)
    let end = Date(timeIntervalSinceNow: seconds)
    try collection.add([Reader.record(0)])

    let others = try (0..<2).map { _ in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
      process.arguments = ["--reader", path, "--seconds", "\(seconds)"]
      try process.run()
      return process
    }
    let group = DispatchGroup()
    for reader in 0..<6 {
      // Some share the collection, some have opened it for themselves.
      let own = reader < 3 ? collection : try Collection.open(path, encoder: encoder, dimension: 32)
      let thread = Thread {
        defer { group.leave() }
        do {
          while Date() < end, fault.withLock({ $0 == nil }) {
            let before = committed.withLock { $0 }
            let seen = try Reader.look(own)
            if seen < before { throw Fault("a reader saw state \(seen) after \(before) was committed") }
            searches.add(1, ordering: .relaxed)
          }
          if reader >= 3 { try own.close() }
        } catch { fault.withLock { $0 = $0 ?? error } }
      }
      group.enter()
      thread.start()
    }
    var (step, early) = (0, 0)
    let start = Date()
    while Date() < end, fault.withLock({ $0 == nil }) {
      step += 1
      try collection.add([Reader.record(step)] + Reader.ballast(step))
      committed.withLock { $0 = step }
      if step % 5 == 0 { try collection.remove(Reader.ballast(step - 4).map(\.id)) }
      if early == 0, Date().timeIntervalSince(start) > seconds / 3 { early = Self.residentBytes }
    }
    group.wait()
    for other in others {
      other.waitUntilExit()
      guard other.terminationStatus == 0 else {
        throw Fault("a reader in another process ended with \(other.terminationStatus)")
      }
    }
    if let error = fault.withLock({ $0 }) { throw error }
    let defects = try collection.verify()
    guard defects.isEmpty else { throw Fault("\(defects)") }
    let growth = Self.residentBytes - early
    print(
      "\(step) changes beside \(searches.load(ordering: .relaxed)) searches in \(seconds) s; memory \(growth >> 20) MiB more in the last two thirds"
    )
    guard growth < 64 << 20 else { throw Fault("memory grew by \(growth) bytes") }
  }

  private static var residentBytes: Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
      let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return 0 }
    return pages * Int(getpagesize())
  }
}

enum Reader {
  /// The document that says which state it is of.
  static func record(_ step: Int) -> TextRecord {
    TextRecord(id: "state", text: "lighthouse keeper number\(step)", metadata: ["step": .integer(step)])
  }

  static func ballast(_ step: Int) -> [TextRecord] {
    (0..<20).map { TextRecord(id: "ballast \(step).\($0)", text: "ships pass by in the fog, \(step) \($0)") }
  }

  /// The state that a search finds; its passage, its metadata and what words find must agree.
  static func look(_ collection: Collection) throws -> Int {
    let found = try collection.search("lighthouse keeper", k: 3)
    guard let best = found.first(where: { $0.document == "state" }), case .integer(let step)? = best.metadata["step"]
    else { throw Fault("the state was not found among \(found.map(\.document))") }
    guard best.text == "lighthouse keeper number\(step)" else { throw Fault("\(best.text) in state \(step)") }
    return step
  }

  static func runAsProcess(_ path: String, seconds: Double) throws {
    let end = Date(timeIntervalSinceNow: seconds)
    let collection = try Collection.open(path)
    defer { try? collection.close() }
    var last = 0
    while Date() < end {
      let seen = try look(collection)
      if seen < last { throw Fault("a reader saw state \(seen) after \(last)") }
      last = seen
    }
  }
}
