import MinkeCore
import MinkeLayers
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
package struct Engram: Sendable {
  let compressor: Linear
  /// `c` of every token, `[vocabularySize, compressedSize]`, where the embedding is quantised: from rounded embeddings
  /// many hashes would choose other rows.
  let codes: SharedBuffer<Float>?
  /// `[tableSize, hidden]` each.
  let tables: [SharedBuffer<Float>]
  /// For window length `m` and place `k` in it, at index `m * (m - 1) / 2 + k` with `m` counted from 1:
  /// `[tables, compressedSize]`.
  let projections: [SharedBuffer<Float>]
  let gate: Linear
  let gateBias: SharedBuffer<Float>
  let alpha: SharedBuffer<Float>
  let bias: SharedBuffer<Float>
  let gamma: SharedBuffer<Float>
  let sizes: SpikeWhaleConfiguration.Engram

  /// `c` of one token, as a pass computes it.
  func code(of token: TokenID, embedding: Linear) -> [Float] {
    if let codes { return codes.rows(of: sizes.compressedSize).row(Int(token)).copied() }
    let (x, code) = (Matrix(rows: 1, columns: embedding.inputs), Matrix(rows: 1, columns: sizes.compressedSize))
    embedding.unpack(Int(token)..<Int(token) + 1, into: x.view)
    compressor(x.view.read, into: code.view)
    return code.copied()
  }

  /// Adds the memory to `pass.input` `[rows, hidden]`, the embedding.
  func callAsFunction(_ pass: ForwardPass) {
    let (x, codes) = (pass.input, pass.engramCode)
    let known = self.codes?.rows(of: sizes.compressedSize)
    // One row at a time whatever their number: a hash must not depend on how the tokens were split over calls.
    pass.forEachRow { row in
      if let known {
        codes.row(row).copy(known.row(Int(pass.tokens[row])))
      } else {
        compressor(x.row(row).read, into: codes.row(row))
      }
    }
    pass.recentCodes = pass.segments.map { recall($0, pass) }
    pass.multiply([.init(gate, pass.pair.read, into: pass.output)])
    // Plain pointers: asked for by index, the buffers would be retained for every number, by all threads at once.
    let hidden = x.columns
    let (alphas, biases) = (alpha.rows(of: hidden), bias.rows(of: hidden))
    let (gammas, gateBiases) = (gamma.rows(of: hidden), gateBias.rows(of: hidden))
    pass.forEachRow { row in
      let (alpha, bias, gamma, gateBias) = (alphas.start, biases.start, gammas.start, gateBiases.start)
      let (x, r, l) = (x.row(row).start, pass.pair.row(row).start, pass.output.row(row).start)
      for i in 0..<hidden {
        let open = (erff(alpha[i] * (l[i] + gateBias[i]) + bias[i]) + 1) / 2
        x[i] += gamma[i] * open * r[i]
      }
    }
  }

  /// Writes `[r ; x]` for the tokens of a sequence to `pass.pair`, and gives the codes that the next call reaches back
  /// to.
  private func recall(_ segment: ForwardPass.Segment, _ pass: ForwardPass) -> [Float] {
    let reach = sizes.longestWindow - 1
    let hidden = pass.input.columns
    let x = pass.input.rows(segment.rows).read
    let pair = pass.pair.rows(segment.rows)
    let codes = pass.engramCode.rows(segment.rows).read
    let recent = Matrix(segment.state.recentCodes, columns: sizes.compressedSize)
    defer { extendLifetime(recent) }
    /// The code of the token `offset` places after the first of this call, which may lie before it.
    @Sendable func code(at offset: Int) -> MatrixView {
      offset >= 0 ? codes.row(offset) : recent.view.read.row(reach + offset)
    }
    Workers.forEachPieceUninterrupted(of: segment.rows.count, grain: 16) { offsets, _ in
      for offset in offsets {
        let r = pair.row(offset).columns(0..<hidden)
        r.fill(0)
        var count = 0
        for length in 1...sizes.longestWindow where segment.start + offset + 1 >= length {
          for (g, table) in tables.enumerated() {
            var z: Float = 0
            for k in 0..<length {
              let projection = projections[length * (length - 1) / 2 + k].rows(of: sizes.compressedSize).row(g)
              z += projection.dot(code(at: offset - length + 1 + k))
            }
            r.add(table.rows(of: hidden).row(Self.slot(z, of: sizes.tableSize)))
            count += 1
          }
        }
        let share = 1 / Float(max(count, 1))
        r.scale(by: share)
        pair.row(offset).columns(hidden..<2 * hidden).copy(x.row(offset))
      }
    }
    return (-reach..<0).flatMap { code(at: segment.rows.count + $0).copied() }
  }

  /// `trunc(|z|) mod size`; what is not a number is in no row, and its logits say so.
  package static func slot(_ z: Float, of size: Int) -> Int {
    guard z.isFinite else { return 0 }
    return Int(z.magnitude.rounded(.towardZero).truncatingRemainder(dividingBy: Float(size)))
  }
}
