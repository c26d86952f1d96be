// swift-tools-version:6.2
import PackageDescription

// The modules behind the umbrella. What imports the umbrella names them too: a change below it then rebuilds all above.
let modules: [Target.Dependency] = [
  "MinkeKernels", "MinkeCore", "MinkeText", "MinkeCheckpoints", "MinkeLayers", "MinkeModels", "MinkeSearch",
  "MinkeReading",
]

// Collections stand above the umbrella, so that programs without them need no SQLite.
let store: [Target.Dependency] = ["Minke", "MinkeStore"]

let package = Package(
  name: "minke",
  platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .visionOS(.v2)],
  products: [
    .library(name: "Minke", targets: ["Minke", "MinkeBuiltInModels"]),
    // The same without the built-in models' files, for programs that bring models of their own.
    .library(name: "MinkeWithoutModels", targets: ["Minke"]),
    // Collections on disk; needs SQLite's headers (libsqlite3-dev on Debian).
    .library(name: "MinkeStore", targets: ["MinkeStore"]),
    // Metrics and protocols that models are judged by.
    .library(name: "MinkeEvaluation", targets: ["MinkeEvaluation"]),
    // Models and collections over HTTP and to agents; needs SQLite's headers, as MinkeStore does.
    .library(name: "MinkeServer", targets: ["MinkeServer"]),
    // Models fetched from a hub.
    .library(name: "MinkeHub", targets: ["MinkeHub"]),
    // Training, with what it is measured by.
    .library(name: "MinkeTraining", targets: ["MinkeTraining"]),
    // Collections in PostgreSQL; empty without the trait of that name, and with it needs libpq's headers (libpq-dev).
    .library(name: "MinkePostgres", targets: ["MinkePostgres"]),
    .executable(name: "minke", targets: ["MinkeCommand"]),
  ],
  traits: [
    .trait(name: "PostgreSQL", description: "Collections in PostgreSQL with pgvector; needs libpq."),
    .default(enabledTraits: []),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.2.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.9.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
  ],
  targets: [
    .target(name: "MinkeKernels"),
    .target(name: "MinkeCore", dependencies: ["MinkeKernels"]),
    .target(name: "MinkeText", dependencies: ["MinkeCore"]),
    .target(name: "MinkeCheckpoints", dependencies: ["MinkeCore", "MinkeKernels"]),
    .target(name: "MinkeLayers", dependencies: ["MinkeCheckpoints", "MinkeCore", "MinkeKernels"]),
    .target(
      name: "MinkeModels", dependencies: ["MinkeLayers", "MinkeText", "MinkeCheckpoints", "MinkeCore"]),
    .target(
      name: "MinkeBuiltInModels", resources: [.copy("Resources/minke-sse-en"), .copy("Resources/minke-tiny-lm")]),
    .target(name: "MinkeSearch", dependencies: ["MinkeCore", "MinkeKernels"], exclude: ["README.md"]),
    .target(name: "MinkeReading", dependencies: ["MinkeModels", "MinkeText", "MinkeCore"]),
    .target(name: "Minke", dependencies: modules),
    .target(
      name: "MinkeStore",
      dependencies: modules + [
        "Minke", .product(name: "GRDB", package: "GRDB.swift"), .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ],
      exclude: ["README.md"]),
    .systemLibrary(
      name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
    .target(
      name: "MinkePostgres",
      dependencies: modules + store + [.target(name: "CPostgreSQL", condition: .when(traits: ["PostgreSQL"]))],
      exclude: ["README.md"]),
    .target(
      name: "MinkeHub",
      dependencies: modules + [
        "Minke", .product(name: "Crypto", package: "swift-crypto"), .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOExtras", package: "swift-nio-extras"), .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]),
    .target(
      name: "MinkeServer",
      dependencies: modules + store + [
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HummingbirdTLS", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"), .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      resources: [.copy("Resources/page"), .copy("Resources/openapi.json")]),
    .target(name: "MinkeEvaluation", dependencies: modules + ["Minke"]),
    .target(
      name: "MinkeTraining", dependencies: modules + store + ["MinkeEvaluation"], exclude: ["README.md"]),
    .executableTarget(
      name: "MinkeCommand",
      dependencies: modules + store + [
        "MinkeEvaluation", "MinkeHub", "MinkePostgres", "MinkeServer", "MinkeTraining", "MinkeBuiltInModels",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),
    .executableTarget(
      name: "MinkeFaults", dependencies: modules + store + ["MinkeBuiltInModels"], path: "Faults"),
    .executableTarget(name: "MinkeFuzz", dependencies: modules + ["Minke"], path: "Fuzz"),

    .target(name: "MinkeTestSupport", dependencies: ["MinkeCore"], path: "Tests/Support"),
    .testTarget(name: "MinkeCoreTests", dependencies: modules + ["MinkeBuiltInModels", "MinkeTestSupport"]),
    .testTarget(name: "MinkeTextTests", dependencies: modules + ["MinkeBuiltInModels", "MinkeTestSupport"]),
    .testTarget(name: "MinkeCheckpointsTests", dependencies: modules + ["MinkeBuiltInModels", "MinkeTestSupport"]),
    .testTarget(name: "MinkeLayersTests", dependencies: modules + ["MinkeBuiltInModels", "MinkeTestSupport"]),
    .testTarget(name: "MinkeModelsTests", dependencies: modules + ["MinkeBuiltInModels", "MinkeTestSupport"]),
    .testTarget(name: "MinkeSearchTests", dependencies: modules + ["MinkeBuiltInModels", "MinkeTestSupport"]),
    .testTarget(name: "MinkeTests", dependencies: modules + ["Minke", "MinkeBuiltInModels", "MinkeTestSupport"]),
    .testTarget(
      name: "MinkeStoreTests",
      dependencies: modules + store + [
        "MinkeBuiltInModels", "MinkeFaults", "MinkeTestSupport", .product(name: "GRDB", package: "GRDB.swift"),
      ]),
    .testTarget(
      name: "MinkeHubTests",
      dependencies: modules + [
        "MinkeHub", "MinkeBuiltInModels", "MinkeTestSupport", .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .testTarget(
      name: "MinkePostgresTests",
      dependencies: modules + store + ["MinkePostgres", "MinkeBuiltInModels", "MinkeTestSupport"]),
    .testTarget(
      name: "MinkeServerTests",
      dependencies: modules + store + [
        "MinkeServer", "MinkeBuiltInModels", "MinkeTestSupport", .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),
    .testTarget(
      name: "MinkeEvaluationTests",
      dependencies: modules + ["Minke", "MinkeEvaluation", "MinkeBuiltInModels", "MinkeTestSupport"]),
    .testTarget(
      name: "MinkeTrainingTests",
      dependencies: modules + store + ["MinkeEvaluation", "MinkeTraining", "MinkeBuiltInModels", "MinkeTestSupport"]),
    .testTarget(
      name: "MinkeCommandTests",
      dependencies: modules + store + ["MinkeEvaluation", "MinkeTraining", "MinkeCommand", "MinkeTestSupport"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c17
)

// Only who builds the documentation needs its plugin: docs/build sets the variable.
if Context.environment["MINKE_DOCUMENTATION"] != nil {
  package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"))
}
