/// Which vectors a search may find, by their ids.
///
/// Asking whether an id is let through takes constant time: a set is held as a bit for each id where ids lie close
/// together, else as a hash table.
public struct IDFilter: Sendable {
  enum Rule: Sendable {
    case bits(IDBits)
    case table(IDTable)
    case predicate(@Sendable (Int64) -> Bool)
  }

  let rule: Rule
  /// Whether the ids of the rule are left out, not let through.
  let isInverted: Bool

  /// Lets the vectors with these ids through.
  public init(_ ids: some Sequence<Int64>) {
    rule = Self.set(Array(ids))
    isInverted = false
  }

  /// Lets all vectors through but those with these ids.
  public init(excluding ids: some Sequence<Int64>) {
    rule = Self.set(Array(ids))
    isInverted = true
  }

  /// Lets the vectors through whose id meets `predicate`, which is asked once a vector and search, from several threads.
  public init(where predicate: @escaping @Sendable (Int64) -> Bool) {
    rule = .predicate(predicate)
    isInverted = false
  }

  /// Whether a vector with this id may be found.
  public func contains(_ id: Int64) -> Bool {
    switch rule {
    case .bits(let bits): bits.contains(id) != isInverted
    case .table(let table): table.contains(id) != isInverted
    case .predicate(let predicate): predicate(id) != isInverted
    }
  }

  private static func set(_ ids: [Int64]) -> Rule {
    guard let least = ids.min(), let greatest = ids.max() else { return .bits(IDBits([], from: 0, span: 0)) }
    // At most 64 bits an id, as many as the table takes or fewer.
    let span = greatest.subtractingReportingOverflow(least)
    if !span.overflow, span.partialValue / 64 <= Int64(ids.count) {
      return .bits(IDBits(ids, from: least, span: Int(span.partialValue) + 1))
    }
    return .table(IDTable(ids))
  }
}

/// A set of ids that lie close together: a bit for each from the least to the greatest.
struct IDBits: Sendable {
  private let least: Int64
  private var words: [UInt64]

  init(_ ids: [Int64], from least: Int64, span: Int) {
    self.least = least
    words = [UInt64](repeating: 0, count: (span + 63) / 64)
    for id in ids { words[Int(id - least) / 64] |= 1 << UInt64((id - least) % 64) }
  }

  @inline(__always)
  func contains(_ id: Int64) -> Bool {
    // Below the least, the difference is far above every index, also where it wraps round.
    let place = UInt64(bitPattern: id &- least)
    return place / 64 < UInt64(words.count) && words[Int(place / 64)] >> (place % 64) & 1 == 1
  }
}

/// A set of ids that may lie far apart: a hash table that is at most half full, searched from an id's own place on.
struct IDTable: Sendable {
  private var slots: [Int64]
  private let shift: UInt64
  /// 0 marks an empty slot, so that it is held apart.
  private let holdsZero: Bool

  init(_ ids: [Int64]) {
    var bits: UInt64 = 4
    while 1 << bits < 2 * ids.count { bits += 1 }
    shift = 64 - bits
    slots = [Int64](repeating: 0, count: 1 << Int(bits))
    holdsZero = ids.contains(0)
    for id in ids where id != 0 {
      var slot = place(of: id)
      while slots[slot] != 0, slots[slot] != id { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = id
    }
  }

  @inline(__always)
  func contains(_ id: Int64) -> Bool {
    if id == 0 { return holdsZero }
    var slot = place(of: id)
    while slots[slot] != 0 {
      if slots[slot] == id { return true }
      slot = (slot + 1) & (slots.count - 1)
    }
    return false
  }

  /// The highest bits of the product with 2^64 divided by the golden ratio, which spreads ids in any steps.
  @inline(__always)
  private func place(of id: Int64) -> Int { Int((UInt64(bitPattern: id) &* 0x9e37_79b9_7f4a_7c15) >> shift) }
}
