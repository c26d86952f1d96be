import MinkeCore

/// A picture of figures as SVG: readable on light and dark ground, without scripts.
public struct Chart: Sendable {
  /// A place on a chart with two axes.
  public struct Point: Sendable, Equatable {
    /// Where it is from left to right, and from bottom to top.
    public var x, y: Double

    /// The place at `x` and `y`.
    public init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }
  }

  /// Points that belong together.
  public struct Series: Sendable, Equatable {
    /// What the legend calls them.
    public var name: String
    /// The points; a line joins them from left to right.
    public var points: [Point]

    /// Points called `name`.
    public init(_ name: String, _ points: [Point]) { (self.name, self.points) = (name, points) }
  }

  /// Bars beside each other.
  public struct Group: Sendable, Equatable {
    /// What stands beside them.
    public var name: String
    /// The bars; those of one name have one color in all groups.
    public var bars: [Bar]

    /// Bars called `name`.
    public init(_ name: String, _ bars: [Bar]) { (self.name, self.bars) = (name, bars) }
  }

  /// One bar of a group.
  public struct Bar: Sendable, Equatable {
    /// What the legend calls it.
    public var name: String
    /// How long it is.
    public var value: Double

    /// A bar called `name` of the length `value`.
    public init(_ name: String, _ value: Double) { (self.name, self.value) = (name, value) }
  }

  /// The picture as an SVG document.
  public let svg: String

  /// - Parameters:
  ///   - size: pixels of the picture.
  ///   - content: what is drawn, from back to front.
  init(title: String, size: (width: Double, height: Double), _ content: [SVGElement]) {
    let (width, height) = (SVGElement.number(size.width), SVGElement.number(size.height))
    let root = SVGElement(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg", "width": width, "height": height, "viewBox": "0 0 \(width) \(height)",
        "role": "img", "aria-label": title,
      ],
      [
        SVGElement("style", text: ChartStyle.sheet),
        SVGElement("rect", ["width": width, "height": height, "class": "ground"]),
        .text(title, 16, 26, style: "title"),
      ] + content)
    svg = root.xml
  }

  /// Throws unless all `values` can be drawn.
  static func check(_ values: [Double], _ name: String) throws(MinkeError) {
    guard !values.isEmpty else { throw MinkeError(.invalidArgument, name, expected: "one or more", found: "none") }
    if let wrong = values.first(where: { !$0.isFinite || abs($0) > 1e12 }) {
      throw MinkeError(.notFinite, name, expected: "numbers of at most 1e12", found: "\(wrong)")
    }
  }
}

/// How the parts of a chart look.
enum ChartStyle {
  /// Colors on light and on dark ground that are told apart also by those who see fewer; the marks differ too.
  private static let colors: [(light: String, dark: String)] = [
    ("#0969da", "#58a6ff"), ("#c24e00", "#ffa657"), ("#00785a", "#3ddbb0"), ("#a0418c", "#e39ad6"),
    ("#8a6d00", "#e3c44a"), ("#0e7490", "#67d4e8"), ("#b42318", "#ff8f87"), ("#57606a", "#b1bac4"),
  ]

  static let sheet: String = {
    func rules(_ ground: String, _ text: String, _ grid: String, _ axis: String, _ colors: [String]) -> String {
      """
      .ground{fill:\(ground)}text{fill:\(text)}.grid{stroke:\(grid)}.axis{stroke:\(axis)}
      \(colors.enumerated().map { ".s\($0.offset){color:\($0.element)}" }.joined())
      """
    }
    return """
      text{font:13px system-ui,sans-serif}.title{font-weight:600;font-size:15px}
      .series{fill:none;stroke:currentColor;stroke-width:2}.mark{fill:currentColor}
      \(rules("#ffffff", "#1f2328", "#d8dee4", "#59636e", colors.map(\.light)))
      @media (prefers-color-scheme:dark){
      \(rules("#0d1117", "#e6edf3", "#30363d", "#9198a1", colors.map(\.dark)))
      }
      """
  }()

  /// The style of a series by its number.
  static func color(_ series: Int) -> String { "s\(series % colors.count)" }

  /// The mark of a series at a point; series whose colors are one have different marks.
  static func mark(_ series: Int, _ x: Double, _ y: Double, hint: String? = nil) -> SVGElement {
    let corners: [(Double, Double)] =
      switch (series + series / colors.count) % 4 {
      case 0: [(-2, -4.5), (2, -4.5), (4.5, -2), (4.5, 2), (2, 4.5), (-2, 4.5), (-4.5, 2), (-4.5, -2)]
      case 1: [(-4, -4), (4, -4), (4, 4), (-4, 4)]
      case 2: [(0, -5.5), (5, 4), (-5, 4)]
      default: [(0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)]
      }
    let points = corners.map { "\(SVGElement.number(x + $0.0)),\(SVGElement.number(y + $0.1))" }
    return SVGElement(
      "polygon", ["points": points.joined(separator: " "), "class": "mark \(color(series))"],
      hint.map { [.hint($0)] } ?? [])
  }

  /// About how many pixels wide `text` is.
  static func width(of text: String) -> Double {
    text.unicodeScalars.reduce(0) { $0 + ($1.value < 0x1100 ? 7.2 : 13) }
  }

  /// `text` cut to what has room beside a chart.
  static func shortened(_ text: String) -> String { text.count > 44 ? text.prefix(43) + "…" : text }

  /// The names of series below each other beside a chart, each behind what `sample` draws for it at a place.
  static func legend(
    _ names: [String], x: Double, y: Double, _ sample: (Int, Double, Double) -> [SVGElement]
  ) -> [SVGElement] {
    names.enumerated().flatMap { index, name in
      let line = y + 20 * Double(index)
      return sample(index, x, line) + [.text(shortened(name), x + 30, line + 4.5)]
    }
  }

  static func legendWidth(_ names: [String]) -> Double { 50 + (names.map { width(of: shortened($0)) }.max() ?? 0) }
}
