import MinkeCore

extension Chart {
  /// A line for each series, with a mark at each of its points.
  ///
  /// - Parameters:
  ///   - xLabel: what the values from left to right are.
  ///   - yLabel: what the values from bottom to top are.
  ///   - logarithmicX: whether equal factors lie equally far apart from left to right.
  /// - Throws: `MinkeError` when there are no points, a number is not finite or over 1e12, or one of a logarithmic axis
  ///   is not above 0.
  public static func lines(
    _ series: [Series], title: String, xLabel: String, yLabel: String, logarithmicX: Bool = false
  ) throws(MinkeError) -> Chart {
    let points = series.flatMap(\.points)
    try check(points.map(\.x), "points")
    try check(points.map(\.y), "points")
    if logarithmicX, let wrong = points.first(where: { $0.x <= 0 }) {
      throw MinkeError(.invalidArgument, "points", expected: "above 0 on a logarithmic axis", found: "\(wrong.x)")
    }
    let (left, right, top, bottom) = (64.0, 624.0, 64.0, 384.0)
    let horizontal =
      logarithmicX
      ? ChartAxis(logarithmic: points.map(\.x), gap: 0.07) : ChartAxis(around: points.map(\.x))
    let vertical = ChartAxis(around: points.map(\.y))
    func x(_ value: Double) -> Double { left + horizontal.place(value) * (right - left) }
    func y(_ value: Double) -> Double { bottom - vertical.place(value) * (bottom - top) }

    var content: [SVGElement] = []
    for tick in vertical.ticks {
      content.append(.line((left, y(tick.value)), (right, y(tick.value)), "grid"))
      content.append(.text(tick.label, left - 8, y(tick.value) + 4.5, anchor: "end"))
    }
    for tick in horizontal.ticks {
      content.append(.line((x(tick.value), bottom), (x(tick.value), bottom + 5), "axis"))
      content.append(.text(tick.label, x(tick.value), bottom + 20, anchor: "middle"))
    }
    content.append(.line((left, bottom), (right, bottom), "axis"))
    content.append(.text(xLabel, (left + right) / 2, bottom + 44, anchor: "middle"))
    content.append(.text(yLabel, left - 48, top - 16))
    for (index, series) in series.enumerated() {
      let sorted = series.points.sorted { $0.x < $1.x }
      let path = sorted.map { "\(SVGElement.number(x($0.x))),\(SVGElement.number(y($0.y)))" }
      content.append(
        SVGElement("polyline", ["points": path.joined(separator: " "), "class": "series \(ChartStyle.color(index))"]))
      for point in sorted {
        content.append(
          ChartStyle.mark(
            index, x(point.x), y(point.y), hint: "\(series.name): \(shown(point.x)), \(shown(point.y))"))
      }
    }
    let names = series.map(\.name)
    content += ChartStyle.legend(names, x: right + 24, y: top + 8) { index, x, y in
      [
        .line((x, y), (x + 22, y), "series \(ChartStyle.color(index))"), ChartStyle.mark(index, x + 11, y),
      ]
    }
    let height = max(bottom + 60, top + 20 * Double(names.count) + 24)
    return Chart(title: title, size: (right + 24 + ChartStyle.legendWidth(names), height), content)
  }

  /// A value as the pictures print it, with at most two digits after the point.
  static func shown(_ value: Double) -> String {
    let rounded = (value * 100).rounded() / 100
    return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
  }
}
