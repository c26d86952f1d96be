import MinkeCore
import MinkeKernels

/// Finds the passages with the greatest sums for one query, in windows of 4096 passages.
///
/// For each window and word there is a bound that no score of the word in the window is above. Windows are searched in
/// the order of the sums of their bounds, the highest first, until the sum is below the k-th best passage so far. Within a
/// window the words with the lowest bounds, as many as together stay below that, cannot make a passage one of the best
/// (MaxScore: Turtle and Flood 1995); so the others are summed first, and only passages that may reach the k-th best are
/// looked up in the lists of these. Groups of 128 postings have bounds, too, by which they are passed over (Ding and Suel
/// 2011). All sums are of whole numbers, so their order does not matter, and what was passed over cannot be among the best.
struct WindowScorer: ~Copyable {
  /// Passages of a window.
  static let window = 4096
  /// Postings a window, on average, up to which a list is flat.
  static let flat = 64
  /// Passages up to which those with a sum are gone through one by one, not the whole window.
  private static let few = 512

  /// A word in a segment that has it.
  struct Term {
    var list: PostingList
    var weight: Float
    /// The bound of each window, of the segment's.
    var windowBounds: UnsafeMutablePointer<UInt32>
    /// The first group, or posting of a flat list, that reaches into each window or lies behind it.
    var firsts: UnsafeMutablePointer<UInt32>
    /// Whether all postings are unpacked and scored at once, as those of the rarer words are.
    var isFlat: Bool
    /// For each group the last ordinal, its bound and the place of its postings; for a flat list the ordinals and the
    /// scores of all postings.
    var lasts: UnsafeMutablePointer<UInt32>
    var bounds: UnsafeMutablePointer<UInt32>
    var offsets: UnsafeMutablePointer<UInt32>
  }

  /// A segment and the words of the query that it has.
  struct Part {
    var segment: WordSegment
    var lengths: PassageLengths
    var living: AlignedBuffer<UInt64>?
    var terms: [Term] = []

    var windows: Int { (segment.count + window - 1) / window }
  }

  private struct Window {
    var bound: UInt32
    var part: UInt32
    var number: UInt32
  }

  let scale: WordScale
  private let kernels = minke_words(KernelLevel.active.rawLevel).pointee
  private let k: Int
  private var parts: [Part] = []
  private var windows: [Window] = []
  private let best: BestCandidates
  /// What a sum must be at least to be one of the best.
  private var threshold: UInt32 = 1

  // Memory of the lists, and scratch memory of a window and of a group.
  private let arena: AlignedBuffer<UInt32>
  private let sums = AlignedBuffer<UInt32>(zeroed: window)
  private let places = AlignedBuffer<UInt32>(uninitialized: window)
  private let found = AlignedBuffer<UInt32>(uninitialized: window)
  let ordinals = AlignedBuffer<UInt32>(uninitialized: PostingList.group)
  let frequencies = AlignedBuffer<UInt32>(uninitialized: PostingList.group)
  private var order: [Int] = []
  private var boundsBelow: [UInt32] = []

  /// - Parameters:
  ///   - living: a bit for each passage of a segment that may be found; nil for all.
  ///   - k: how many are wanted.
  init(_ plan: WordPlan, _ segments: [WordSegment], living: [AlignedBuffer<UInt64>?], k: Int) throws {
    (scale, self.k) = (plan.statistics.scale, k)
    best = BestCandidates(workers: 1, queries: 1, k: k)
    var room = 0
    for (index, segment) in segments.enumerated() {
      for case let list? in plan.terms.map({ $0.postings[index] }) {
        let windows = (segment.count + Self.window - 1) / Self.window
        room += 2 * windows + 1 + (Self.isFlat(list, windows) ? 2 * list.groups * PostingList.group : 3 * list.groups)
      }
    }
    arena = AlignedBuffer(uninitialized: room)
    var free = arena.baseAddress
    func take(_ count: Int) -> UnsafeMutablePointer<UInt32> {
      defer { free += count }
      return free
    }
    for (index, segment) in segments.enumerated() {
      var part = Part(segment: segment, lengths: plan.statistics.lengths[index], living: living[index])
      for term in plan.terms {
        guard let list = term.postings[index] else { continue }
        let isFlat = Self.isFlat(list, part.windows)
        let room = isFlat ? list.groups * PostingList.group : list.groups
        part.terms.append(
          Term(
            list: list, weight: term.weight, windowBounds: take(part.windows), firsts: take(part.windows + 1),
            isFlat: isFlat, lasts: take(room), bounds: take(room), offsets: take(isFlat ? 0 : room)))
      }
      guard !part.terms.isEmpty else { continue }
      for term in part.terms {
        if term.isFlat { try prepareFlat(term, part) } else { try prepare(term, part) }
      }
      for number in 0..<part.windows {
        let bound = part.terms.reduce(UInt32(0)) { $0 &+ $1.windowBounds[number] }
        if bound > 0 {
          windows.append(Window(bound: bound, part: UInt32(parts.count), number: UInt32(number)))
        }
      }
      parts.append(part)
    }
    windows.sort { $0.bound > $1.bound }
  }

