import Minke

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The arguments of this process as the operating system gave them: a file's name need not be UTF-8, and what is not
/// UTF-8 in it is lost from a `String`.
enum RawArguments {
  /// The paths that were given as `arguments`, with the bytes they had.
  static func paths(_ arguments: [String]) -> [FilePath] {
    var given = broken(all)
    return arguments.map { argument in
      // Two names may look the same once repaired; they come in the order in which they were given.
      guard let index = given.firstIndex(where: { $0.repaired == argument }) else { return FilePath(argument) }
      return FilePath(bytes: given.remove(at: index).bytes)
    }
  }

  /// The arguments that are not UTF-8.
  private static func broken(_ arguments: [[UInt8]]) -> [(repaired: String, bytes: [UInt8])] {
    arguments.filter { String(validating: $0, as: UTF8.self) == nil }.map { (String(decoding: $0, as: UTF8.self), $0) }
  }

  private static var all: [[UInt8]] {
    (0..<Int(CommandLine.argc)).map { index in
      guard let argument = CommandLine.unsafeArgv[index] else { return [] }
      return UnsafeBufferPointer(start: argument, count: strlen(argument)).map { UInt8(bitPattern: $0) }
    }
  }
}
