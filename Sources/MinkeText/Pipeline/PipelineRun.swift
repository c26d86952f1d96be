import MinkeCore

/// Memory of one thread for encoding a text.
// SAFETY of @unchecked: in use by one thread at a time.
final class PipelineRoom: @unchecked Sendable {
  /// The text in UTF-8.
  let text = ByteRoom()
  /// The text after one normalizer and after the next.
  let (normalized, other) = (ByteRoom(), ByteRoom())
  /// What a step that cuts writes, of each.
  let steps: [ByteRoom]
  let words = WordRoom()
  let cache = WordCache()

  init(steps: Int) { self.steps = (0..<steps).map { _ in ByteRoom() } }
}

extension PipelineTokenizer.Core {
  /// Appends the ids of `text` to `ids`, and stops early once there are `limit` of them in all.
  func encode(_ text: UnsafeBufferPointer<UInt8>, limit: Int, into ids: inout [TokenID]) {
    rooms.use { room in
      switch model {
      case .bytePair(let model): encode(text, model, room, limit: limit, into: &ids)
      case .unigram(let model): encode(text, model, room, limit: limit, into: &ids)
      case .wordPiece(let model): encode(text, model, room, limit: limit, into: &ids)
      }
    }
  }

  private func encode<Model: WordModel>(
    _ text: UnsafeBufferPointer<UInt8>, _ model: Model, _ room: PipelineRoom, limit: Int, into ids: inout [TokenID]
  ) {
    room.text.removeAll()
    room.text.append(repairing: text)
    steps.withUnsafeBufferPointer { steps in
      let run = PipelineRun(steps: steps, model: model, room: room, classes: CharacterClass.table, limit: limit)
      let text = room.text.bytes
      inText.split(text) { piece, id in
        if let id { return ids.append(id) }
        guard ids.count < limit else { return }
        var beginning = findsBeginning && piece.baseAddress == text.baseAddress ? 1 : 0
        let normalized = Self.normalized(piece, normalizers, room.normalized, room.other, &beginning)
        inNormalizedText.split(normalized) { piece, id in
          if let id { return ids.append(id) }
          run.cut(piece, 0, isFirst: beginning > 0 && piece.baseAddress == normalized.baseAddress, into: &ids)
        }
      }
    }
  }
}

/// The steps that cut a text, and the model that makes tokens of what they leave.
private struct PipelineRun<Model: WordModel> {
  let steps: UnsafeBufferPointer<PreTokenizer>
  let model: Model
  let room: PipelineRoom
  let classes: ScalarTable<CharacterClass>
  let limit: Int

  /// Cuts `text` as the steps from `step` on say, and appends the ids of its pieces.
  ///
  /// - Parameter isFirst: whether the text to encode begins with it.
  func cut(_ text: UnsafeBufferPointer<UInt8>, _ step: Int, isFirst: Bool, into ids: inout [TokenID]) {
    guard text.count > 0, ids.count < limit else { return }
    guard step < steps.count else { return room.cache.append(text, model, room.words, into: &ids) }
    switch steps[step] {
    case .split(let pattern, let behavior, let isInverted):
      split(text, pattern, behavior, isInverted, step, isFirst: isFirst, into: &ids)
    case .whitespace:
      var position = 0
      while position < text.count, ids.count < limit {
        let start = position
        let kind = classes[text.decodeScalar(at: &position)].intersection([.word, .space])
        while position < text.count {
          var next = position
          guard classes[text.decodeScalar(at: &next)].intersection([.word, .space]) == kind else { break }
          position = next
        }
        if !kind.contains(.space) { next(text, start..<position, step, isFirst: isFirst, into: &ids) }
      }
    case .metaspace(let scalar, let prefix, let splits):
      metaspace(text, scalar, prefix == .always || (prefix == .first && isFirst), splits, step, into: &ids)
    case .byteLevel(let addsPrefixSpace, let cutsWords):
      byteLevel(text, addsPrefixSpace, cutsWords, step, into: &ids)
    }
  }

