/// The version of this package.
public enum MinkeVersion {
  public static let current = "0.1.0"
}
