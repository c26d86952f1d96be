import MinkeCore
import MinkeKernels
import MinkeText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The hashed memory of short token sequences, added to the embedding.
///
/// With `x` the embedding of a token: `c = Wc x`. For each window of `m = 1...3` tokens that ends here and each table
/// `g`, `z = sum of <P[m, k][g], c_k>` over the window's tokens; row `trunc(|z|) mod size` of table `g` is remembered.
/// `r` is the mean of the rows, `l = Wg [r ; x] + bg`, and `gamma * (erf(alpha * l + bias) + 1) / 2 * r` is added.
struct Engram: Sendable {
  let compressor: WeightMatrix
  /// `c` of every token, `[vocabularySize, compressedSize]`, where the embedding is quantised: from rounded embeddings
  /// many hashes would choose other rows.
  let codes: SharedBuffer<Float>?
  /// `[tableSize, hidden]` each.
  let tables: [SharedBuffer<Float>]
  /// For window length `m` and place `k` in it, at index `m * (m - 1) / 2 + k` with `m` counted from 1:
  /// `[tables, compressedSize]`.
  let projections: [SharedBuffer<Float>]
  let gate: WeightMatrix
  let gateBias: SharedBuffer<Float>
  let alpha: SharedBuffer<Float>
  let bias: SharedBuffer<Float>
  let gamma: SharedBuffer<Float>
  let sizes: SpikeWhaleConfiguration.Engram

  /// `c` of one token, as a pass computes it.
  func code(of token: TokenID, embedding: WeightMatrix, kernels: minke_matvec_kernels) -> [Float] {
    let size = sizes.compressedSize
    if let codes { return Array(codes.pointer[Int(token) * size..<(Int(token) + 1) * size]) }
    var code = [Float](repeating: 0, count: size)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: embedding.inputs) { x in
      code.withUnsafeMutableBufferPointer { code in
        guard let x = x.baseAddress, let code = code.baseAddress else { return }
        embedding.unpack(Int(token)..<Int(token) + 1, into: x, kernels: kernels)
        compressor.multiply(0..<size, by: x, into: code, kernels: kernels)
      }
    }
    return code
  }

  /// Adds the memory to `x` `[rows, hidden]`, the embedding, which is `pass.input`.
  func apply(_ pass: ForwardPass) {
    let hidden = pass.configuration.hiddenSize
    // One row at a time whatever their number: a hash must not depend on how the tokens were split over calls.
    let code = sizes.compressedSize
    pass.forEachRow { row in
      if let codes = codes?.baseAddress {
        (pass.code + row * code).update(from: codes + Int(pass.tokens[row]) * code, count: code)
      } else {
        compressor.multiply(
          0..<code, by: pass.input + row * hidden, into: pass.code + row * code, kernels: pass.kernels.matvec)
      }
    }
    pass.recentCodes = pass.segments.map { recall($0, pass) }
    pass.multiply([.init(weights: gate, x: pass.pair, y: pass.output)])
    pass.forEachRow { row in
      let (x, r, l) = (pass.input + row * hidden, pass.pair + row * 2 * hidden, pass.output + row * hidden)
      for i in 0..<hidden {
        let open = (erff(alpha[i] * (l[i] + gateBias[i]) + bias[i]) + 1) / 2
        x[i] += gamma[i] * open * r[i]
      }
    }
  }

  /// Writes `[r ; x]` for the tokens of a sequence to `pass.pair`, and gives the codes that the next call reaches back
  /// to.
  private func recall(_ segment: ForwardPass.Segment, _ pass: ForwardPass) -> [Float] {
    let (hidden, code, reach) = (pass.configuration.hiddenSize, sizes.compressedSize, sizes.longestWindow - 1)
    let recent = segment.state.recentCodes
    let first = segment.rows.lowerBound
    /// The code of the token `offset` places after the first of this call, which may lie before it.
    @Sendable func withCode<Result>(at offset: Int, _ body: (UnsafePointer<Float>) -> Result) -> Result? {
      if offset >= 0 { return body(pass.code + (first + offset) * code) }
      return recent.withUnsafeBufferPointer { recent in recent.baseAddress.map { body($0 + (reach + offset) * code) } }
    }
    Workers.forEachPieceUninterrupted(of: segment.rows.count, grain: 16) { offsets, _ in
      for offset in offsets {
        let row = pass.pair + (first + offset) * 2 * hidden
        row.initialize(repeating: 0, count: hidden)
        var count = 0
        for length in 1...sizes.longestWindow where segment.start + offset + 1 >= length {
          for (g, table) in tables.enumerated() {
            var z: Float = 0
            for k in 0..<length {
              guard let projection = projections[length * (length - 1) / 2 + k].baseAddress else { continue }
              let dot = withCode(at: offset - length + 1 + k) { c in
                (0..<code).reduce(Float(0)) { $0 + projection[g * code + $1] * c[$1] }
              }
              z += dot ?? 0
            }
            guard let entry = table.baseAddress.map({ $0 + Self.slot(z, of: sizes.tableSize) * hidden }) else {
              continue
            }
            for i in 0..<hidden { row[i] += entry[i] }
            count += 1
          }
        }
        let share = 1 / Float(max(count, 1))
        for i in 0..<hidden { row[i] *= share }
        (row + hidden).update(from: pass.input + (first + offset) * hidden, count: hidden)
      }
    }
    return (-reach..<0).flatMap { back in
      withCode(at: segment.rows.count + back) { Array(UnsafeBufferPointer(start: $0, count: code)) } ?? []
    }
  }

  /// `trunc(|z|) mod size`; what is not a number is in no row, and its logits say so.
  static func slot(_ z: Float, of size: Int) -> Int {
    guard z.isFinite else { return 0 }
    return Int(z.magnitude.rounded(.towardZero).truncatingRemainder(dividingBy: Float(size)))
  }
}
