import Foundation
import MinkeCore

extension Recipe {
  /// A member of a recipe's file.
  package struct Field: Sendable {
    package let key: String
    fileprivate let read: @Sendable (JSONValue, inout Recipe) -> String?
    fileprivate let write: @Sendable (Recipe) -> JSONValue
  }

  /// All members but `kind`, in the order in which they are written.
  package static let fields: [Field] = [
    text("from", \.start), text("tokenizer", \.tokenizer), whole("dimension", \.dimension, 1...1 << 16),
    whole("bits", \.bits, 8...1 << 16), whole("numbers", \.numbers, 1...1 << 16),
    choice("precision", \.precision), object("configuration", \.configuration),
    text("teacher", \.teacher),
    texts("data", \.data), texts("columns", \.columns), texts("sources", \.sources),
    text("source_column", \.sourceColumn), text("score_column", \.scoreColumn),
    whole("every", \.every, 1...1 << 40), whole("offset", \.offset, 0...1 << 40), whole("limit", \.limit, 1...1 << 40),
    whole("characters", \.characters, 1...1 << 40),
    texts("turns", \.turns), texts("conversations", \.conversations),
    number("held_out", \.heldOut, 0...1e12), whole("length", \.length, 1...1 << 24),
    whole("batch", \.batch, 1...1 << 24), whole("chunk", \.chunk, 1...1 << 24),
    whole("accumulation", \.accumulation, 1...1 << 24),
    flag("one_source", \.oneSource), whole("block", \.block, 1...1 << 24), number("epochs", \.epochs, 1e-9...1e9),
    whole("steps", \.steps, 1...1 << 31),
    seed("seed", \.seed),
    choice("optimizer", \.optimizer), number("rate", \.rate, 0...1e6), number("beta1", \.beta1, 0...0.999999999),
    number("beta2", \.beta2, 0...0.999999999), number("epsilon", \.epsilon, 0...1),
    number("weight_decay", \.weightDecay, 0...1e6), choice("schedule", \.schedule),
    number("warm_up", \.warmUp, 0...1e12), number("clip", \.clip, 1e-12...1e12),
    weights("loss", \.loss), number("scale", \.scale, 1e-6...1e6), flag("both_directions", \.bothDirections),
    number("lexical", \.lexical, 0...1),
    choice("relaxation", \.relaxation),
    wholes("matryoshka", \.matryoshka, 1...1 << 16),
    texts("evaluations", \.evaluations), whole("evaluate_every", \.evaluateEvery, 1...1 << 31),
    whole("checkpoint_every", \.checkpointEvery, 1...1 << 31),
  ]

  /// The recipe of the file at `url`.
  ///
  /// - Throws: as ``init(_:kind:subject:)``, and when the file cannot be read or is no JSON.
  package init(contentsOf url: URL, kind: Kind? = nil) throws {
    let file = try MappedFile(url)
    let json = try JSONValue(parsing: file.bytes, subject: file.path)
    guard let members = json.object else {
      throw MinkeError(.malformedFile, file.path, expected: "a JSON object", found: "something else")
    }
    try self.init(members, kind: kind, subject: file.path)
  }

  /// The usual recipe of its kind, with the members that `json` gives.
  ///
  /// - Parameter kind: the kind that is expected; nil for the one that `json` names.
  /// - Throws: `MinkeError` naming a member that is unknown or has a wrong value, or a kind that is not the expected one.
  package init(_ json: [String: JSONValue], kind: Kind? = nil, subject: String) throws(MinkeError) {
    var named = kind
    if let value = json["kind"] {
      let kinds = Kind.allCases.map(\.rawValue).joined(separator: ", ")
      guard let found = value.string.flatMap(Kind.init(rawValue:)), kind ?? found == found else {
        throw MinkeError(
          .malformedFile, "\(subject): kind", expected: kind.map { "\"\($0.rawValue)\"" } ?? "one of \(kinds)",
          found: value.text)
      }
      named = found
    }
    guard let named else { throw MinkeError(.malformedFile, subject, expected: "a member \"kind\"", found: "none") }
    self.init(named)
    var rest = json
    rest["kind"] = nil
    try set(rest, subject: subject)
  }

  /// Changes the members that `json` gives.
  ///
  /// - Throws: `MinkeError` naming a member that is unknown or has a wrong value.
  package mutating func set(_ json: [String: JSONValue], subject: String) throws(MinkeError) {
    for (key, value) in json.sorted(by: { $0.key < $1.key }) {
      guard let field = Self.fields.first(where: { $0.key == key }) else {
        let keys = Self.fields.map(\.key).joined(separator: ", ")
        throw MinkeError(.malformedFile, subject, expected: "members kind, \(keys)", found: "\"\(key)\"")
      }
      if let expected = field.read(value, &self) {
        throw MinkeError(.malformedFile, "\(subject): \(key)", expected: expected, found: value.text)
      }
    }
  }

  /// All members with their values; what is not set is null.
  package var json: JSONValue {
    var members: [String: JSONValue] = ["kind": .string(kind.rawValue)]
    for field in Self.fields { members[field.key] = field.write(self) }
    return .object(members)
  }

  /// The recipe as the text of a file, a member a line.
  package var text: String {
    let lines = [("kind", JSONValue.string(kind.rawValue))] + Self.fields.map { ($0.key, $0.write(self)) }
    return "{\n" + lines.map { "  \"\($0.0)\": \($0.1.text)" }.joined(separator: ",\n") + "\n}\n"
  }

