import Synchronization

/// Things that pieces of work take turns with, such as scratch memory: no more are made than are in use at once.
package final class Spares<Thing: Sendable>: Sendable {
  private let free = Mutex<[Thing]>([])
  private let make: @Sendable () -> Thing

  package init(_ make: @escaping @Sendable () -> Thing) { self.make = make }

  /// Calls `body` with a thing that nobody else uses meanwhile.
  package func use<Result>(_ body: (Thing) throws -> Result) rethrows -> Result {
    let thing = free.withLock { $0.popLast() } ?? make()
    defer { free.withLock { $0.append(thing) } }
    return try body(thing)
  }
}