  @inline(__always)
  private func next(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ step: Int, isFirst: Bool, into ids: inout [TokenID]
  ) {
    cut(
      UnsafeBufferPointer(rebasing: text[range]), step + 1, isFirst: isFirst && range.lowerBound == 0, into: &ids)
  }

  private func split(
    _ text: UnsafeBufferPointer<UInt8>, _ pattern: TextPattern, _ behavior: SplitBehavior, _ isInverted: Bool,
    _ step: Int, isFirst: Bool, into ids: inout [TokenID]
  ) {
    if case .words(let words) = pattern {
      // Every match is a piece: nothing stands between them.
      var position = 0
      while position < text.count, ids.count < limit {
        let end = words.end(in: text, from: position, classes)
        next(text, position..<end, step, isFirst: isFirst, into: &ids)
        position = end
      }
      return
    }
    var pieces = SplitPieces(behavior)
    var position = 0
    while position < text.count, ids.count < limit {
      let match = pattern.match(in: text, from: position, classes) ?? text.count..<text.count
      if let piece = pieces.next(position..<match.lowerBound, isMatch: isInverted) {
        next(text, piece, step, isFirst: isFirst, into: &ids)
      }
      if let piece = pieces.next(match, isMatch: !isInverted) { next(text, piece, step, isFirst: isFirst, into: &ids) }
      position = match.upperBound
    }
    if let piece = pieces.last() { next(text, piece, step, isFirst: isFirst, into: &ids) }
  }

  private func metaspace(
    _ text: UnsafeBufferPointer<UInt8>, _ scalar: UInt32, _ addsPrefix: Bool, _ splits: Bool, _ step: Int,
    into ids: inout [TokenID]
  ) {
    let written = room.steps[step]
    written.removeAll()
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4) { sign in
      guard let sign = sign.baseAddress else { return }
      let width = UTF8.write(scalar, to: sign)
      func isSign(_ text: UnsafeBufferPointer<UInt8>, _ position: Int) -> Bool {
        position + width <= text.count && (0..<width).allSatisfy { text[position + $0] == sign[$0] }
      }
      let spaces = text.reduce(0) { $0 &+ ($1 == 0x20 ? 1 : 0) }
      written.append(atMost: text.count + (spaces + 1) * (width - 1) + 1) { place in
        var count = 0
        func writeSign() {
          for index in 0..<width { place[count + index] = sign[index] }
          count += width
        }
        if addsPrefix, text[0] != 0x20, !isSign(text, 0) { writeSign() }
        if spaces == 0 {
          (place + count).update(from: text.baseAddress ?? UnsafePointer(sign), count: text.count)
          return count + text.count
        }
        for byte in text {
          if byte == 0x20 {
            writeSign()
          } else {
            place[count] = byte
            count += 1
          }
        }
        return count
      }
      let text = written.bytes
      guard splits else { return next(text, 0..<text.count, step, isFirst: false, into: &ids) }
      var start = 0
      for position in 0..<text.count where text[position] == sign[0] && position > start && isSign(text, position) {
        if ids.count >= limit { return }
        next(text, start..<position, step, isFirst: false, into: &ids)
        start = position
      }
      next(text, start..<text.count, step, isFirst: false, into: &ids)
    }
  }

  private func byteLevel(
    _ text: UnsafeBufferPointer<UInt8>, _ addsPrefixSpace: Bool, _ cutsWords: Bool, _ step: Int,
    into ids: inout [TokenID]
  ) {
    var text = text
    if addsPrefixSpace, text[0] != 0x20 {
      let written = room.steps[step]
      written.removeAll()
      written.append([0x20])
      written.append(text)
      text = written.bytes
    }
    guard cutsWords else { return next(text, 0..<text.count, step, isFirst: false, into: &ids) }
    var position = 0
    while position < text.count, ids.count < limit {
      let end = WordPattern.gpt2.end(in: text, from: position, classes)
      next(text, position..<end, step, isFirst: false, into: &ids)
      position = end
    }
  }
}
