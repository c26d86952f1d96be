import MinkeCore

extension Chart {
  /// Groups of bars below each other, all from zero.
  ///
  /// - Parameter valueLabel: what the lengths are.
  /// - Throws: `MinkeError` when there are no bars, or a value is not finite or over 1e12.
  public static func bars(_ groups: [Group], title: String, valueLabel: String) throws(MinkeError) -> Chart {
    let values = groups.flatMap { $0.bars.map(\.value) }
    try check(values, "bars")
    var names: [String] = []
    for bar in groups.flatMap(\.bars) where !names.contains(bar.name) { names.append(bar.name) }

    let left = 24 + (groups.map { ChartStyle.width(of: ChartStyle.shortened($0.name)) }.max() ?? 0)
    let (right, top, thickness) = (left + 460, 48.0, 15.0)
    let axis = ChartAxis(around: values + [0])
    func x(_ value: Double) -> Double { left + axis.place(value) * (right - left) }
    let bottom = top + groups.reduce(0) { $0 + Double($1.bars.count) * thickness + 12 }

    var content: [SVGElement] = []
    for tick in axis.ticks {
      content.append(.line((x(tick.value), top), (x(tick.value), bottom), tick.value == 0 ? "axis" : "grid"))
      content.append(.text(tick.label, x(tick.value), bottom + 18, anchor: "middle"))
    }
    content.append(.text(valueLabel, (left + right) / 2, bottom + 42, anchor: "middle"))
    var line = top
    for group in groups {
      let height = Double(group.bars.count) * thickness
      content.append(.text(ChartStyle.shortened(group.name), left - 8, line + 6 + height / 2 + 4.5, anchor: "end"))
      for (index, bar) in group.bars.enumerated() {
        let series = names.firstIndex(of: bar.name) ?? 0
        let y = line + 6 + Double(index) * thickness
        let (from, to) = (x(min(0, bar.value)), x(max(0, bar.value)))
        content.append(
          SVGElement(
            "rect",
            [
              "x": SVGElement.number(from), "y": SVGElement.number(y + 1), "width": SVGElement.number(to - from),
              "height": SVGElement.number(thickness - 2), "class": "mark \(ChartStyle.color(series))",
            ], [.hint("\(group.name), \(bar.name): \(shown(bar.value))")]))
        content.append(.text(shown(bar.value), to + 4, y + 12))
      }
      line += height + 12
    }
    let legend = right + 64
    content += ChartStyle.legend(names, x: legend, y: top + 12) { index, x, y in
      [
        SVGElement(
          "rect",
          [
            "x": SVGElement.number(x), "y": SVGElement.number(y - 6), "width": "22", "height": "12",
            "class": "mark \(ChartStyle.color(index))",
          ])
      ]
    }
    let height = max(bottom + 58, top + 20 * Double(names.count) + 24)
    return Chart(title: title, size: (legend + ChartStyle.legendWidth(names), height), content)
  }
}
