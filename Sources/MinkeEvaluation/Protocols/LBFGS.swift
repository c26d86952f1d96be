/// Finds the minimum of a smooth function by limited-memory BFGS (Liu and Nocedal 1989), with the line search of
/// Moré and Thuente (1994).
struct LBFGS {
  /// Pairs of steps and changes of the gradient that stand for the curvature.
  var memory = 10
  var maximumIterations = 100
  /// The end is reached when no number of the gradient is larger than this,
  var gradientTolerance = 1e-4
  /// or when the function has fallen by no more than this share of itself.
  var valueTolerance = 64 * 0x1p-52

  /// A point, the function's value and its gradient there.
  struct Place {
    var point: [Double]
    var value: Double
    var gradient: [Double]
  }

  private struct Pair {
    let step: [Double]
    let change: [Double]
    let product: Double
  }

  /// The best place on the way down from `start`, with the iterations that it took.
  ///
  /// - Parameter evaluate: gives the value at a point and writes the gradient there.
  func minimize(
    from start: [Double], _ evaluate: (_ point: [Double], _ gradient: inout [Double]) -> Double
  ) -> (place: Place, iterations: Int) {
    var place = Place(point: start, value: 0, gradient: [Double](repeating: 0, count: start.count))
    place.value = evaluate(place.point, &place.gradient)
    var pairs: [Pair] = []
    for iteration in 0..<maximumIterations {
      if place.gradient.largest <= gradientTolerance { return (place, iteration) }
      var direction = Self.direction(place.gradient, pairs)
      var next = search(from: place, along: direction, isFirst: iteration == 0, evaluate)
      if next == nil, !pairs.isEmpty {
        pairs = []
        direction = Self.direction(place.gradient, pairs)
        next = search(from: place, along: direction, isFirst: true, evaluate)
      }
      guard let next else { return (place, iteration) }
      let step = next.point.combined(next.point, place.point) { $1 - $2 }
      let change = next.gradient.combined(next.gradient, place.gradient) { $1 - $2 }
      let product = step.dot(change)
      if product > 0x1p-52 * change.dot(change) {
        if pairs.count == memory { pairs.removeFirst() }
        pairs.append(Pair(step: step, change: change, product: product))
      }
      let fall = place.value - next.value
      place = next
      if fall <= valueTolerance * max(place.value.magnitude, (place.value + fall).magnitude, 1) {
        return (place, iteration + 1)
      }
    }
    return (place, maximumIterations)
  }

  /// The negative gradient times the estimate of the inverse Hessian, by two loops over the pairs.
  private static func direction(_ gradient: [Double], _ pairs: [Pair]) -> [Double] {
    var direction = gradient.combined(gradient, gradient) { value, _, _ in -value }
    guard let last = pairs.last else { return direction }
    var shares = [Double](repeating: 0, count: pairs.count)
    for index in pairs.indices.reversed() {
      shares[index] = pairs[index].step.dot(direction) / pairs[index].product
      direction.add(pairs[index].change, times: -shares[index])
    }
    let scale = last.product / last.change.dot(last.change)
    for index in direction.indices { direction[index] *= scale }
    for (pair, share) in zip(pairs, shares) {
      direction.add(pair.step, times: share - pair.change.dot(direction) / pair.product)
    }
    return direction
  }

  /// The place along `direction` that the line search ends at; nil where it finds none lower.
  private func search(
    from place: Place, along direction: [Double], isFirst: Bool,
    _ evaluate: ([Double], inout [Double]) -> Double
  ) -> Place? {
    let slope = place.gradient.dot(direction)
    guard slope < 0 else { return nil }
    var step = LineSearch(
      value: place.value, slope: slope, step: isFirst ? min(1, 1 / direction.dot(direction).squareRoot()) : 1)
    var next = place
    for _ in 0..<50 {
      let length = step.step
      next.point = place.point.combined(place.point, direction) { $1 + length * $2 }
      next.value = evaluate(next.point, &next.gradient)
      guard next.value.isFinite else { return nil }
      if step.isDone(value: next.value, slope: next.gradient.dot(direction)) { break }
    }
    return next.value < place.value ? next : nil
  }
}

/// Looks for a step at which a function along a line has fallen enough and is flat enough (the strong Wolfe
/// conditions), by cubic and quadratic interpolation within a shrinking interval.
private struct LineSearch {
  private struct End {
    var step: Double
    var value: Double
    var slope: Double
  }

  /// The step to evaluate next.
  private(set) var step: Double
  private let start: End
  /// How much a step must lower the value, beside its length; how flat it must be, beside the start.
  private static let (decrease, flatness) = (1e-3, 0.9)
  private var best: End
  private var other: End
  private var isBracketed = false
  /// Whether no step was yet low and not falling.
  private var isFirstStage = true
  /// Between which the next step lies.
  private var low = 0.0
  private var high: Double
  private var width = 1e10
  private var formerWidth = 2e10

  init(value: Double, slope: Double, step: Double) {
    start = End(step: 0, value: value, slope: slope)
    (best, other, self.step) = (start, start, step)
    high = 5 * step
  }

