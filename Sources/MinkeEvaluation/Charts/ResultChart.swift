import MinkeCore

/// A picture of the results of runs.
public struct ResultChart: Sendable {
  /// What the results are set against.
  public enum Abscissa: String, Sendable, CaseIterable {
    /// Bytes that a vector takes, by its `dimension` and `storage`; a line for each model and storage.
    case bytes
    /// Numbers of a vector; a line for each model and storage.
    case dimension
    /// Models beside each other: bars for each task, and for their mean.
    case model
  }

  /// The picture.
  public let chart: Chart
  /// What could not be drawn, and why.
  public let warnings: [String]

  /// Draws the results of `runs`.
  ///
  /// A point stands for the mean over the tasks that all points have. Fractions are drawn times 100.
  /// - Parameter metric: what is drawn; nil for each task's main metric.
  /// - Throws: `MinkeError` when nothing can be drawn: no task has the metric or a `dimension`, no task is in all
  ///   points, or perplexities and fractions would share an axis.
  public init(_ runs: [EvaluationReport], against abscissa: Abscissa, metric: String? = nil) throws(MinkeError) {
    let results = try Self.results(runs, metric)
    if abscissa == .model {
      (chart, warnings) = (try Self.bars(results.drawn), results.warnings)
    } else {
      let lines = try Self.lines(results.drawn, abscissa)
      (chart, warnings) = (lines.chart, results.warnings + lines.warnings)
    }
  }

  /// Whether a run says how large its vectors are, so that sizes can be compared.
  public static func hasSizes(_ runs: [EvaluationReport]) -> Bool {
    runs.contains { $0.tasks.contains { $0.settings["dimension"] != nil } }
  }

  /// A figure of a run, as it is drawn.
  private struct Drawn {
    let model: String
    let task: TaskResult
    let metric: String
    let value: Double
  }

  private static func results(
    _ runs: [EvaluationReport], _ metric: String?
  ) throws(MinkeError) -> (drawn: [Drawn], warnings: [String]) {
    var drawn: [Drawn] = []
    var warnings: [String] = []
    var models: [String: Int] = [:]
    for run in runs {
      models[run.model, default: 0] += 1
      let count = models[run.model] ?? 1
      let model = count == 1 ? run.model : "\(run.model) (run \(count))"
      for task in run.tasks {
        let name = metric ?? task.mainMetric
        if let value = task[name], value.isFinite {
          drawn.append(Drawn(model: model, task: task, metric: name, value: value * ResultTable.scale(name)))
        } else {
          warnings.append("\(model): \(task.name) has no \(name)")
        }
      }
    }
    guard let first = drawn.first else {
      throw MinkeError(.invalidArgument, "metric", expected: "a metric of the runs", found: metric ?? "no results")
    }
    let scale = ResultTable.scale(first.metric)
    if let other = drawn.first(where: { ResultTable.scale($0.metric) != scale }) {
      throw MinkeError(
        .invalidArgument, "metric", expected: "one for the axis", found: "both \(first.metric) and \(other.metric)")
    }
    return (drawn, warnings)
  }

  /// What the values are called: the metric's name, where there is one.
  private static func label(_ results: [Drawn]) -> String {
    let names = Set(results.map(\.metric))
    let name = names.count == 1 ? names.first ?? "" : "main metric"
    return results.allSatisfy { ResultTable.scale($0.metric) == 100 } ? "\(name) × 100" : name
  }

  // MARK: Models

