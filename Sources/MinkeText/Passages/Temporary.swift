extension PassageSplitter { public static let whole = PassageSplitter(length: 1 << 30, overlap: 0) }
