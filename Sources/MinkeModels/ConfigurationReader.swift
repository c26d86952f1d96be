import MinkeCore

/// Reads a configuration, a JSON object, by its keys: each with its range, its default and one wording of errors.
///
/// A key whose value is null counts as absent.
package struct ConfigurationReader: Sendable {
  /// The file in error texts.
  package let subject: String
  package let members: [String: JSONValue]

  /// - Throws: `MinkeError` of kind `malformedFile` when `json` is no object.
  package init(_ json: JSONValue, subject: String) throws(MinkeError) {
    guard let members = json.object else {
      throw MinkeError(.malformedFile, subject, expected: "an object", found: "another JSON value")
    }
    self.members = members
    self.subject = subject
  }

  /// A reader of the configuration `name`, which must be in `folder`.
  ///
  /// - Throws: `MinkeError` when there is no such file or it is no JSON object.
  package static func required(_ name: String, in folder: ModelFolder) throws -> ConfigurationReader {
    if let reader = try folder.configuration(name) { return reader }
    throw MinkeError(.notFound, folder.url.relativePath, expected: "a file \(name)", found: "no such file")
  }

  /// The value of `key`; nil where it is absent or null.
  package subscript(key: String) -> JSONValue? { members[key].flatMap { $0 == .null ? nil : $0 } }

  // MARK: Values

  /// A whole number in `range`; `fallback` where the key is absent.
  package func integer(
    _ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil
  ) throws(MinkeError) -> Int {
    if self[key] == nil, let fallback { return fallback }
    guard let number = self[key]?.integer, range.contains(number) else {
      throw malformed(key, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// A number above 0 and below `limit`; `fallback` where the key is absent.
  package func number(
    _ key: String, below limit: Double = .infinity, default fallback: Double? = nil
  ) throws(MinkeError) -> Double {
    if self[key] == nil, let fallback { return fallback }
    guard let number = self[key]?.double, number > 0, number < limit else {
      throw malformed(key, expected: limit.isFinite ? "a number between 0 and \(limit)" : "a number above 0")
    }
    return number
  }

  /// True or false; `fallback` where the key is absent.
  package func flag(_ key: String, default fallback: Bool) throws(MinkeError) -> Bool {
    guard let value = self[key] else { return fallback }
    guard let flag = value.boolean else { throw malformed(key, expected: "true or false") }
    return flag
  }

  /// A text; nil where the key is absent.
  package func text(_ key: String) throws(MinkeError) -> String? {
    guard let value = self[key] else { return nil }
    guard let text = value.string else { throw malformed(key, expected: "a text") }
    return text
  }

  /// One of the texts that `Choice` stands for; nil where the key is absent.
  package func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, _ type: Choice.Type
  ) throws(MinkeError) -> Choice? {
    guard let value = self[key] else { return nil }
    guard let choice = value.string.flatMap(Choice.init(rawValue:)) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw unsupported(key, expected: "one of \(known)")
    }
    return choice
  }

  // MARK: What must not be passed over

  /// Throws unless `key` is absent or has one of the values that mean what is done here anyway.
  package func require(_ key: String, _ values: JSONValue...) throws(MinkeError) {
    guard let found = self[key], !values.contains(found) else { return }
    throw unsupported(key, expected: values.isEmpty ? "no such key" : values.map(\.text).joined(separator: " or "))
  }

  /// Throws for the first key, in order, that is neither in `known` nor switched off (false, null, empty).
  package func requireOnly(_ known: Set<String>) throws(MinkeError) {
    for (key, value) in members.sorted(by: { $0.key < $1.key }) where !known.contains(key) {
      if [.null, .boolean(false), .array([]), .object([:]), .string("")].contains(value) { continue }
      throw MinkeError(
        .unsupportedFile, "\(subject): \(key)", expected: "one of the keys \(known.sorted().joined(separator: ", "))",
        found: value.text)
    }
  }

  // MARK: Errors

  package func malformed(_ key: String, expected: String) -> MinkeError {
    MinkeError(.malformedFile, "\(subject): \(key)", expected: expected, found: members[key]?.text ?? "no such key")
  }

  package func unsupported(_ key: String, expected: String) -> MinkeError {
    MinkeError(.unsupportedFile, "\(subject): \(key)", expected: expected, found: members[key]?.text ?? "no such key")
  }
}