  /// Takes what the function is at `step`; true where that is the step to take, or no better one can be told.
  mutating func isDone(value: Double, slope: Double) -> Bool {
    let limit = start.value + step * Self.decrease * start.slope
    if value <= limit, slope.magnitude <= -Self.flatness * start.slope { return true }
    if isBracketed, step <= low || step >= high || high - low <= 0.1 * high { return true }
    if step >= 1e10 { return true }
    if isFirstStage, value <= limit, slope >= 0 { isFirstStage = false }
    let tried = End(step: step, value: value, slope: slope)
    if isFirstStage, value <= best.value, value > limit {
      // Of the function less the decrease that is asked for a minimum exists in the interval.
      let tilt = Self.decrease * start.slope
      func tilted(_ end: End, _ sign: Double) -> End {
        End(step: end.step, value: end.value - sign * end.step * tilt, slope: end.slope - sign * tilt)
      }
      (best, other) = (tilted(best, 1), tilted(other, 1))
      move(tilted(tried, 1))
      (best, other) = (tilted(best, -1), tilted(other, -1))
    } else {
      move(tried)
    }
    if isBracketed {
      if (other.step - best.step).magnitude >= 0.66 * formerWidth { step = best.step + (other.step - best.step) / 2 }
      (formerWidth, width) = (width, (other.step - best.step).magnitude)
      (low, high) = (min(best.step, other.step), max(best.step, other.step))
      if step <= low || step >= high || high - low <= 0.1 * high { step = best.step }
    } else {
      (low, high) = (step + 1.1 * (step - best.step), step + 4 * (step - best.step))
    }
    step = min(max(step, 0), 1e10)
    return false
  }

  /// The minimum of the cubic through two ends, as a share of the way from `from` to `to`.
  private func cubic(_ from: End, _ to: End) -> (share: Double, root: Double) {
    let theta = 3 * (from.value - to.value) / (to.step - from.step) + from.slope + to.slope
    let scale = max(theta.magnitude, from.slope.magnitude, to.slope.magnitude)
    let inner = (theta / scale) * (theta / scale) - (from.slope / scale) * (to.slope / scale)
    var root = scale * max(0, inner).squareRoot()
    if to.step < from.step { root = -root }
    return ((root - from.slope + theta) / (root - from.slope + root + to.slope), root)
  }

  /// Chooses the next step from the last one tried, and which two ends hold the minimum from now on.
  private mutating func move(_ tried: End) {
    let turns = tried.slope * (best.slope < 0 ? -1 : 1) < 0
    let gap = tried.step - best.step
    let secant = tried.step + tried.slope / (tried.slope - best.slope) * -gap
    if tried.value > best.value {
      let byCubic = best.step + cubic(best, tried).share * gap
      let byParabola = best.step + best.slope / ((best.value - tried.value) / gap + best.slope) / 2 * gap
      let isNear = (byCubic - best.step).magnitude <= (byParabola - best.step).magnitude
      step = isNear ? byCubic : byCubic + (byParabola - byCubic) / 2
      isBracketed = true
    } else if turns {
      let byCubic = tried.step + cubic(tried, best).share * -gap
      step = (byCubic - tried.step).magnitude > (secant - tried.step).magnitude ? byCubic : secant
      isBracketed = true
    } else if tried.slope.magnitude < best.slope.magnitude {
      let (share, root) = cubic(tried, best)
      let byCubic = share < 0 && root != 0 ? tried.step - share * gap : gap > 0 ? high : low
      let cubicIsNearer = (byCubic - tried.step).magnitude < (secant - tried.step).magnitude
      if isBracketed {
        let bound = tried.step + 0.66 * (other.step - tried.step)
        let next = cubicIsNearer ? byCubic : secant
        step = gap > 0 ? min(bound, next) : max(bound, next)
      } else {
        step = min(max(cubicIsNearer ? secant : byCubic, low), high)
      }
    } else if isBracketed {
      step = tried.step + cubic(tried, other).share * (other.step - tried.step)
    } else {
      step = gap > 0 ? high : low
    }
    if tried.value > best.value {
      other = tried
    } else {
      if turns { other = best }
      best = tried
    }
  }
}

extension [Double] {
  /// The largest magnitude.
  fileprivate var largest: Double { reduce(0) { Swift.max($0, $1.magnitude) } }

  fileprivate func dot(_ other: [Double]) -> Double {
    withUnsafeBufferPointer { mine in
      other.withUnsafeBufferPointer { other in
        precondition(mine.count == other.count)
        var sums = SIMD8<Double>.zero
        let whole = mine.count & ~7
        if let mine = mine.baseAddress, let other = other.baseAddress {
          for index in stride(from: 0, to: whole, by: 8) {
            sums +=
              UnsafeRawPointer(mine + index).loadUnaligned(as: SIMD8<Double>.self)
              * UnsafeRawPointer(other + index).loadUnaligned(as: SIMD8<Double>.self)
          }
        }
        return (whole..<mine.count).reduce(sums.sum()) { $0 + mine[$1] * other[$1] }
      }
    }
  }

  fileprivate mutating func add(_ other: [Double], times factor: Double) {
    precondition(count == other.count)
    withUnsafeMutableBufferPointer { mine in
      other.withUnsafeBufferPointer { other in
        for index in mine.indices { mine[index] += factor * other[index] }
      }
    }
  }

  /// What `combine` makes of each number, that of `x` and that of `y`.
  @inline(__always)
  fileprivate func combined(
    _ x: [Double], _ y: [Double], _ combine: (Double, Double, Double) -> Double
  ) -> [Double] {
    precondition(count == x.count && count == y.count)
    return [Double](unsafeUninitializedCapacity: count) { result, resultCount in
      for index in 0..<count { result.initializeElement(at: index, to: combine(self[index], x[index], y[index])) }
      resultCount = count
    }
  }
}
