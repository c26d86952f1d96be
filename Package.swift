// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "minke",
  platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .visionOS(.v2)],
  products: [
    .library(name: "Minke", targets: ["Minke"]),
    .executable(name: "minke", targets: ["MinkeCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0")
  ],
  targets: [
    .target(name: "MinkeKernels"),
    .target(name: "MinkeCore", dependencies: ["MinkeKernels"]),
    .target(name: "MinkeText", dependencies: ["MinkeCore"]),
    .target(name: "MinkeCheckpoints", dependencies: ["MinkeCore"]),
    .target(
      name: "MinkeModels", dependencies: ["MinkeText", "MinkeCheckpoints", "MinkeCore"],
      resources: [.copy("Resources/minke-sse-en")]),
    .target(name: "MinkeSearch", dependencies: ["MinkeKernels", "MinkeCore"]),
    .target(
      name: "Minke", dependencies: ["MinkeCore", "MinkeText", "MinkeCheckpoints", "MinkeModels", "MinkeSearch"]),
    .executableTarget(
      name: "MinkeCommand",
      dependencies: ["Minke", .product(name: "ArgumentParser", package: "swift-argument-parser")]),

    .target(name: "MinkeTestSupport", dependencies: ["MinkeCore"], path: "Tests/Support"),
    .testTarget(name: "MinkeCoreTests", dependencies: ["MinkeCore", "MinkeTestSupport"]),
    .testTarget(name: "MinkeTextTests", dependencies: ["MinkeText", "MinkeTestSupport"]),
    .testTarget(name: "MinkeCheckpointsTests", dependencies: ["MinkeCheckpoints", "MinkeTestSupport"]),
    .testTarget(name: "MinkeModelsTests", dependencies: ["MinkeModels", "MinkeTestSupport"]),
    .testTarget(name: "MinkeSearchTests", dependencies: ["MinkeSearch", "MinkeTestSupport"]),
    .testTarget(name: "MinkeCommandTests", dependencies: ["Minke", "MinkeCommand", "MinkeTestSupport"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c17
)
