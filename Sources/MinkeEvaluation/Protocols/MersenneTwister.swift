/// The generator MT19937 (Matsumoto and Nishimura 1998), with the draws of Python and of NumPy's `RandomState`.
///
/// The figures of protocols that draw at random depend on what is drawn; with the same draws as the library that defines
/// them they can be compared digit by digit.
struct MersenneTwister: Sendable {
  private static let size = 624
  private var state: [UInt32]
  private var place = size

  /// In the state of `numpy.random.RandomState(seed)`.
  init(numpy seed: UInt32) {
    state = [seed]
    for index in 1..<Self.size {
      let last = state[index - 1]
      state.append(1_812_433_253 &* (last ^ last >> 30) &+ UInt32(index))
    }
  }

  /// In the state of Python's `random.Random(seed)`.
  init(python seed: UInt32) {
    self.init(numpy: 19_650_218)
    var index = 1
    func mixed(_ state: [UInt32], _ factor: UInt32) -> UInt32 {
      let last = state[index - 1]
      return state[index] ^ (last ^ last >> 30) &* factor
    }
    func advance(_ state: inout [UInt32]) {
      index += 1
      if index == Self.size { (state[0], index) = (state[Self.size - 1], 1) }
    }
    for _ in 0..<Self.size {
      state[index] = mixed(state, 1_664_525) &+ seed
      advance(&state)
    }
    for _ in 1..<Self.size {
      state[index] = mixed(state, 1_566_083_941) &- UInt32(index)
      advance(&state)
    }
    state[0] = 0x8000_0000
  }

  mutating func next() -> UInt32 {
    if place == Self.size {
      for index in 0..<Self.size {
        let joined = state[index] & 0x8000_0000 | state[(index + 1) % Self.size] & 0x7fff_ffff
        state[index] = state[(index + 397) % Self.size] ^ joined >> 1 ^ (joined & 1 == 1 ? 0x9908_b0df : 0)
      }
      place = 0
    }
    var value = state[place]
    place += 1
    value ^= value >> 11
    value ^= value << 7 & 0x9d2c_5680
    value ^= value << 15 & 0xefc6_0000
    return value ^ value >> 18
  }

  /// A number from 0 up to 1, of 53 random bits.
  mutating func unit() -> Double {
    let (high, low) = (next() >> 5, next() >> 6)
    return (Double(high) * 67_108_864 + Double(low)) / 9_007_199_254_740_992
  }

  // MARK: As NumPy

  /// A number from 0 to `maximum`.
  mutating func upTo(_ maximum: Int) -> Int {
    guard maximum > 0 else { return 0 }
    let mask = UInt32.max >> UInt32(maximum).leadingZeroBitCount
    while true {
      let value = Int(next() & mask)
      if value <= maximum { return value }
    }
  }

  /// `shuffle`.
  mutating func shuffle(_ values: inout [Int]) {
    for index in values.indices.dropFirst().reversed() { values.swapAt(index, upTo(index)) }
  }

  /// `randint(0, bound, count)`.
  mutating func integers(_ count: Int, below bound: Int) -> [Int] { (0..<count).map { _ in upTo(bound - 1) } }

  /// `choice(bound, count)` with replacement, of Python's `choices` as well as of NumPy's with equal chances.
  mutating func choices(_ count: Int, below bound: Int) -> [Int] {
    (0..<count).map { _ in min(bound - 1, Int(unit() * Double(bound))) }
  }

  // MARK: As Python

  /// `randrange(bound)`.
  private mutating func below(_ bound: Int) -> Int {
    let unused = UInt32(bound).leadingZeroBitCount
    while true {
      let value = Int(next() >> UInt32(unused))
      if value < bound { return value }
    }
  }

  /// `sample(range(bound), count)`: different numbers in random order.
  mutating func sample(_ count: Int, below bound: Int) -> [Int] {
    // Python keeps a pool where that takes less memory than a set.
    var room = 21
    if count > 5 {
      var power = 1
      while power < 3 * count { power *= 4 }
      room += power
    }
    if bound <= room {
      var pool = Array(0..<bound)
      return (0..<count).map { index in
        let chosen = below(bound - index)
        defer { pool[chosen] = pool[bound - index - 1] }
        return pool[chosen]
      }
    }
    var taken = Set<Int>()
    return (0..<count).map { _ in
      var chosen = below(bound)
      while !taken.insert(chosen).inserted { chosen = below(bound) }
      return chosen
    }
  }
}
