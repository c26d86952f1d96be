extension StructuredText {
  /// The text of a PDF file, taken out by `pdftotext`.
  ///
  /// - Throws: ``SkipReason/missingProgram(_:package:)`` where that is not installed,
  ///   ``SkipReason/notExtracted(_:)`` when it finds no text.
  package static func pdf(_ path: FilePath) throws(SkipReason) -> StructuredText {
    // The program would wait for a pipe.
    _ = try OpenFile(path)
    // A name that begins with a hyphen would be an option, and a single one standard input.
    let name = path.bytes.first == UInt8(ascii: "-") ? Array("./".utf8) + path.bytes : path.bytes
    let arguments = ["-enc", "UTF-8", "-eol", "unix"].map { Array($0.utf8) } + [name, Array("-".utf8)]
    let result: ChildProcess.Result
    do throws(ChildProcess.Failure) {
      result = try ChildProcess.run("pdftotext", arguments, outputLimit: largestFile, seconds: 120)
    } catch {
      switch error {
      case .notFound: throw .missingProgram("pdftotext", package: "poppler-utils")
      case .tooMuchOutput: throw .tooLarge(limit: largestFile)
      case .timeOut: throw .notExtracted("pdftotext found no end of it in two minutes")
      case .cancelled: throw .notExtracted("its reading was cancelled")
      case .system(let words): throw .unreadable("pdftotext: \(words)")
      }
    }
    let said = String(decoding: result.errors, as: UTF8.self)
    if said.contains("ncorrect password") { throw .notExtracted("a PDF that is locked with a password") }
    guard result.status == 0 else { throw .notExtracted("no PDF that pdftotext can read") }
    if result.output.allSatisfy(\.isSpace) { throw .notExtracted("a PDF without text, perhaps of scanned pages") }
    return pages(result.output)
  }
}