  /// What is not the same in `other`, such as `batch: 64 here, 128 there`.
  package func differences(from other: Recipe, _ here: String, _ there: String) -> [String] {
    let kinds = kind == other.kind ? [] : ["kind: \(kind.rawValue) \(here), \(other.kind.rawValue) \(there)"]
    return kinds
      + Self.fields.compactMap { field in
        let (mine, others) = (field.write(self), field.write(other))
        return mine == others ? nil : "\(field.key): \(mine.text) \(here), \(others.text) \(there)"
      }
  }

  // MARK: Kinds of members. Reading gives what was expected where the value is another.

  private typealias Path<Value> = WritableKeyPath<Recipe, Value> & Sendable

  private static func member<Value>(
    _ key: String, _ path: Path<Value>, _ expected: String, _ read: @escaping @Sendable (JSONValue) -> Value?,
    _ write: @escaping @Sendable (Value) -> JSONValue
  ) -> Field {
    Field(key: key) { json, recipe in
      guard let value = read(json) else { return expected }
      recipe[keyPath: path] = value
      return nil
    } write: {
      write($0[keyPath: path])
    }
  }

  private static func optional<Value>(
    _ key: String, _ path: Path<Value?>, _ expected: String, _ read: @escaping @Sendable (JSONValue) -> Value?,
    _ write: @escaping @Sendable (Value) -> JSONValue
  ) -> Field {
    member(
      key, path, expected + ", or null", { json in json == .null ? .some(nil) : read(json).map { .some($0) } },
      { value in value.map(write) ?? .null })
  }

  private static func whole(_ key: String, _ path: Path<Int>, _ range: ClosedRange<Int>) -> Field {
    member(key, path, said(range), { $0.integer.flatMap { range.contains($0) ? $0 : nil } }, { .integer($0) })
  }

  private static func whole(_ key: String, _ path: Path<Int?>, _ range: ClosedRange<Int>) -> Field {
    optional(key, path, said(range), { $0.integer.flatMap { range.contains($0) ? $0 : nil } }, { .integer($0) })
  }

  private static func wholes(_ key: String, _ path: Path<[Int]>, _ range: ClosedRange<Int>) -> Field {
    member(
      key, path, "a list of whole numbers",
      { json in
        let numbers = json.array?.compactMap { $0.integer.flatMap { range.contains($0) ? $0 : nil } }
        return numbers?.count == json.array?.count ? numbers : nil
      }, { .array($0.map { .integer($0) }) })
  }

  private static func seed(_ key: String, _ path: Path<UInt64>) -> Field {
    member(
      key, path, "a whole number from 0", { $0.integer.flatMap { UInt64(exactly: $0) } },
      { .integer(Int(clamping: $0)) })
  }

  private static func number(_ key: String, _ path: Path<Double>, _ range: ClosedRange<Double>) -> Field {
    member(key, path, said(range), { $0.double.flatMap { range.contains($0) ? $0 : nil } }, Self.json)
  }

  private static func number(_ key: String, _ path: Path<Double?>, _ range: ClosedRange<Double>) -> Field {
    optional(key, path, said(range), { $0.double.flatMap { range.contains($0) ? $0 : nil } }, Self.json)
  }

  private static func flag(_ key: String, _ path: Path<Bool>) -> Field {
    member(key, path, "true or false", \.boolean, { .boolean($0) })
  }

  private static func text(_ key: String, _ path: Path<String>) -> Field {
    member(key, path, "a text", { $0.string.flatMap { $0.isEmpty ? nil : $0 } }, { .string($0) })
  }

  private static func text(_ key: String, _ path: Path<String?>) -> Field {
    optional(key, path, "a text", { $0.string.flatMap { $0.isEmpty ? nil : $0 } }, { .string($0) })
  }

  private static func texts(_ key: String, _ path: Path<[String]>) -> Field {
    member(
      key, path, "a list of texts",
      { json in
        let texts = json.array?.compactMap { $0.string.flatMap { $0.isEmpty ? nil : $0 } }
        return texts?.count == json.array?.count ? texts : nil
      }, { .array($0.map { .string($0) }) })
  }

  private static func weights(_ key: String, _ path: Path<[String: Double]>) -> Field {
    member(
      key, path, "an object of numbers",
      { json in
        let weights = json.object?.compactMapValues(\.double)
        return weights?.count == json.object?.count ? weights : nil
      }, { .object($0.mapValues(Self.json)) })
  }

  private static func object(_ key: String, _ path: Path<JSONValue?>) -> Field {
    optional(key, path, "an object", { $0.object == nil ? nil : $0 }, { $0 })
  }

  private static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
    _ key: String, _ path: Path<Value>
  ) -> Field {
    let names = Value.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
    return member(key, path, names, { $0.string.flatMap(Value.init(rawValue:)) }, { .string($0.rawValue) })
  }

  private static func said(_ range: ClosedRange<Int>) -> String {
    range.upperBound < 1 << 20
      ? "a whole number of \(range.lowerBound) to \(range.upperBound)" : "a whole number of \(range.lowerBound) or more"
  }

  private static func said(_ range: ClosedRange<Double>) -> String {
    "a number of \(range.lowerBound) to \(range.upperBound)"
  }

  /// Whole numbers are written without a point, and read again as what they were.
  private static func json(_ number: Double) -> JSONValue {
    Int(exactly: number).map { .integer($0) } ?? .number(number)
  }
}
