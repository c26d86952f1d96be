extension WordRules {
  /// The whole text normalized, for the added tokens that are looked for in it.
  func normalize(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    let classes = scalarClasses
    var normalized: [UInt8] = []
    normalized.reserveCapacity(text.count)
    var nonstarters: [ScalarClasses.Entry] = []
    func append(_ scalar: UInt32) {
      normalized.append(contentsOf: Unicode.Scalar(scalar).flatMap(UTF8.encode) ?? UTF8.encodedReplacementCharacter)
    }
    func flush() {
      for entry in nonstarters.sorted(by: { $0.combiningClass < $1.combiningClass }) { append(entry.value) }
      nonstarters.removeAll(keepingCapacity: true)
    }
    func emit(_ entry: ScalarClasses.Entry, of scalar: UInt32) {
      let image = entry.value == 0 ? scalar : entry.value
      if entry.kind == .nonstarter {
        nonstarters.append(ScalarClasses.Entry(.nonstarter, value: image, combiningClass: entry.combiningClass))
        return
      }
      if entry.kind == .dropped { return }
      flush()
      switch entry.kind {
      case .space: append(normalization.cleansText ? 0x20 : image)
      case .isolated where normalization.separatesChinese && ScalarClasses.isChinese(scalar):
        append(0x20)
        append(image)
        append(0x20)
      case .hangul:
        let index = scalar - 0xac00
        append(0x1100 + index / 588)
        append(0x1161 + index % 588 / 28)
        if index % 28 > 0 { append(0x11a7 + index % 28) }
      case .sequence: for part in classes.sequence(entry) { emit(part, of: part.value) }
      default: append(image)
      }
    }
    var position = 0
    while position < text.count {
      let scalar = text.decodeScalar(at: &position)
      emit(classes.lookup[scalar], of: scalar)
    }
    flush()
    return normalized
  }
}
