import MinkeCore

/// The table of contents of a zip file whose entries are stored as they are, as `torch.save` writes them.
///
/// Every entry is a range of the file's own bytes, so nothing is unpacked. Checked before any is used: that an entry
/// lies inside the file and overlaps no other, that its two descriptions agree, and that its name is a plain path.
/// The checksums are not: PyTorch does not check them either, and doing so would read the whole file.
struct ZipArchive {
  /// Where the bytes of each entry lie in the file.
  let entries: [String: Range<Int>]

  private struct Entry {
    var name: String
    var method: Int
    var headerOffset: Int
    var size: Int
  }

  init(_ file: UnsafeRawBufferPointer, path: String) throws(MinkeError) {
    let reader = ZipFields(file: file, path: path)
    let directory = try Self.directory(reader)
    var ranges: [(whole: Range<Int>, name: String)] = []
    var entries: [String: Range<Int>] = [:]
    var position = directory.range.lowerBound
    for _ in 0..<directory.count {
      guard position + 46 <= directory.range.upperBound, reader.u32(position) == 0x0201_4b50 else {
        throw reader.malformed("\(directory.count) entries in the zip directory", found: "fewer")
      }
      let next = position + 46 + reader.u16(position + 28) + reader.u16(position + 30) + reader.u16(position + 32)
      guard next <= directory.range.upperBound else {
        throw reader.malformed("a zip directory of \(directory.range.count) bytes", found: "an entry beyond its end")
      }
      let entry = try Self.entry(reader, at: position)
      let data = try Self.data(of: entry, reader, limit: directory.range.lowerBound)
      guard entries.updateValue(data, forKey: entry.name) == nil else {
        throw reader.malformed("each zip entry once", found: "\"\(entry.name)\" twice")
      }
      ranges.append((entry.headerOffset..<data.upperBound, entry.name))
      position = next
    }
    guard position == directory.range.upperBound else {
      throw reader.malformed("\(directory.count) entries in the zip directory", found: "more")
    }
    ranges.sort { $0.whole.lowerBound < $1.whole.lowerBound }
    for (one, next) in zip(ranges, ranges.dropFirst()) where next.whole.lowerBound < one.whole.upperBound {
      throw reader.malformed(
        "zip entries beside each other", found: "\"\(one.name)\" and \"\(next.name)\" in one place")
    }
    self.entries = entries
  }

  /// Where the directory lies and how many entries it has, from the record at the end of the file.
  private static func directory(_ reader: ZipFields) throws(MinkeError) -> (range: Range<Int>, count: Int) {
    let file = reader.file
    // A comment of up to 65535 bytes may follow the record; its length says whether a signature is the real one.
    let earliest = max(0, file.count - 22 - 0xffff)
    guard file.count >= 22,
      let end = stride(from: file.count - 22, through: earliest, by: -1).first(where: {
        reader.u32($0) == 0x0605_4b50 && $0 + 22 + reader.u16($0 + 20) == file.count
      })
    else { throw reader.malformed("the directory at the end of a zip file", found: "none") }
    var disks = [reader.u16(end + 4), reader.u16(end + 6)]
    var counts = [reader.u16(end + 8), reader.u16(end + 10)]
    var (size, offset) = (reader.u32(end + 12), reader.u32(end + 16))
    var limit = end
    if end >= 20, reader.u32(end - 20) == 0x0706_4b50 {
      let record = reader.u64(end - 12)
      guard let record, record <= end - 20 - 56, reader.u32(record) == 0x0606_4b50,
        let here = reader.u64(record + 24), let all = reader.u64(record + 32),
        let largeSize = reader.u64(record + 40), let largeOffset = reader.u64(record + 48)
      else { throw reader.malformed("a ZIP64 record", found: "other bytes") }
      let large = [
        (counts[0], 0xffff, here), (counts[1], 0xffff, all), (size, 0xffff_ffff, largeSize),
        (offset, 0xffff_ffff, largeOffset),
      ]
      guard large.allSatisfy({ small, full, value in small == full || small == value }) else {
        throw reader.malformed("two zip records that agree", found: "two that do not")
      }
      disks += [reader.u32(record + 16), reader.u32(record + 20)]
      (counts, size, offset, limit) = ([here, all], largeSize, largeOffset, record)
    }
    guard disks.allSatisfy({ $0 == 0 }), counts[0] == counts[1] else {
      throw reader.unsupported("a zip file in one part", found: "one of several")
    }
    guard offset <= limit, size <= limit - offset, counts[0] <= size / 46 else {
      throw reader.malformed(
        "a zip directory inside the file", found: "\(counts[0]) entries in \(size) bytes at \(offset)")
    }
    return (offset..<offset + size, counts[0])
  }

