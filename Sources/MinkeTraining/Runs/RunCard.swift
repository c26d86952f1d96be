import Foundation
import Minke
import MinkeCore

/// What is known of a model that a run made.
package struct RunCard: Sendable {
  package let recipe: Recipe
  package let rows: Int
  package let tokens: Int
  package let notes: [String]
  package let parameters: Int
  package let steps: Int
  package let seconds: Double
  package let loss: Double
  /// What was measured last, by its name.
  package let figures: [(name: String, value: Double)]

  /// The card of the model called `name`, as Markdown.
  ///
  /// - Parameter command: what was typed.
  package func text(name: String, command: String) -> String {
    var lines = ["# \(name)", ""]
    lines.append("\(description), \(parameters) parameters, trained by Minke \(MinkeVersion.current).")
    lines += ["", "## Figures", "", "| | |", "|---|---|", "| last training loss | \(shown(loss)) |"]
    lines += figures.map { "| \($0.name) | \(shown($0.value)) |" }
    lines += ["", "## Data", ""]
    lines.append("\(rows) rows, \(tokens) tokens, of:")
    lines.append("")
    lines += recipe.data.map { "* `\(URL(fileURLWithPath: $0).lastPathComponent)`" }
    lines += notes.map { "* \($0)" }
    lines += ["", "## Recipe", ""]
    lines.append(
      "\(steps) steps of \(recipe.batch * recipe.accumulation) rows in \(Int(seconds.rounded())) seconds on "
        + "\(Machine.description).")
    lines += ["", "```json", recipe.text.trimmingCharacters(in: .newlines), "```", ""]
    lines += ["The command:", "", "```sh", command, "```"]
    return lines.joined(separator: "\n") + "\n"
  }

  private var description: String {
    switch recipe.kind {
    case .sse: "A static embedding (SSE)"
    case .bne: "A binary encoder (BNE)"
    case .head: "An embedding head on a language model"
    case .lm: "A language model (SpikeWhale)"
    }
  }

  private func shown(_ value: Double) -> String { value.isFinite ? String(format: "%.4f", value) : "-" }
}
