import MinkeCore

#if canImport(Darwin)
  import Foundation
#elseif canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The models that come with the package, and where their files are looked for.
///
/// The accessor that SwiftPM makes for resources is not used: it brings the whole of Foundation into every program, and
/// ends the process where the folder is gone, as after copying the program alone to another machine.
package enum BuiltInModels {
  package static let names = ["minke-sse-en"]

  /// The folder of the model called `name`.
  ///
  /// - Throws: `MinkeError` of kind `notFound` with the places looked at.
  static func folder(_ name: String) throws(MinkeError) -> URL {
    let places = places
    for place in places {
      let folder = place.appendingPathComponent(name)
      if ModelFolder.kind(of: folder) == .folder { return folder }
    }
    throw MinkeError(
      .notFound, "built-in model \"\(name)\"",
      expected: "its folder in one of \(places.map(\.path).joined(separator: ", "))",
      found: "none of them; a program that brings no built-in model must name a folder")
  }

  /// The folder into which SwiftPM puts the resources of the target `MinkeBuiltInModels`, and the names of models.
  #if canImport(Darwin)
    private static let bundleName = "minke_MinkeBuiltInModels.bundle"
  #else
    private static let bundleName = "minke_MinkeBuiltInModels.resources"
  #endif

  /// Beside the program, in `share/minke` beside the program's `bin`, then where the package was built.
  private static var places: [URL] {
    var places: [URL] = []
    if let program {
      let beside = program.deletingLastPathComponent()
      let share = beside.deletingLastPathComponent().appendingPathComponent("share/minke")
      places = [beside.appendingPathComponent(bundleName), share.appendingPathComponent(bundleName), share]
    }
    #if canImport(Darwin)
      // An app keeps the bundles of its packages among its resources, a framework or a test bundle beside its own.
      let bundles = [Bundle.main.resourceURL, Bundle(for: Marker.self).resourceURL, Bundle.main.bundleURL]
      for bundle in bundles.compactMap({ $0?.appendingPathComponent(bundleName) }) {
        places += [bundle, bundle.appendingPathComponent("Contents/Resources")]
      }
    #endif
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return places + [source.appendingPathComponent("MinkeBuiltInModels/Resources")]
  }

  #if canImport(Darwin)
    private final class Marker {}
    private static var program: URL? { Bundle.main.executableURL?.resolvingSymlinksInPath() }
  #else
    private static var program: URL? {
      guard let path = realpath("/proc/self/exe", nil) else { return nil }
      defer { free(path) }
      return URL(fileURLWithPath: String(cString: path))
    }
  #endif
}