  /// The best passages, best first.
  consuming func run() throws -> [Candidate] {
    for window in windows {
      if window.bound < threshold { break }
      try search(window)
    }
    return best.closest(query: 0)
  }

  private mutating func search(_ window: Window) throws {
    let part = parts[Int(window.part)]
    let number = Int(window.number)
    let base = number * Self.window
    let size = min(Self.window, part.segment.count - base)
    guard let lengths = part.lengths.pointer(from: base) else { return }

    order.removeAll(keepingCapacity: true)
    for term in part.terms.indices where part.terms[term].windowBounds[number] > 0 { order.append(term) }
    order.sort { part.terms[$0].windowBounds[number] < part.terms[$1].windowBounds[number] }
    // boundsBelow[i]: what the words before the i-th of the order count together at most.
    boundsBelow.removeAll(keepingCapacity: true)
    boundsBelow.append(0)
    for term in order { boundsBelow.append((boundsBelow.last ?? 0) + part.terms[term].windowBounds[number]) }
    var essential = 0
    while essential < order.count, boundsBelow[essential + 1] < threshold { essential += 1 }
    if essential == order.count { return }

    var count: Int
    if let chosen = part.living.map({ chosen($0.baseAddress + base / 64, size, part, number, essential) }), let chosen {
      (count, essential) = (chosen, order.count)
    } else {
      count = try sum(part, number, lengths, size, essential)
      if let living = part.living { count = keepLiving(count, living.baseAddress + base / 64) }
    }
    for place in stride(from: essential - 1, through: 0, by: -1) where count > 0 {
      count = try lookUp(part.terms[order[place]], number, part, left: boundsBelow[place], count)
    }
    for index in 0..<count where found.baseAddress[index] >= threshold {
      let ordinal = base + Int(places.baseAddress[index])
      best.insert(
        Candidate(
          score: Float(found.baseAddress[index]), position: UInt32(ordinal), id: part.segment.id(of: ordinal)),
        worker: 0, query: 0)
      // Sums are rounded to floats, and of equal ones the lower id is the better: anything from the next lower float on.
      let least = best.threshold(worker: 0, query: 0)
      if least > 1 { threshold = max(1, UInt32(least.nextDown)) }
    }
  }

  /// Sums the scores of the words from `essential` on in the order, and lists the passages that may reach the threshold.
  private func sum(
    _ part: Part, _ number: Int, _ lengths: UnsafeRawPointer, _ size: Int, _ essential: Int
  ) throws -> Int {
    let base = UInt32(number * Self.window)
    let left = boundsBelow[essential]
    let least = threshold > left ? threshold - left : 1
    let total = boundsBelow[order.count]
    var postings = 0
    var areFlat = true
    for place in essential..<order.count {
      let term = part.terms[order[place]]
      areFlat = areFlat && term.isFlat
      postings += Int(term.firsts[number + 1] - term.firsts[number])
    }
    for place in essential..<order.count {
      let term = part.terms[order[place]]
      if term.isFlat {
        for index in Int(term.firsts[number])..<Int(term.firsts[number + 1]) {
          sums.baseAddress[Int(term.lasts[index] - base)] &+= term.bounds[index]
        }
      } else {
        try add(term, number, lengths, lengthWidth: part.lengths.width, size, others: total - term.windowBounds[number])
      }
    }
    guard areFlat, postings <= Self.few else {
      return kernels.take(
        sums.baseAddress, (size + 15) / 16 * 16, least, places.baseAddress, found.baseAddress)
    }
    // Few passages: those of each list, each passage once.
    var count = 0
    for place in essential..<order.count {
      let term = part.terms[order[place]]
      for index in Int(term.firsts[number])..<Int(term.firsts[number + 1]) {
        let passage = term.lasts[index] - base
        let sum = sums.baseAddress[Int(passage)]
        sums.baseAddress[Int(passage)] = 0
        if sum >= least {
          places.baseAddress[count] = passage
          found.baseAddress[count] = sum
          count += 1
        }
      }
    }
    if order.count - essential > 1, count > 1 { sortPlaces(count) }
    return count
  }

  /// Puts the first `count` places in ascending order, and what was found there.
  private func sortPlaces(_ count: Int) {
    for index in 1..<count {
      let (place, sum) = (places.baseAddress[index], found.baseAddress[index])
      var free = index
      while free > 0, places.baseAddress[free - 1] > place {
        places.baseAddress[free] = places.baseAddress[free - 1]
        found.baseAddress[free] = found.baseAddress[free - 1]
        free -= 1
      }
      places.baseAddress[free] = place
      found.baseAddress[free] = sum
    }
  }

