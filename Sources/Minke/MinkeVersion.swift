/// The version of this package.
public enum MinkeVersion {
  /// Major, minor and patch, by the rules of semantic versioning.
  public static let current = "0.1.0"
}
