/// Byte-pair encoding (Sennrich et al. 2016): pieces of words that stand together most often become one, again and again.
struct PairMerging {
  private struct Pair: Hashable {
    let left: Int32
    let right: Int32
  }

  /// The bytes of each symbol; the first 256 are single bytes.
  private(set) var symbols: [[UInt8]] = (0..<256).map { [UInt8($0)] }
  /// The symbols of all words one after the other; behind the last of a word stand places that are no longer used.
  private var pieces: [Int32] = []
  private var words: [(start: Int, length: Int, count: Int)] = []
  private var counts: [Pair: Int] = [:]
  /// Words in which a pair stood when it was last counted.
  private var places: [Pair: [Int32]] = [:]
  private var queue = Queue()

  init(_ counted: WordCounts) {
    for (index, word) in counted.words.enumerated() where word.length > 1 {
      words.append((pieces.count, word.length, word.count))
      pieces += counted[index].map { Int32($0) }
    }
    for index in words.indices { count(Int32(index), sign: 1) }
    for (pair, count) in counts { queue.push(entry(pair, count)) }
  }

  /// Joins pairs, the most frequent first, until there are `size` symbols or none stands twice.
  ///
  /// Of equally frequent pairs the one of the older symbols goes first.
  /// - Parameter longest: the most bytes of a symbol.
  mutating func grow(to size: Int, longest: Int) {
    var known = Set(symbols)
    while symbols.count < size, let top = queue.pop() {
      let pair = Pair(left: top.left, right: top.right)
      guard let count = counts[pair], count > 1 else { continue }
      if count < top.count {
        queue.push(entry(pair, count))
        continue
      }
      let joined = symbols[Int(pair.left)] + symbols[Int(pair.right)]
      // The same bytes may come together in several ways; one symbol stands for all.
      guard joined.count <= longest else {
        counts[pair] = nil
        continue
      }
      let symbol: Int32
      if known.insert(joined).inserted {
        symbol = Int32(symbols.count)
        symbols.append(joined)
      } else {
        symbol = Int32(symbols.firstIndex(of: joined) ?? 0)
      }
      join(pair, as: symbol)
    }
  }

  private mutating func join(_ pair: Pair, as symbol: Int32) {
    var fresh: Set<Pair> = []
    var last: Int32 = -1
    for word in (places.removeValue(forKey: pair) ?? []).sorted() where word != last {
      last = word
      count(word, sign: -1)
      let (start, length, _) = words[Int(word)]
      var (from, to) = (start, start)
      while from < start + length {
        if from + 1 < start + length, pieces[from] == pair.left, pieces[from + 1] == pair.right {
          pieces[to] = symbol
          from += 2
        } else {
          pieces[to] = pieces[from]
          from += 1
        }
        to += 1
      }
      words[Int(word)].length = to - start
      count(word, sign: 1) { fresh.insert($0) }
    }
    counts[pair] = nil
    for pair in fresh {
      if let count = counts[pair] { queue.push(entry(pair, count)) }
    }
  }

  /// Adds what the word `index` has of each pair to the counts, or takes it from them; `body` hears of pairs added.
  private mutating func count(_ index: Int32, sign: Int, _ body: (Pair) -> Void = { _ in }) {
    let (start, length, count) = words[Int(index)]
    guard length > 1 else { return }
    for place in start..<start + length - 1 {
      let pair = Pair(left: pieces[place], right: pieces[place + 1])
      counts[pair, default: 0] += sign * count
      guard sign > 0 else { continue }
      places[pair, default: []].append(index)
      body(pair)
    }
  }

  private func entry(_ pair: Pair, _ count: Int) -> Queue.Entry {
    Queue.Entry(count: count, left: pair.left, right: pair.right)
  }
}

/// Pairs by how often they occur, the most frequent first: a binary heap.
private struct Queue {
  struct Entry {
    let count: Int
    let left: Int32
    let right: Int32

    func goesBefore(_ other: Entry) -> Bool {
      count != other.count ? count > other.count : (left, right) < (other.left, other.right)
    }
  }

  private var entries: [Entry] = []

  mutating func push(_ entry: Entry) {
    entries.append(entry)
    var child = entries.count - 1
    while child > 0, entries[child].goesBefore(entries[(child - 1) / 2]) {
      entries.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func pop() -> Entry? {
    guard let top = entries.first, let last = entries.popLast() else { return nil }
    guard !entries.isEmpty else { return top }
    entries[0] = last
    var parent = 0
    while true {
      var best = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
        if entries[child].goesBefore(entries[best]) { best = child }
      }
      if best == parent { return top }
      entries.swapAt(parent, best)
      parent = best
    }
  }
}
