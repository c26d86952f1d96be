#if PostgreSQL
  import MinkeCore
  import MinkeSearch
  import MinkeStore

  extension PostgresConnection {
    /// Adds the texts and places of passages.
    func addPassages(_ passages: [(id: Int64, document: Int64, new: NewPassage)]) throws {
      try copy(
        into: "passages (id, document, first_byte, last_byte, first_line, last_line, page, context, text)", columns: 9
      ) { row in
        for (id, document, new) in passages {
          let place = new.passage
          row {
            $0.add(id)
            $0.add(document)
            for number in [
              place.byteRange.lowerBound, place.byteRange.upperBound, place.lines.lowerBound, place.lines.upperBound,
            ] { $0.add(Int64(number)) }
            $0.add(place.page.map { Int64($0) })
            $0.add(place.context?.replacing("\0", with: " "))
            $0.add(new.text)
          }
        }
      }
    }

    /// Adds the vectors of passages.
    ///
    /// - Parameters:
    ///   - vectors: one a passage.
    ///   - keepsLengths: whether they have the length that they are to have.
    func addVectors(
      _ vectors: Embeddings, ids: [Int64], _ settings: CollectionSettings, suffix: String = "",
      keepsLengths: Bool = false
    ) throws {
      guard vectors.count == ids.count, vectors.dimension == settings.dimension else {
        throw MinkeError(
          .shapeMismatch, "vectors", expected: "\(ids.count) of \(settings.dimension)",
          found: "\(vectors.count) of \(vectors.dimension)")
      }
      let dimension = settings.dimension
      let numbers = settings.metric == .cosine && !keepsLengths ? try vectors.normalized() : vectors
      if let floats = numbers.floats, settings.storage != .binary {
        if let bad = floats.first(where: { !$0.isFinite }) {
          throw MinkeError(.notFinite, "vectors", expected: "finite numbers", found: "\(bad)")
        }
        try copy(into: "vectors\(suffix) (passage, embedding)", columns: 2) { row in
          for (index, id) in ids.enumerated() {
            row {
              $0.add(id)
              $0.add(vector: floats[index * dimension..<(index + 1) * dimension])
            }
          }
        }
      }
      if settings.storage != .float32, let bits = try vectors.binarized().packedBits {
        try copy(into: "signs\(suffix) (passage, bits)", columns: 2) { row in
          for (index, id) in ids.enumerated() {
            row {
              $0.add(id)
              $0.add(bits: bits[index * (dimension / 8)..<(index + 1) * (dimension / 8)])
            }
          }
        }
      }
    }

    /// Adds what texts are found by as a part of the index of words.
    func addWords(
      _ texts: [String], ids: [Int64], _ settings: CollectionSettings, _ counters: inout Counters
    ) throws {
      let blocks = try WordSegmentBuilder.build(ids: ids, analyzer: settings.analyzer) { index, body in
        var text = texts[index]
        text.withUTF8(body)
      }
      try addWords(PassageRange(ids), blocks, &counters)
    }
  }

  extension CollectionSettings {
    /// The tables that hold something of each vector.
    var vectorTables: [String] {
      (storage == .binary ? [] : ["vectors"]) + (storage == .float32 ? [] : ["signs"])
    }
  }

  extension JSONValue {
    /// The same without NULs, which PostgreSQL's texts do not hold.
    var withoutNUL: JSONValue {
      switch self {
      case .string(let text): .string(text.replacing("\0", with: " "))
      case .array(let values): .array(values.map(\.withoutNUL))
      case .object(let members):
        .object(Dictionary(members.map { ($0.replacing("\0", with: " "), $1.withoutNUL) }) { $1 })
      default: self
      }
    }
  }
#endif
