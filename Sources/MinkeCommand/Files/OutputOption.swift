import Minke

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension FileWriter {
  /// A writer to the file that an option names; nil or `-` is standard output.
  init(toOption path: String?) throws(MinkeError) {
    if let path, path != "-" {
      try self.init(URL(fileURLWithPath: path))
    } else {
      self.init()
    }
  }
}

/// Says `text` and a line end on standard error; nothing is reported when nobody can hear it.
func say(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