  /// The entry that the directory describes at `position`.
  private static func entry(_ reader: ZipFields, at position: Int) throws(MinkeError) -> Entry {
    let nameEnd = position + 46 + reader.u16(position + 28)
    let nameBytes = reader.file[position + 46..<nameEnd]
    guard let name = String(validating: nameBytes, as: UTF8.self), isPlain(name) else {
      throw reader.malformed(
        "a relative path as a zip entry's name", found: "\"\(String(decoding: nameBytes.prefix(64), as: UTF8.self))\"")
    }
    var packedSize = reader.u32(position + 20)
    var size = reader.u32(position + 24)
    var offset = reader.u32(position + 42)
    var disk = reader.u16(position + 34)
    // Fields too small for their value hold all ones, and the ZIP64 extra field has the values, in this order.
    var field = nameEnd
    let extraEnd = nameEnd + reader.u16(position + 30)
    while field + 4 <= extraEnd {
      let fieldEnd = field + 4 + reader.u16(field + 2)
      guard fieldEnd <= extraEnd else {
        throw reader.malformed("extra fields inside the zip directory", found: "one beyond its end")
      }
      if reader.u16(field) == 1 {
        var value = field + 4
        func large() throws(MinkeError) -> Int {
          guard value + 8 <= fieldEnd, let number = reader.u64(value) else {
            throw reader.malformed("a ZIP64 number of at most 63 bits", found: "none")
          }
          value += 8
          return number
        }
        if size == 0xffff_ffff { size = try large() }
        if packedSize == 0xffff_ffff { packedSize = try large() }
        if offset == 0xffff_ffff { offset = try large() }
        if disk == 0xffff, value + 4 <= fieldEnd { disk = reader.u32(value) }
        break
      }
      field = fieldEnd
    }
    guard reader.u16(position + 8) & 0x2041 == 0 else {
      throw reader.unsupported("zip entries without encryption", found: "\"\(name)\" encrypted")
    }
    let method = reader.u16(position + 10)
    guard method == 0 else {
      throw reader.unsupported("zip entries without compression", found: "\"\(name)\" by method \(method)")
    }
    guard disk == 0, packedSize == size else {
      throw reader.malformed(
        "a stored zip entry of one size", found: "\"\(name)\" of \(size) bytes stored in \(packedSize)")
    }
    return Entry(name: name, method: method, headerOffset: offset, size: size)
  }

  /// Where the bytes of `entry` lie, from the header in front of them.
  private static func data(of entry: Entry, _ reader: ZipFields, limit: Int) throws(MinkeError) -> Range<Int> {
    let header = entry.headerOffset
    guard header <= limit - 30, reader.u32(header) == 0x0403_4b50 else {
      throw reader.malformed("a zip header in front of \"\(entry.name)\"", found: "other bytes at \(header)")
    }
    let nameEnd = header + 30 + reader.u16(header + 26)
    let start = nameEnd + reader.u16(header + 28)
    guard start <= limit, entry.size <= limit - start else {
      throw reader.malformed(
        "zip entry \"\(entry.name)\" inside the file", found: "\(entry.size) bytes at \(start) of \(limit)")
    }
    guard reader.file[header + 30..<nameEnd].elementsEqual(entry.name.utf8), reader.u16(header + 8) == entry.method,
      reader.u16(header + 6) & 0x2041 == 0
    else {
      throw reader.malformed("a header of zip entry \"\(entry.name)\"", found: "one of another")
    }
    return start..<start + entry.size
  }

  private static func isPlain(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return parts.allSatisfy { !["", ".", ".."].contains($0) } && !name.utf8.contains { $0 == 0x5c || $0 < 0x20 }
  }
}

/// The little-endian numbers of a zip file. The caller has checked that they lie inside it.
private struct ZipFields {
  let file: UnsafeRawBufferPointer
  let path: String

  func u16(_ offset: Int) -> Int {
    Int(UInt16(littleEndian: file.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
  }

  func u32(_ offset: Int) -> Int {
    Int(UInt32(littleEndian: file.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  }

  /// Nil for a number of more than 63 bits.
  func u64(_ offset: Int) -> Int? {
    Int(exactly: UInt64(littleEndian: file.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
  }

  func malformed(_ expected: String, found: String) -> MinkeError {
    MinkeError(.malformedFile, path, expected: expected, found: found)
  }

  func unsupported(_ expected: String, found: String) -> MinkeError {
    MinkeError(.unsupportedFile, path, expected: expected, found: found)
  }
}
