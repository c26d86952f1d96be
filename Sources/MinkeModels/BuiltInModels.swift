import MinkeCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The models that come with the package, and where their files are looked for.
package enum BuiltInModels {
  /// The text encoder.
  static let encoder = "minke-sse-en"
  /// The language model.
  static let languageModel = "minke-tiny-lm"
  package static let names = [encoder, languageModel]

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

  private static var places: [URL] {
    PackageResources.places(of: "MinkeBuiltInModels") + [PackageResources.sources("MinkeBuiltInModels/Resources")]
  }
}
