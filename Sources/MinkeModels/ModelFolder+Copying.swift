import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ModelFolder {
  /// Copies those of the files `names` that there are to the folder `draft`.
  ///
  /// - Throws: `MinkeError` when a file cannot be read or written.
  func copy(_ names: [String], to draft: URL) throws {
    for name in names {
      guard let source = file(name) else { continue }
      let file = try MappedFile(source)
      var writer = try FileWriter(draft.appendingPathComponent(name))
      try writer.write(file.bytes)
      try writer.finish()
    }
  }
}

extension JSONValue {
  /// Writes the value as a file of one line.
  ///
  /// - Throws: `MinkeError` when the file cannot be written.
  package func write(to url: URL) throws(MinkeError) {
    var writer = try FileWriter(url)
    try writer.write(text + "\n")
    try writer.finish()
  }
}
