import Minke

/// What was read in a search and what was not, for standard error.
struct SearchSummary {
  private let report: ReadingReport
  private let seconds: Double

  init(_ report: ReadingReport, seconds: Double) {
    self.report = report
    self.seconds = seconds
  }

  /// Says what could not be read, file by file, and then what was, in a line.
  ///
  /// - Parameters:
  ///   - debug: whether to name everything that was passed over.
  ///   - named: what the person asked for by its own path, which is never passed over in silence.
  func report(debug: Bool, named: [FilePath]) {
    for file in report.skipped
    where debug || file.reason.isFailure || (named.contains(file.path) && file.reason != .readAlready) {
      say("minke: \(Style.printable("\(file.path)")): \(Style.printable("\(file.reason)"))")
    }
    for part in report.omitted {
      let (lines, count) = (part.lines, part.lines.count)
      let which = count == 1 ? "line \(lines.firstLine) is" : "\(count) lines are"
      let words = count == 1 ? lines.reason : "line \(lines.firstLine): \(lines.reason)"
      say("minke: \(Style.printable(part.document)): \(which) passed over: \(Style.printable(words))")
    }
    say(line)
  }

  var line: String {
    func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
    var text = "\(count(report.passages, "passage")) of \(count(report.documents, "file"))"
    text += ", \(fixed(seconds, digits: 2)) s"
    var skipped: [(reason: String, files: Int)] = [
      ("not UTF-8 text", report.notText.count), ("unreadable", report.failures.count),
    ]
    let others = report.skipped.count { file in
      switch file.reason {
      case .notPlainFile, .gone: true
      default: false
      }
    }
    skipped.append(("gone or no plain files", others))
    let reasons = Dictionary(grouping: report.notExtracted) { file in
      if case .notExtracted = file.reason {
        "damaged, locked or without text (--debug says which)"
      } else {
        "\(file.reason)"
      }
    }
    skipped += reasons.sorted { $0.key < $1.key }.map { ($0.key, $0.value.count) }
    for (reason, files) in skipped where files > 0 { text += "; \(count(files, "file")) skipped: \(reason)" }
    return text
  }
}
