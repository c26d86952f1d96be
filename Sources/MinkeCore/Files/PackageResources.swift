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

/// Where the files that come with the package's targets lie beside a program.
///
/// The accessor that SwiftPM makes for resources is not used: it brings the whole of Foundation into every program, and
/// ends the process where the folder is gone, as after copying the program alone to another machine.
package enum PackageResources {
  /// The folders that may hold the resources of `target`: beside the program, then in `share/minke` beside the program's
  /// `bin`.
  package static func places(of target: String) -> [URL] {
    // What SwiftPM calls the folder of the resources of a target.
    #if canImport(Darwin)
      let bundleName = "minke_\(target).bundle"
    #else
      let bundleName = "minke_\(target).resources"
    #endif
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
    return places
  }

  /// `path` among the package's sources, where it was built.
  package static func sources(_ path: String) -> URL {
    // This file is Sources/MinkeCore/Files/PackageResources.swift.
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent(path)
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
