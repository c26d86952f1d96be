/// temporary until the words land
package struct OrdinalSet: Sendable, Equatable {
  private var members: Set<Int> = []
  package init() {}
  package var count: Int { members.count }
  package var isEmpty: Bool { members.isEmpty }
  package mutating func insert(_ o: Int) { members.insert(o) }
  package func contains(_ o: Int) -> Bool { members.contains(o) }
  package func forEach(_ body: (Int) throws -> Void) rethrows { for o in members.sorted() { try body(o) } }
  var sorted: [Int] { members.sorted() }
  package init?(bytes: [UInt8]) {
    guard bytes.count % 4 == 0 else { return nil }
    for i in stride(from: 0, to: bytes.count, by: 4) {
      members.insert(Int(bytes[i]) | Int(bytes[i + 1]) << 8 | Int(bytes[i + 2]) << 16 | Int(bytes[i + 3]) << 24)
    }
  }
  package var bytes: [UInt8] { sorted.flatMap { o in (0..<4).map { UInt8(truncatingIfNeeded: o >> (8 * $0)) } } }
}
