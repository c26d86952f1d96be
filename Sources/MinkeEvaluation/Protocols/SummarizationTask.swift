import Foundation
import MinkeCore

/// Whether summaries that people find good are close to those that people wrote: Spearman's and Pearson's correlation
/// for each text, and their means (`mteb`'s `AbsTaskSummarization`).
///
/// The folder holds `test.jsonl`, or one other .jsonl file: lines with the lists `human_summaries`, `machine_summaries`
/// and `relevance`, a number for each machine's summary, whose similarity is that to the nearest human one. Asked for are
/// the vectors of all human summaries, line after line, then of all the machines' ones.
public struct SummarizationTask: ProtocolTask {
  public static let kind = TaskKind.summarization

  public let name: String
  private let texts: [Summaries]

  private struct Summaries: Sendable {
    let human: [String]
    let machine: [String]
    let relevance: [Double]
  }

  public init(_ folder: TaskFolder) throws {
    name = folder.name
    let file = try folder.data()
    texts = try file.rows { row in
      let (human, machine) = (try row.texts("human_summaries"), try row.texts("machine_summaries"))
      let relevance = try row.numbers("relevance")
      guard !human.isEmpty else { throw row.wrong("one text or more in", ["human_summaries"]) }
      guard machine.count == relevance.count else {
        throw MinkeError(
          .malformedFile, row.subject, expected: "a number in \"relevance\" for each of \(machine.count) summaries",
          found: "\(relevance.count)")
      }
      return Summaries(human: human, machine: machine, relevance: relevance)
    }
    guard !texts.isEmpty else { throw file.lacks("lines with summaries", found: "none") }
  }

  public func run(_ vectors: any TextVectors, seed: UInt32, progress: ProgressHandler?) throws -> TaskResult {
    let (human, machine) = (texts.flatMap(\.human), texts.flatMap(\.machine))
    let parts = ProgressParts(handler: progress, total: human.count + machine.count)
    let left = try TaskVectors(
      among: human, called: "human_summaries", from: vectors, progress: parts.part(after: 0))
    let right = try TaskVectors(
      among: machine, called: "machine_summaries", from: vectors, progress: parts.part(after: human.count))
    try left.requireDimension(of: right, called: "machine_summaries")
    var figures: [[Double]] = []
    var (items, constant): ([TaskResult.Item], [String]) = ([], [])
    var first = (human: 0, machine: 0)
    for (index, text) in texts.enumerated() {
      let similarities = text.machine.indices.map { summary in
        text.human.indices.map { RowSimilarities(left[first.human + $0], right[first.machine + summary]) }
      }
      first.human += text.human.count
      first.machine += text.machine.count
      // As single precision: summaries that are the same as a human one are then equally close.
      let cosine = similarities.map { Double(Float($0.map(\.cosine).max() ?? 0)) }
      let dot = similarities.map { $0.map(\.dot).max() ?? 0 }
      guard [text.relevance, cosine, dot].allSatisfy({ Set($0).count > 1 }) else {
        constant.append("\(index + 1)")
        continue
      }
      figures.append([
        Correlation.spearman(text.relevance, cosine), Correlation.pearson(text.relevance, cosine),
        Correlation.spearman(text.relevance, dot), Correlation.pearson(text.relevance, dot),
      ])
      items.append(TaskResult.Item(id: "text \(index + 1)", value: figures[figures.count - 1][0]))
    }
    guard !figures.isEmpty else {
      throw MinkeError(
        .malformedFile, name, expected: "a text whose summaries differ in relevance and similarity", found: "none")
    }
    let names = ["cosine_spearman", "cosine_pearson", "dot_spearman", "dot_pearson"]
    return TaskResult(
      name: name, kind: .summarization, settings: ["dimension": "\(left.dimension)"],
      metrics: names.enumerated().map { place, name in TaskResult.Metric(name, figures.map { $0[place] }.mean) },
      mainMetric: "cosine_spearman", items: items,
      warnings: constant.isEmpty
        ? []
        : [
          "\(constant.count) texts are left out, all of whose summaries are equally good or close: \(listed(constant))"
        ])
  }
}
