import MinkeCore

extension Workers {
  static func run<R: Sendable>(_ work: @Sendable () throws -> R) async throws -> R { try work() }
}
