import MinkeCore

/// The members of a request's JSON object, read with errors that name them.
struct Members: Sendable {
  private let members: [String: JSONValue]
  private let place: String

  init(_ value: JSONValue, at place: String = "") throws(Failure) {
    guard let members = value.object else {
      throw Failure(.badRequest, "\(place.isEmpty ? "body" : place): expected an object, found another JSON value")
    }
    (self.members, self.place) = (members, place)
  }

  /// The member, nil also where it is null.
  subscript(name: String) -> JSONValue? {
    guard let value = members[name], value != .null else { return nil }
    return value
  }

  func wrong(_ name: String, _ expected: String) -> Failure {
    let found = self[name].map { Self.shown($0) } ?? "nothing"
    return .wrong(place + name, expected: expected, found: found)
  }

  private static func shown(_ value: JSONValue) -> String {
    let text = value.text
    return text.count > 60 ? text.prefix(60) + "…" : text
  }

  func text(_ name: String) throws(Failure) -> String? {
    guard let value = self[name] else { return nil }
    guard let text = value.string else { throw wrong(name, "a text") }
    return text
  }

  func requiredText(_ name: String) throws(Failure) -> String {
    guard let text = try text(name), !text.isEmpty else { throw wrong(name, "a text") }
    return text
  }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(Failure) -> Int? {
    guard let value = self[name] else { return nil }
    guard let number = value.integer ?? value.double.flatMap({ Int(exactly: $0) }), range.contains(number) else {
      throw wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func number(_ name: String, in range: ClosedRange<Double>) throws(Failure) -> Double? {
    guard let value = self[name] else { return nil }
    guard let number = value.double, range.contains(number) else {
      throw wrong(name, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func boolean(_ name: String) throws(Failure) -> Bool? {
    guard let value = self[name] else { return nil }
    guard let boolean = value.boolean else { throw wrong(name, "true or false") }
    return boolean
  }

  /// A text or a list of texts.
  func texts(_ name: String, most: Int) throws(Failure) -> [String]? {
    guard let value = self[name] else { return nil }
    if let text = value.string { return [text] }
    guard let values = value.array else { throw wrong(name, "texts") }
    guard values.count <= most else {
      throw .wrong(place + name, expected: "\(most) at most", found: "\(values.count)")
    }
    var texts: [String] = []
    for value in values {
      guard let text = value.string else { throw wrong(name, "texts") }
      texts.append(text)
    }
    return texts
  }

  /// One of the texts that a type knows.
  func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, _ type: Choice.Type) throws(Failure) -> Choice?
  where Choice.RawValue == String {
    guard let text = try text(name) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      throw wrong(name, Choice.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return choice
  }

  func objects(_ name: String, most: Int) throws(Failure) -> [JSONValue]? {
    guard let value = self[name] else { return nil }
    guard let values = value.array else { throw wrong(name, "a list") }
    guard values.count <= most else {
      throw .wrong(place + name, expected: "\(most) at most", found: "\(values.count)")
    }
    return values
  }
}