  private static func bars(_ results: [Drawn]) throws(MinkeError) -> Chart {
    var tasks: [[String]] = []
    var groups: [[String]: [Drawn]] = [:]
    var models: [String] = []
    // Models at their own full sizes stand beside each other.
    let loose = results.map { [$0.model] + $0.task.identityWithoutSize }
    let isSized = Set(loose).count < loose.count
    for result in results {
      let key = isSized ? result.task.identity : result.task.identityWithoutSize
      if groups[key] == nil { tasks.append(key) }
      groups[key, default: []].append(result)
      if !models.contains(result.model) { models.append(result.model) }
    }
    let shared = tasks.dropFirst().reduce(Set(tasks.first?.dropFirst() ?? [])) { $0.intersection($1.dropFirst()) }
    var bars = tasks.map { key in
      let settings = key.dropFirst().filter { !shared.contains($0) }
      let name = settings.isEmpty ? key[0] : "\(key[0]) (\(settings.joined(separator: ", ")))"
      return Chart.Group(name, (groups[key] ?? []).map { Chart.Bar($0.model, $0.value) })
    }
    let common = tasks.filter { groups[$0]?.count == models.count }
    if common.count > 1 {
      let means = models.map { model in
        Chart.Bar(model, Summary(common.compactMap { groups[$0]?.first { $0.model == model }?.value }).mean)
      }
      let all = common.count == tasks.count ? "mean" : "mean of the \(common.count) that all have"
      bars.append(Chart.Group(all, means))
    }
    let title = models.count == 1 ? models[0] : "\(models.count) models"
    return try Chart.bars(bars, title: title, valueLabel: label(results))
  }

  // MARK: Sizes

  private static func lines(
    _ results: [Drawn], _ abscissa: Abscissa
  ) throws(MinkeError) -> (chart: Chart, warnings: [String]) {
    struct Place: Hashable {
      let series: [String]
      let x: Double
    }
    var warnings: [String] = []
    var order: [Place] = []
    var values: [Place: [String: Double]] = [:]
    for result in results {
      let settings = result.task.settings
      let storage = settings["storage"] ?? "float32"
      guard let dimension = settings["dimension"].flatMap({ Int($0) }), (1...1 << 24).contains(dimension) else {
        warnings.append("\(result.model): \(result.task.name) says no dimension")
        continue
      }
      guard let known = RetrievalEvaluation.Storage(rawValue: storage) else {
        warnings.append("\(result.model): \(result.task.name) has vectors stored as \(storage), which is not known")
        continue
      }
      let bytes = Double(known.byteCount(dimension: dimension))
      let others = settings.filter { !["dimension", "storage", "bytes"].contains($0.key) }
      let series = [result.model, storage] + others.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      let place = Place(series: series, x: abscissa == .bytes ? bytes : Double(dimension))
      if values[place] == nil { order.append(place) }
      values[place, default: [:]][result.task.name] = result.value
    }
    guard let first = order.first else {
      throw MinkeError(.invalidArgument, "runs", expected: "a task with a \"dimension\"", found: "none")
    }
    var common = Set((values[first] ?? [:]).keys)
    var all = common
    for tasks in values.values {
      common.formIntersection(tasks.keys)
      all.formUnion(tasks.keys)
    }
    guard !common.isEmpty else {
      throw MinkeError(
        .invalidArgument, "runs", expected: "a task measured at all sizes", found: "none of \(all.count)")
    }
    if common.count < all.count {
      warnings.append(
        "left out, for not all sizes have them: \(all.subtracting(common).sorted().joined(separator: ", "))")
    }
    var series: [[String]] = []
    for place in order where !series.contains(place.series) { series.append(place.series) }
    let title = common.count == 1 ? common.first ?? "" : "mean of \(common.count) tasks"
    let chart = try Chart.lines(
      names(series).enumerated().map { index, name in
        Chart.Series(
          name,
          order.filter { $0.series == series[index] }.map { place in
            Chart.Point(place.x, Summary(common.sorted().compactMap { values[place]?[$0] }).mean)
          })
      }, title: title, xLabel: abscissa == .bytes ? "bytes a vector" : "dimension", yLabel: label(results),
      logarithmicX: true)
    return (chart, warnings)
  }

  /// What tells the series apart: the parts of their names that are not the same in all.
  private static func names(_ series: [[String]]) -> [String] {
    let common = series.dropFirst().reduce(Set(series.first ?? [])) { $0.intersection($1) }
    return series.map { parts in
      let own = parts.filter { !common.contains($0) }
      return (own.isEmpty ? [parts[0]] : own).joined(separator: ", ")
    }
  }
}
