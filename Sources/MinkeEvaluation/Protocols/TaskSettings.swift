import MinkeCore

/// What a task does otherwise than its protocol's default: the members of `task.json`, or those beside a suite's task.
package struct TaskSettings: Sendable, Equatable {
  var name: String?
  var type: TaskKind?
  var samplesPerLabel, experiments, documentsPerExperiment, batchSize: Int?
  /// How many documents a clustering chooses from, or what share of all; one of both.
  private var maxDocuments: Int?
  private var documentFraction: Double?

  package init() {}

  /// Sets what `members` say, whatever was said before.
  ///
  /// - Parameter subject: what errors call them all.
  /// - Throws: `MinkeError` for a member of another name, or a value that cannot be.
  package mutating func set(_ members: [String: JSONValue], subject: String) throws(MinkeError) {
    func wrong(_ member: String, _ expected: String, _ found: String) -> MinkeError {
      MinkeError(.malformedFile, "\(subject): \(member)", expected: expected, found: found)
    }
    func count(_ member: String, _ value: JSONValue) throws(MinkeError) -> Int {
      guard let number = value.integer, number > 0 else {
        throw wrong(member, "a whole number above 0", value.shortText)
      }
      return number
    }
    for (member, value) in members.sorted(by: { $0.key < $1.key }) {
      switch member {
      case "name":
        guard let text = value.string, !text.isEmpty else { throw wrong(member, "a string", value.shortText) }
        name = text
      case "type":
        guard let kind = value.string.flatMap(TaskKind.init) else {
          throw wrong(member, TaskKind.allCases.map(\.rawValue).joined(separator: ", "), value.shortText)
        }
        type = kind
      case "samples_per_label": samplesPerLabel = try count(member, value)
      case "experiments": experiments = try count(member, value)
      case "documents_per_experiment": documentsPerExperiment = try count(member, value)
      case "batch_size": batchSize = try count(member, value)
      case "max_documents":
        guard members["document_fraction"] == nil else { throw wrong(member, "no document_fraction beside", "both") }
        (maxDocuments, documentFraction) = (try count(member, value), nil)
      case "document_fraction":
        guard let fraction = value.double, fraction > 0, fraction <= 1 else {
          throw wrong(member, "a number above 0, 1 at most", value.shortText)
        }
        (maxDocuments, documentFraction) = (nil, fraction)
      default:
        throw wrong(
          "member",
          "name, type, samples_per_label, experiments, max_documents, document_fraction, documents_per_experiment, "
            + "batch_size", "\"\(member)\"")
      }
    }
  }

  /// How many of `count` documents a clustering chooses from.
  ///
  /// - Throws: `MinkeError` when a fraction leaves none.
  func documentCount(of count: Int, task: String) throws(MinkeError) -> Int {
    guard let documentFraction else { return min(count, maxDocuments ?? 2048) }
    let share = Int(documentFraction * Double(count))
    guard share > 0 else {
      throw MinkeError(
        .malformedFile, "\(task): document_fraction", expected: "a share of \(count) documents that is one or more",
        found: "\(documentFraction)")
    }
    return share
  }
}
