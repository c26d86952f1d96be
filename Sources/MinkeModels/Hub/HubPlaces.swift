#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where models from a hub and the token for it are kept, by the same variables that Python's huggingface_hub heeds.
package struct HubPlaces: Sendable {
  private let environment: [String: String]

  package init(_ environment: [String: String]) { self.environment = environment }

  /// The folder for everything of the hub.
  private var home: String {
    path("HF_HOME") ?? ((path("XDG_CACHE_HOME") ?? "\(userHome)/.cache") + "/huggingface")
  }

  /// The folder of the models.
  package var cache: URL {
    URL(fileURLWithPath: path("HF_HUB_CACHE") ?? path("HUGGINGFACE_HUB_CACHE") ?? "\(home)/hub", isDirectory: true)
  }

  /// The file with the token.
  package var token: URL { URL(fileURLWithPath: path("HF_TOKEN_PATH") ?? "\(home)/token") }

  /// What the variable `name` says; nil where it is unset or empty.
  package func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

  /// Whether the variable `name` says yes.
  package func isOn(_ name: String) -> Bool {
    value(name).map { ["1", "ON", "YES", "TRUE"].contains($0.uppercased()) } ?? false
  }

  private var userHome: String { value("HOME") ?? URL.homeDirectory.path }

  /// The path that the variable `name` holds, with `~` and other variables in it replaced.
  private func path(_ name: String) -> String? {
    guard var path = value(name) else { return nil }
    if path == "~" || path.hasPrefix("~/") { path = userHome + path.dropFirst() }
    var result = ""
    var rest = path[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[dollar...].dropFirst()
      let isBraced = rest.first == "{"
      let inside = isBraced ? rest.dropFirst() : rest
      let variable = inside.prefix { isBraced ? $0 != "}" : $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
      if let known = environment[String(variable)], !isBraced || variable.endIndex < inside.endIndex {
        result += known
        rest = inside[variable.endIndex...].dropFirst(isBraced ? 1 : 0)
      } else {
        result += "$"
      }
    }
    return result + rest
  }
}
