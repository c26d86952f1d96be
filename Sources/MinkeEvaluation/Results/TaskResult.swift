/// What kind of task a model was measured on.
public enum TaskKind: String, Sendable, CaseIterable {
  case retrieval, sts, classification, clustering, pairs, reranking, summarization, agreement
  case languageModel = "lm"
}

/// What one task says of one model, or of vectors made elsewhere.
public struct TaskResult: Sendable, Equatable {
  /// A figure with the name that its field gives it, such as `ndcg@10`.
  public struct Metric: Sendable, Equatable {
    /// The name with the place it is cut at, if any.
    public var name: String
    /// The figure, from 0 to 1 where it is a share.
    public var value: Double

    /// The figure `value` called `name`.
    public init(_ name: String, _ value: Double) { (self.name, self.value) = (name, value) }
  }

  /// The figures of one of the task's items, such as a query.
  public struct Item: Sendable, Equatable {
    /// The item's id in the data, or its number.
    public var id: String
    /// The item's own value of the task's main metric.
    public var value: Double
    /// What it asks, for who looks at it; nil where an item is no text, such as a draw.
    public var text: String?

    /// What one item reached.
    public init(id: String, value: Double, text: String? = nil) {
      (self.id, self.value, self.text) = (id, value, text)
    }
  }

  /// What the task is called: the name of its folder or file, unless it says another.
  public var name: String
  /// What sort of task it is.
  public var kind: TaskKind
  /// What the figures depend on beside the model, such as `dimension`, `storage` and `mode`.
  public var settings: [String: String]
  /// All figures, in the order in which they are shown.
  public var metrics: [Metric]
  /// The name of the one that stands for the task in a mean.
  public var mainMetric: String
  /// Each item's share in the main metric, where that is a mean over items.
  public var items: [Item]
  /// What was left out or is not as it should be in the data.
  public var warnings: [String]

  /// A result whose main metric is among `metrics`.
  public init(
    name: String, kind: TaskKind, settings: [String: String] = [:], metrics: [Metric], mainMetric: String,
    items: [Item] = [], warnings: [String] = []
  ) {
    (self.name, self.kind, self.settings, self.metrics) = (name, kind, settings, metrics)
    (self.mainMetric, self.items, self.warnings) = (mainMetric, items, warnings)
  }

  /// The metric of this name; nil where the task has none.
  public subscript(metric: String) -> Double? { metrics.first { $0.name == metric }?.value }

  /// The main metric; NaN where it is missing.
  public var main: Double { self[mainMetric] ?? .nan }
}