  /// Where few passages of a window may be found at all: lists them, each without a score, and says how many; else nil.
  private func chosen(
    _ living: UnsafeMutablePointer<UInt64>, _ size: Int, _ part: Part, _ number: Int, _ essential: Int
  ) -> Int? {
    let words = (size + 63) / 64
    var count = 0
    for word in 0..<words { count += living[word].nonzeroBitCount }
    var postings = 0
    for place in essential..<order.count {
      let term = part.terms[order[place]]
      let steps = Int(term.firsts[number + 1] - term.firsts[number])
      postings += term.isFlat ? steps : (steps + 1) * PostingList.group
    }
    // To look a passage up in all lists takes about as long as to sum some postings.
    guard count * 8 * order.count < postings || count == 0 else { return nil }
    count = 0
    for word in 0..<words {
      var rest = living[word]
      while rest != 0 {
        places.baseAddress[count] = UInt32(word * 64 + rest.trailingZeroBitCount)
        found.baseAddress[count] = 0
        count += 1
        rest &= rest - 1
      }
    }
    return count
  }

  /// Adds the scores of a word in the window, where they and `others` can reach the threshold.
  private func add(
    _ term: Term, _ number: Int, _ lengths: UnsafeRawPointer, lengthWidth: Int, _ size: Int, others: UInt32
  ) throws {
    let base = UInt32(number * Self.window)
    let end = base + UInt32(size)
    for group in Int(term.firsts[number])..<term.list.groups {
      let before = group == 0 ? PostingList.start : term.lasts[group - 1]
      if before &+ 1 >= end { return }
      if term.bounds[group] + others < threshold { continue }
      let note = term.list.notes + group * PostingList.noteBytes
      let offset = Int(term.offsets[group])
      try term.list.unpackOrdinals(
        group: group, offset: offset, gapWidth: Int(note[0]), before: before, last: term.lasts[group],
        into: ordinals.baseAddress)
      term.list.unpackFrequencies(
        group: group, offset: offset, gapWidth: Int(note[0]), width: Int(note[1]), into: frequencies.baseAddress)
      withUnsafePointer(to: scale.kernel) { kernel in
        minke_words_add(
          ordinals.baseAddress, frequencies.baseAddress, term.list.size(ofGroup: group), base, UInt32(size), lengths,
          UInt32(lengthWidth), kernel, term.weight, sums.baseAddress)
      }
    }
  }

  /// Drops the passages that must not be found.
  private func keepLiving(_ count: Int, _ living: UnsafeMutablePointer<UInt64>) -> Int {
    var kept = 0
    for index in 0..<count {
      let place = places.baseAddress[index]
      places.baseAddress[kept] = place
      found.baseAddress[kept] = found.baseAddress[index]
      kept += Int(living[Int(place / 64)] >> UInt64(place % 64) & 1)
    }
    return kept
  }

  /// Adds the scores of a word to the passages found so far, and drops those that cannot reach the threshold any more.
  ///
  /// - Parameter left: what the words that are still to be looked up count at most.
  private func lookUp(_ term: Term, _ number: Int, _ part: Part, left: UInt32, _ count: Int) throws -> Int {
    let base = UInt32(number * Self.window)
    let windowBound = term.windowBounds[number]
    let list = term.list
    var next = Int(term.firsts[number])
    var unpacked = -1
    var index = 0
    var size = 0
    var (gapWidth, width, offset) = (0, 0, 0)
    var kept = 0
    for candidate in 0..<count {
      let place = places.baseAddress[candidate]
      var sum = found.baseAddress[candidate]
      if sum + windowBound + left < threshold { continue }
      let ordinal = base + place
      if term.isFlat {
        while next < list.count, term.lasts[next] < ordinal { next += 1 }
        if next < list.count, term.lasts[next] == ordinal { sum += term.bounds[next] }
      } else {
        while next < list.groups, term.lasts[next] < ordinal { next += 1 }
        if next < list.groups {
          if sum + term.bounds[next] + left < threshold { continue }
          if unpacked != next {
            let note = list.notes + next * PostingList.noteBytes
            (gapWidth, width, offset) = (Int(note[0]), Int(note[1]), Int(term.offsets[next]))
            try list.unpackOrdinals(
              group: next, offset: offset, gapWidth: gapWidth,
              before: next == 0 ? PostingList.start : term.lasts[next - 1], last: term.lasts[next],
              into: ordinals.baseAddress)
            (unpacked, index, size) = (next, 0, list.size(ofGroup: next))
          }
          index = kernels.find(ordinals.baseAddress, index, ordinal)
          if index < size, ordinals.baseAddress[index] == ordinal {
            let frequency = list.frequency(index, group: next, offset: offset, gapWidth: gapWidth, width: width)
            sum += scale.score(frequency, length: part.lengths[Int(ordinal)], weight: term.weight)
          }
        }
      }
      if sum + left < threshold { continue }
      places.baseAddress[kept] = place
      found.baseAddress[kept] = sum
      kept += 1
    }
    return kept
  }
}
