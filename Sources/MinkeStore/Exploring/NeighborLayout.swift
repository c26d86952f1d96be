import MinkeCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Points of a plane that are neighbors where vectors are: exact t-SNE (van der Maaten and Hinton 2008) over cosines,
/// begun from the two principal axes. The time of a step grows with the square of the number of points.
struct NeighborLayout {
  /// Steps until the points rest.
  static let rounds = 300
  /// Steps during which neighbors attract each other more than they do in the end.
  private static let earlyRounds = 75

  private let count: Int
  /// `[count, count]`, the probability of each pair, in sum 1.
  private let pairs: [Float]
  /// `[count, 2]`
  private var places: [Float]
  private var speeds: [Float]
  private var gains: [Float]

  /// - Parameter similarities: `[count, count]`, cosines.
  init(_ similarities: [Float], count: Int) {
    self.count = count
    pairs = Self.pairs(similarities, count: count)
    places = Self.principalAxes(similarities, count: count)
    speeds = [Float](repeating: 0, count: 2 * count)
    gains = [Float](repeating: 1, count: 2 * count)
  }

  /// Moves all points once.
  mutating func step(_ round: Int) throws {
    let exaggeration: Float = round < Self.earlyRounds ? 12 : 1
    let momentum: Float = round < Self.earlyRounds ? 0.5 : 0.8
    let rate = max(Float(count) / 12, 20)
    let (count, places, pairs) = (count, places, pairs)
    // Of each point: the attraction, the repulsion before it is divided by the sum of all, and its share of that sum.
    let forces = try Workers.map(count: count, grain: 32) { one -> SIMD8<Float> in
      pairs.withUnsafeBufferPointer { pairs in
        places.withUnsafeBufferPointer { places in
          let (x, y) = (places[2 * one], places[2 * one + 1])
          var (pullX, pullY, pushX, pushY, sum): (Float, Float, Float, Float, Float) = (0, 0, 0, 0, 0)
          for other in 0..<count where other != one {
            let (dx, dy) = (x - places[2 * other], y - places[2 * other + 1])
            let near = 1 / (1 + dx * dx + dy * dy)
            let pull = pairs[one * count + other] * near
            pullX += pull * dx
            pullY += pull * dy
            let push = near * near
            pushX += push * dx
            pushY += push * dy
            sum += near
          }
          return SIMD8(pullX, pullY, pushX, pushY, sum, 0, 0, 0)
        }
      }
    }
    let sum = forces.reduce(Float(0)) { $0 + $1[4] }
    for point in 0..<count {
      for axis in 0..<2 {
        let index = 2 * point + axis
        let slope = 4 * (exaggeration * forces[point][axis] - forces[point][2 + axis] / max(sum, .leastNormalMagnitude))
        // Jacobs 1988, as t-SNE uses it: faster while the direction stays.
        gains[index] = (slope > 0) == (speeds[index] > 0) ? max(0.01, gains[index] * 0.8) : gains[index] + 0.2
        speeds[index] = momentum * speeds[index] - rate * gains[index] * slope
        self.places[index] += speeds[index]
      }
    }
  }

  /// The points from -1 to 1, with the same scale on both axes.
  func scaledPlaces() -> [Float] {
    var middle: [Float] = []
    var reach: Float = 0
    for axis in 0..<2 {
      let values = stride(from: axis, to: places.count, by: 2).map { places[$0] }
      let (low, high) = (values.min() ?? 0, values.max() ?? 0)
      middle.append((low + high) / 2)
      reach = max(reach, (high - low) / 2)
    }
    return places.indices.map { reach > 0 ? (places[$0] - middle[$0 % 2]) / reach : 0 }
  }

  /// The probabilities of pairs: of each point's neighbors, so many count as its perplexity says.
  private static func pairs(_ similarities: [Float], count: Int) -> [Float] {
    let wanted = log(min(30, Float(count - 1) / 3 + 1))
    var pairs = [Float](repeating: 0, count: count * count)
    for one in 0..<count {
      let nearest = (0..<count).filter { $0 != one }.map { similarities[one * count + $0] }.max() ?? 1
      var (low, high, sharpness): (Float, Float, Float) = (0, .infinity, 10)
      var weights = [Float](repeating: 0, count: count)
      for _ in 0..<40 {
        var (sum, weighted): (Float, Float) = (0, 0)
        for other in 0..<count where other != one {
          let gap = nearest - similarities[one * count + other]
          let weight = exp(-sharpness * gap)
          weights[other] = weight
          sum += weight
          weighted += weight * gap
        }
        for other in 0..<count { weights[other] /= sum }
        let entropy = log(sum) + sharpness * weighted / sum
        if abs(entropy - wanted) < 1e-4 { break }
        if entropy > wanted { low = sharpness } else { high = sharpness }
        sharpness = high.isInfinite ? sharpness * 2 : (low + high) / 2
      }
      for other in 0..<count where other != one {
        pairs[one * count + other] += weights[other]
        pairs[other * count + one] += weights[other]
      }
    }
    let sum = pairs.reduce(0, +)
    return pairs.map { $0 / max(sum, .leastNormalMagnitude) }
  }

  /// The first two principal axes of what the similarities are the products of, small.
  private static func principalAxes(_ similarities: [Float], count: Int) -> [Float] {
    // The products about the mean: what is left without the means of rows and columns.
    let means = (0..<count).map { row in
      similarities[row * count..<(row + 1) * count].reduce(0, +) / Float(count)
    }
    let mean = means.reduce(0, +) / Float(count)
    var axes: [[Float]] = []
    for axis in 0..<2 {
      var random = SplitMix64(seed: UInt64(axis + 1))
      var vector = (0..<count).map { _ in Float(random.unit() - 0.5) }
      for _ in 0..<50 {
        let whole = vector.reduce(0, +)
        let along = zip(means, vector).reduce(Float(0)) { $0 + $1.0 * $1.1 }
        var next = [Float](repeating: 0, count: count)
        similarities.withUnsafeBufferPointer { similarities in
          for row in 0..<count {
            var sum: Float = 0
            for column in 0..<count { sum += similarities[row * count + column] * vector[column] }
            next[row] = sum - means[row] * whole - along + mean * whole
          }
        }
        for before in axes {
          let share = zip(before, next).reduce(Float(0)) { $0 + $1.0 * $1.1 }
          for index in next.indices { next[index] -= share * before[index] }
        }
        let length = next.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
        guard length > 0 else { break }
        vector = next.map { $0 / length }
      }
      axes.append(vector)
    }
    let scale = 1e-2 * Float(count).squareRoot()
    return (0..<count).flatMap { [scale * axes[0][$0], scale * axes[1][$0]] }
  }
}
