import Foundation
import MinkeCore
import Testing

@testable import MinkeEvaluation

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct ChartTests {
  /// The elements and texts of a document that Foundation's parser accepts; nil for one that it does not.
  private func parsed(_ svg: String) -> Elements? {
    let elements = Elements()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = elements
    return parser.parse() ? elements : nil
  }

  private let hostile = "<script>alert(\"x\")</script> & 'y' \u{0} \u{1B}[2J \u{FFFF}"

  @Test func `lines are well formed whatever the names`() throws {
    let chart = try Chart.lines(
      [
        Chart.Series(hostile, [Chart.Point(64, 41.5), Chart.Point(32, 40)]), Chart.Series("b", [Chart.Point(512, 50)]),
      ],
      title: hostile, xLabel: hostile, yLabel: hostile, logarithmicX: true)
    let found = try #require(parsed(chart.svg))
    #expect(!found.names.contains("script"))
    #expect(found.names.count { $0 == "polyline" } == 2)
    // A mark for each point and each line of the legend.
    #expect(found.names.count { $0 == "polygon" } == 5)
    #expect(found.texts.contains { $0.contains("<script>alert(\"x\")</script> & 'y' \u{FFFD} \u{FFFD}[2J") })
    #expect(found.texts.contains("b: 512, 50"))
    for label in ["32", "64", "512"] { #expect(found.texts.contains(label)) }
  }

  @Test func `a line goes from left to right, and more is higher`() throws {
    let points = [Chart.Point(3, 2), Chart.Point(1, 1), Chart.Point(2, 4)]
    let chart = try Chart.lines([Chart.Series("a", points)], title: "t", xLabel: "x", yLabel: "y")
    let path = try #require(parsed(chart.svg)?.attributes["polyline"]?.first?["points"])
    let places = path.split(separator: " ").map { $0.split(separator: ",").compactMap { Double($0) } }
    #expect(places.map { $0[0] } == places.map { $0[0] }.sorted())
    #expect(places[1][1] < places[2][1] && places[2][1] < places[0][1])
  }

  @Test func `bars are as long as their values, from zero`() throws {
    let chart = try Chart.bars(
      [
        Chart.Group(hostile, [Chart.Bar("a", 50), Chart.Bar("b", 25)]), Chart.Group("second", [Chart.Bar("b", -25)]),
      ], title: "t", valueLabel: "v")
    let found = try #require(parsed(chart.svg))
    // The ground and the legend are rectangles too.
    let widths = (found.attributes["rect"] ?? []).dropFirst().compactMap { $0["width"].flatMap { Double($0) } }
    #expect(widths.count == 5)
    #expect(abs(widths[0] - 2 * widths[1]) < 0.3)
    #expect(abs(widths[1] - widths[2]) < 0.3)
    let styles = (found.attributes["rect"] ?? []).dropFirst().compactMap { $0["class"] }
    #expect(styles[1] == styles[2])
    #expect(styles[0] != styles[1])
    #expect(found.texts.contains("-25"))
  }

  @Test func `what cannot be drawn is an error`() {
    #expect(throws: MinkeError.self) { try Chart.lines([], title: "", xLabel: "", yLabel: "") }
    #expect(throws: MinkeError.self) { try Chart.bars([Chart.Group("a", [])], title: "", valueLabel: "") }
    for wrong in [Double.nan, .infinity, 1e300] {
      let series = [Chart.Series("a", [Chart.Point(1, wrong)])]
      #expect(throws: MinkeError.self) { try Chart.lines(series, title: "", xLabel: "", yLabel: "") }
      let groups = [Chart.Group("a", [Chart.Bar("b", wrong)])]
      #expect(throws: MinkeError.self) { try Chart.bars(groups, title: "", valueLabel: "") }
    }
    let zero = [Chart.Series("a", [Chart.Point(0, 1)])]
    #expect(throws: MinkeError.self) {
      try Chart.lines(zero, title: "", xLabel: "", yLabel: "", logarithmicX: true)
    }
  }

  @Test(
    arguments: [
      ([0, 100], ["0", "20", "40", "60", "80", "100"]), ([41.2, 44.9], ["41", "42", "43", "44", "45"]),
      ([0.31, 0.34], ["0.310", "0.315", "0.320", "0.325", "0.330", "0.335", "0.340"]),
      ([-1.0, 1], ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
    ] as [([Double], [String])])
  func `marks stand at round numbers`(_ values: [Double], _ labels: [String]) {
    let axis = ChartAxis(around: values)
    #expect(axis.ticks.map(\.label) == labels)
    #expect(axis.range.lowerBound <= values[0] && axis.range.upperBound >= values[1])
  }

  @Test(
    arguments: [[0.0], [5], [-5, -5], [1e12, 1e12], [1e-9, 2e-9], [1e12, -1e12], [1e12, 1e12 - 1]] as [[Double]])
  func `every axis has marks and holds its values`(_ values: [Double]) {
    let axis = ChartAxis(around: values)
    #expect((2...20).contains(axis.ticks.count))
    for value in values { #expect((-0.001...1.001).contains(axis.place(value))) }
  }

  @Test func `marks of a logarithmic axis are values that have room`() {
    let axis = ChartAxis(logarithmic: [32, 64, 65, 128, 4.5], gap: 0.07)
    #expect(axis.ticks.map(\.label) == ["4.5", "32", "64", "128"])
    #expect(axis.place(4.5) == 0)
    #expect(axis.place(128) == 1)
    #expect(abs(ChartAxis(logarithmic: [8], gap: 0.1).place(8) - 0.5) < 1e-9)
  }

  // MARK: Results

  private func run(_ model: String, _ tasks: [(String, [String: String], Double)]) -> EvaluationReport {
    EvaluationReport(
      model: model,
      tasks: tasks.map {
        TaskResult(
          name: $0.0, kind: .retrieval, settings: $0.1, metrics: [TaskResult.Metric("ndcg@10", $0.2)],
          mainMetric: "ndcg@10")
      })
  }

  @Test func `sizes are drawn as bytes or dimensions, over the tasks that all have`() throws {
    let sizes: [(String, String)] = [("256", "float32"), ("512", "float32"), ("512", "int8"), ("512", "two-stage")]
    let tasks = sizes.flatMap { size -> [(String, [String: String], Double)] in
      ["a", "b"].map { ($0, ["dimension": size.0, "storage": size.1], $0 == "a" ? 0.5 : 0.25) }
    }
    let runs = [run("m", tasks + [("c", ["dimension": "512", "storage": "float32"], 1), ("words", [:], 1)])]
    #expect(ResultChart.hasSizes(runs))
    let bytes = try ResultChart(runs, against: .bytes)
    #expect(bytes.warnings.count == 2)
    let texts = try #require(parsed(bytes.chart.svg)?.texts)
    #expect(texts.contains("float32: 1024, 37.5"))
    #expect(texts.contains("int8: 516, 37.5"))
    #expect(texts.contains("two-stage: 580, 37.5"))
    #expect(texts.contains("ndcg@10 × 100"))
    let dimensions = try #require(parsed(try ResultChart(runs, against: .dimension).chart.svg)?.texts)
    #expect(dimensions.contains("float32: 256, 37.5"))
    #expect(dimensions.contains("int8: 512, 37.5"))
  }

  @Test func `models stand beside each other, and their mean`() throws {
    let runs = [run("m", [("a", [:], 0.5), ("b", [:], 0.25)]), run("m", [("a", [:], 0.75), ("b", [:], 0.5)])]
    let texts = try #require(parsed(try ResultChart(runs, against: .model).chart.svg)?.texts)
    #expect(texts.contains("a, m (run 2): 75"))
    #expect(texts.contains("mean, m: 37.5"))
  }

  @Test func `models at their own sizes stand beside each other`() throws {
    let runs = [
      run("m", [("a", ["dimension": "512", "mode": "meaning"], 0.5)]),
      run("n", [("a", ["dimension": "384", "mode": "meaning"], 0.25)]),
    ]
    let texts = try #require(parsed(try ResultChart(runs, against: .model).chart.svg)?.texts)
    #expect(texts.contains("a, m: 50") && texts.contains("a, n: 25"))
    let sizes = [run("m", [("a", ["dimension": "512"], 0.5), ("a", ["dimension": "256"], 0.25)])]
    let apart = try #require(parsed(try ResultChart(sizes, against: .model).chart.svg)?.texts)
    #expect(apart.contains("a (dimension=256), m: 25"))
  }

  @Test func `runs that have nothing in common to draw are an error`() {
    let one = run("m", [("a", ["dimension": "8"], 0.5), ("b", ["dimension": "16"], 0.5)])
    #expect(throws: MinkeError.self) { try ResultChart([one], against: .bytes) }
    #expect(throws: MinkeError.self) { try ResultChart([one], against: .bytes, metric: "map") }
    #expect(throws: MinkeError.self) { try ResultChart([run("m", [("a", [:], 1)])], against: .dimension) }
    #expect(throws: MinkeError.self) { try ResultChart([run("m", [("a", ["dimension": "-8"], 1)])], against: .bytes) }
    #expect(throws: MinkeError.self) { try ResultChart([], against: .model) }
    let text = TaskResult(
      name: "t", kind: .languageModel, metrics: [TaskResult.Metric("byte_perplexity", 3)], mainMetric: "byte_perplexity"
    )
    let mixed = EvaluationReport(model: "m", tasks: one.tasks + [text])
    #expect(throws: MinkeError.self) { try ResultChart([mixed], against: .model) }
  }
}

/// What a parsed document holds.
private final class Elements: NSObject, XMLParserDelegate {
  private(set) var names: [String] = []
  private(set) var attributes: [String: [[String: String]]] = [:]
  private(set) var texts: [String] = []
  private var text = ""

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes values: [String: String] = [:]
  ) {
    names.append(name)
    attributes[name, default: []].append(values)
    text = ""
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    texts.append(text)
    text = ""
  }
}
