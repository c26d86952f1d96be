/// How well clusters go with classes: the harmonic mean of homogeneity and completeness (Rosenberg and Hirschberg
/// 2007), as scikit-learn's `v_measure_score`.
public enum VMeasure {
  /// 1 where every class is one cluster, 0 where clusters say nothing of classes. The numbers themselves mean nothing.
  ///
  /// - Parameters:
  ///   - classes: the true class of each item.
  ///   - clusters: the cluster that each item was put into.
  public static func value(classes: [Int], clusters: [Int]) -> Double {
    value(ClusterCounts(classes: classes, clusters: clusters))
  }

  static func value(_ counts: ClusterCounts) -> Double {
    guard counts.count > 0 else { return 1 }
    let (ofClasses, ofClusters) = (counts.classEntropy, counts.clusterEntropy)
    let homogeneity = ofClasses == 0 ? 1 : counts.mutualInformation / ofClasses
    let completeness = ofClusters == 0 ? 1 : counts.mutualInformation / ofClusters
    guard homogeneity + completeness > 0 else { return 0 }
    return 2 * homogeneity * completeness / (homogeneity + completeness)
  }
}

/// How well clusters go with classes beyond what chance gives: the mutual information less that of items dealt at random,
/// over the mean of both entropies less the same (Vinh, Epps and Bailey 2010), as scikit-learn's
/// `adjusted_mutual_info_score`.
public enum AdjustedMutualInformation {
  /// 1 where clusters and classes are the same, about 0 where clusters are dealt at random; it may be below.
  ///
  /// - Parameters:
  ///   - classes: the true class of each item.
  ///   - clusters: the cluster that each item was put into.
  public static func value(classes: [Int], clusters: [Int]) -> Double {
    value(ClusterCounts(classes: classes, clusters: clusters))
  }

  static func value(_ counts: ClusterCounts) -> Double {
    let (classes, clusters) = (counts.classSizes.count, counts.clusterSizes.count)
    if classes <= 1, clusters <= 1 { return 1 }
    if classes == 1 || clusters == 1 { return 0 }
    let expected = counts.expectedMutualInformation
    // Nothing is divided by zero: what rounds to it keeps its sign.
    func apart(_ difference: Double) -> Double {
      difference < 0 ? min(difference, -Double.ulpOfOne) : max(difference, Double.ulpOfOne)
    }
    return apart(counts.mutualInformation - expected)
      / apart((counts.classEntropy + counts.clusterEntropy) / 2 - expected)
  }
}
