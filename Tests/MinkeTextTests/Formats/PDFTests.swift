import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeText

struct PDFTests {
  /// A PDF file with a page for each of `texts`.
  static func file(_ texts: [String], trailer: String = "") -> [UInt8] {
    var objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
    let kids = texts.indices.map { "\(4 + $0 * 2) 0 R" }.joined(separator: " ")
    objects.append("<< /Type /Pages /Kids [\(kids)] /Count \(texts.count) >>")
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for (index, text) in texts.enumerated() {
      objects.append(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Resources << /Font << /F1 3 0 R >> >> "
          + "/Contents \(5 + index * 2) 0 R >>")
      let lines = text.split(separator: "\n").enumerated().map { "1 0 0 1 20 \(250 - $0 * 20) Tm (\($1)) Tj" }
      let content = "BT /F1 12 Tf \(lines.joined(separator: " ")) ET"
      objects.append("<< /Length \(content.utf8.count) >>\nstream\n\(content)\nendstream")
    }
    var file = "%PDF-1.4\n"
    var places: [Int] = []
    for (index, object) in objects.enumerated() {
      places.append(file.utf8.count)
      file += "\(index + 1) 0 obj\n\(object)\nendobj\n"
    }
    let start = file.utf8.count
    file += "xref\n0 \(objects.count + 1)\n0000000000 65535 f \n"
    for place in places { file += String(repeating: "0", count: 10 - "\(place)".count) + "\(place) 00000 n \n" }
    file += "trailer\n<< /Size \(objects.count + 1) /Root 1 0 R \(trailer) >>\nstartxref\n\(start)\n%%EOF\n"
    return Array(file.utf8)
  }

  /// Whether `pdftotext` is here; says so where it is not.
  static let isInstalled: Bool = {
    let found = (try? ChildProcess.run("pdftotext", [Array("-v".utf8)], outputLimit: 100, seconds: 10)) != nil
    if !found { print("pdftotext is not installed (package poppler-utils): the reading of PDF files is NOT tested") }
    return found
  }()

  @Test(.enabled(if: isInstalled)) func `a PDF file is read page by page`() throws {
    try Fixture.withTemporaryFolder { folder in
      // A name that looks like an option, in the current folder of nobody.
      let path = FilePath(folder.path + "/-opw.pdf")
      try Data(Self.file(["The white whale\nswims here", "", "Bread and dough"])).write(
        to: URL(fileURLWithPath: path.description))
      let text = try #require(try StructuredText(file: path, size: 0, format: .pdf, encoding: nil))
      let found = PassageSplitter().split(text)
      #expect(found.map(\.passage.page) == [1, 3])
      let texts = found.map { String(decoding: text.text[$0.textRange], as: UTF8.self) }
      #expect(texts[0].contains("white whale") && texts[1] == "Bread and dough")
    }
  }

  @Test(.enabled(if: isInstalled)) func `a PDF file that is damaged, locked or without text is said to be`() throws {
    try Fixture.withTemporaryFolder { folder in
      func reason(_ bytes: [UInt8]) throws -> String {
        let url = folder.appendingPathComponent("a.pdf")
        try Data(bytes).write(to: url)
        do {
          _ = try StructuredText.pdf(FilePath(url.path))
          return "read"
        } catch {
          return error.description
        }
      }
      let zeros = String(repeating: "00", count: 32)
      let locked = "/ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <\(zeros)> /U <\(zeros)> >>"
      for (bytes, words) in [
        (Array("%PDF-1.4\nnothing".utf8), "no PDF that pdftotext can read"), ([], "no PDF that pdftotext can read"),
        (Self.file([""]), "a PDF without text, perhaps of scanned pages"),
        (Self.file(["x"], trailer: locked), "a PDF that is locked with a password"),
      ] {
        let found = try reason(bytes)
        #expect(found == words)
      }
      #expect(throws: SkipReason.gone) { try StructuredText.pdf(FilePath(folder.path + "/none.pdf")) }
    }
  }

  @Test func `pages in memory are divided by form feeds`() throws {
    let document = try ReadDocument("One.\n\nTwo.\u{c}\u{c}Three.\n", .pdf)
    #expect(document.texts == ["One.\n\nTwo.", "Three."])
    #expect(document.passages.map(\.page) == [1, 3])
    #expect(document.slice(1) == "Three." && document.passages[1].lines == 3...3)
    document.checkPlaces()
  }

  @Test func `a program is run without a shell, within its limits`() throws {
    func run(_ name: String, _ words: String..., limit: Int = 1 << 20, seconds: Int = 20) throws -> ChildProcess.Result
    {
      try ChildProcess.run(name, words.map { Array($0.utf8) }, outputLimit: limit, seconds: seconds)
    }
    let said = try run("printf", "%s", "$HOME; `x` \"y\"")
    #expect(said.status == 0 && String(decoding: said.output, as: UTF8.self) == "$HOME; `x` \"y\"")
    let failed = try run("sh", "-c", "echo no >&2; exit 7")
    #expect(failed.status == 7 && failed.errors == Array("no\n".utf8) && failed.output.isEmpty)
    #expect(try run("sh", "-c", "kill -9 $$").status == 137)
    // What waits for input finds none.
    #expect(try run("cat").output.isEmpty)
    #expect(throws: ChildProcess.Failure.notFound) { try run("minke-no-such-program") }
    #expect(throws: ChildProcess.Failure.tooMuchOutput) { try run("yes", limit: 1 << 16) }
    #expect(throws: ChildProcess.Failure.timeOut) { try run("sleep", "60", seconds: 1) }
    #expect(throws: ChildProcess.Failure.timeOut) { try run("sh", "-c", "exec >&- 2>&-; sleep 60", seconds: 1) }
    let loud = try run("sh", "-c", "yes | head -c 1000000 >&2; echo done")
    #expect(loud.output == Array("done\n".utf8) && loud.errors.count < 1 << 17)
  }

  @Test func `a cancelled task ends the program it waits for`() async throws {
    let task = Task {
      try await Workers.run {
        try Workers.map(count: 2) { _ in
          do throws(ChildProcess.Failure) {
            return try ChildProcess.run("sleep", [Array("60".utf8)], outputLimit: 1, seconds: 60).status
          } catch {
            #expect(error == .cancelled)
            throw error
          }
        }
      }
    }
    try await Task.sleep(for: .milliseconds(200))
    task.cancel()
    await #expect(throws: (any Error).self) { try await task.value }
  }
}
