import Foundation
import MinkeCore
import MinkeLayers
import MinkeText
import Testing

@testable import MinkeTraining

// The number of threads is of the whole process, so these run one after the other.
@Suite("Operations of transformers against finite differences", .serialized)
struct TransformerOperationTests {
  private func map(_ x: Table, _ function: (Double) -> Double) -> Table {
    Table(rows: x.rows, columns: x.columns, x.numbers.map(function))
  }

  private func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }

  private func softmax(_ x: [Double]) -> [Double] {
    let powers = x.map { exp($0 - (x.max() ?? 0)) }
    return powers.map { $0 / powers.reduce(0, +) }
  }

  private func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }

  // MARK: Activations and norms

  @Test(arguments: [1, 16, 45]) func gelu(columns: Int) {
    expectGradients(
      [.random(9, columns, size: 5, seed: 1)], plain: { map($0[0]) { $0 * erfc(-$0 / 2.0.squareRoot()) / 2 } },
      operation: { $0.gelu($1[0]) })
  }

  @Test(arguments: [1, 16, 45]) func silu(columns: Int) {
    expectGradients(
      [.random(9, columns, size: 9, seed: 1)], plain: { map($0[0], silu) }, operation: { $0.silu($1[0]) })
  }

  @Test(arguments: [1, 16, 45]) func swiGLU(columns: Int) {
    expectGradients(
      [.random(9, 2 * columns, size: 4, seed: 1)],
      plain: { t in Table(rows: 9, columns: columns) { silu(t[0][$0, $1]) * t[0][$0, columns + $1] } },
      operation: { $0.swiGLU($1[0]) })
  }

  @Test(arguments: [(1, 37), (1, 16), (3, 16), (2, 5)]) func rmsNorm(parts: Int, width: Int) {
    expectGradients(
      [.random(40, parts * width, seed: 1), .random(1, width, seed: 2)],
      plain: { t in
        Table(rows: 40, columns: parts * width) { row, column in
          let start = column / width * width
          let x = t[0].row(row)[start..<start + width]
          let scale = 1 / (x.reduce(0) { $0 + $1 * $1 } / Double(width) + 1e-6).squareRoot()
          return t[0][row, column] * scale * t[1][0, column % width]
        }
      },
      operation: { $0.rmsNorm($1[0], weight: $1[1], epsilon: 1e-6) })
  }

  @Test func layerNormOfASum() {
    expectGradients(
      [.random(40, 21, seed: 1), .random(40, 21, seed: 2), .random(1, 21, seed: 3), .random(1, 21, seed: 4)],
      plain: { t in
        Table(rows: 40, columns: 21) { row, column in
          let x = zip(t[0].row(row), t[1].row(row)).map { $0 + $1 }
          let mean = x.reduce(0, +) / 21
          let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 21
          return (x[column] - mean) / (variance + 1e-5).squareRoot() * t[2][0, column] + t[3][0, column]
        }
      },
      operation: { $0.layerNorm($1[0], plus: $1[1], weight: $1[2], bias: $1[3], epsilon: 1e-5) })
  }

  @Test func linearLayersSideBySide() {
    expectGradients(
      [.random(30, 7, seed: 1), .random(5, 7, seed: 2), .random(1, 5, seed: 3), .random(4, 7, seed: 4)],
      plain: { t in
        Table(rows: 30, columns: 9) { row, output in
          output < 5
            ? dot(t[0].row(row), t[1].row(output)) + t[2][0, output] : dot(t[0].row(row), t[3].row(output - 5))
        }
      },
      operation: { $0.linear($1[0], sideBySide: [($1[1], $1[2]), ($1[3], nil)]) })
  }

  /// One matrix goes to both: their gradients must not be one memory.
  @Test func aSumPassesItsGradientToBoth() {
    expectGradients(
      [.random(6, 5, seed: 1), .random(6, 5, seed: 2), .random(5, 5, seed: 3)],
      plain: { t in
        Table(rows: 6, columns: 5) { row, column in
          let (x, y) = (dot(t[0].row(row), t[2].row(column)), dot(t[1].row(row), t[2].row(column)))
          return x + y + tanh(x) + y
        }
      },
      operation: { tape, inputs in
        let (x, y) = (tape.linear(inputs[0], inputs[2]), tape.linear(inputs[1], inputs[2]))
        let (a, b) = (tape.tanh(x), tape.add(y, y))
        return tape.add(tape.add(x, a), b)
      })
  }

  // MARK: Attention

  private func attention(
    _ x: Table, heads: Int, texts: [Range<Int>], size: Int, sees: (_ row: Int, _ text: Range<Int>) -> Range<Int>,
    query: (Int, Int) -> [Double], key: (Int, Int) -> [Double], value: (Int, Int) -> [Double]
  ) -> Table {
    var rows: [[Double]] = []
    for text in texts {
      for row in text {
        rows.append(
          (0..<heads).flatMap { head in
            let seen = sees(row, text)
            let shares = softmax(seen.map { dot(query(row, head), key($0, head)) / Double(size).squareRoot() })
            return (0..<size).map { column in
              zip(seen, shares).reduce(0) { $0 + value($1.0, head)[column] * $1.1 }
            }
          })
      }
    }
    return Table(rows: rows.count, columns: heads * size, rows.flatMap { $0 })
  }

  @Test func attentionOfAllToAll() {
    let texts = [0..<5, 5..<6, 6..<25, 25..<25]
    expectGradients(
      [.random(25, 3 * 18, seed: 1)],
      plain: { t in
        func part(_ row: Int, _ start: Int) -> [Double] { Array(t[0].row(row)[start..<start + 9]) }
        return attention(
          t[0], heads: 2, texts: texts, size: 9, sees: { $1 }, query: { part($0, 9 * $1) },
          key: { part($0, 18 + 9 * $1) }, value: { part($0, 36 + 9 * $1) })
      },
      operation: { $0.attention($1[0], heads: 2, texts: texts) })
  }

  @Test func causalAttention() {
    let texts = [0..<67, 67..<68, 68..<72]
    expectGradients(
      [.random(72, 12, seed: 1), .random(72, 4, seed: 2), .random(72, 4, seed: 3)],
      plain: { t in
        attention(
          t[0], heads: 3, texts: texts, size: 4, sees: { $1.lowerBound..<$0 + 1 },
          query: { Array(t[0].row($0)[4 * $1..<4 * $1 + 4]) }, key: { row, _ in t[1].row(row) },
          value: { row, _ in t[2].row(row) })
      },
      operation: { $0.causalAttention(queries: $1[0], keys: $1[1], values: $1[2], texts: texts) })
  }

  @Test func exclusiveAttention() {
    expectGradients(
      [.random(30, 15, seed: 1), .random(30, 5, seed: 2)],
      plain: { t in
        Table(rows: 30, columns: 15) { row, column in
          let (start, v) = (column / 5 * 5, t[1].row(row))
          let length = dot(v, v).squareRoot() + 1e-8
          let y = Array(t[0].row(row)[start..<start + 5])
          return y[column - start] - dot(y, v) * v[column - start] / (length * length)
        }
      },
      // A number that needs a gradient of its own to be passed on.
      operation: { tape, inputs in tape.exclusive(tape.add(inputs[0], tape.zeros(like: inputs[0])), values: inputs[1]) }
    )
  }

  @Test func rotation() {
    let texts = [0..<9, 9..<10, 10..<16]
    let rotary = RotaryEmbedding(positions: 10, half: 2, theta: 100)
    expectGradients(
      [.random(16, 14, seed: 1)],
      plain: { t in
        Table(rows: 16, columns: 14) { row, column in
          let position = Double(row - (texts.first { $0.contains(row) }?.lowerBound ?? 0))
          let (part, place) = (column / 7 * 7, column % 7)
          guard place >= 3 else { return t[0][row, column] }
          let j = (place - 3) % 2
          let angle = position * pow(100, -Double(j) / 2)
          let (a, b) = (t[0][row, part + 3 + j], t[0][row, part + 5 + j])
          return place < 5 ? a * cos(angle) - b * sin(angle) : a * sin(angle) + b * cos(angle)
        }
      },
      operation: { $0.rotated($1[0], by: rotary, parts: 2, texts: texts) })
  }

  // MARK: Parts of SpikeWhale

  @Test func hyperConnections() {
    expectGradients(
      [.random(40, 6, seed: 1), .random(40, 6, seed: 2), .random(1, 3, seed: 3), .random(1, 3, seed: 4)],
      plain: { t in
        let (read, write) = (softmax(t[2].row(0)), softmax(t[3].row(0)))
        return Table(rows: 40, columns: 6) { row, column in
          let x = t[0][row, column]
          let streams: [Double] = write.map { x + 3 * $0 * t[1][row, column] }
          let h = tanh(dot(read, streams))
          // Written once more, so that streams differ when they are read.
          let again: [Double] = zip(streams, write).map { $0 + 3 * $1 * h }
          return dot(read, again)
        }
      },
      operation: { tape, inputs in
        var streams = tape.streams(inputs[0], count: 3)
        streams = tape.write(inputs[1], to: streams, inputs[3])
        streams = tape.write(tape.tanh(tape.read(streams, inputs[2])), to: streams, inputs[3])
        return tape.read(streams, inputs[2])
      })
  }

  @Test func engramGate() {
    expectGradients(
      [.random(40, 19, size: 2, seed: 1), .random(40, 19, seed: 2)] + (3..<6).map { .random(1, 19, seed: $0) },
      plain: { t in
        Table(rows: 40, columns: 19) { row, column in
          let z = t[2][0, column] * t[0][row, column] + t[3][0, column]
          return t[4][0, column] * (erf(z) + 1) / 2 * t[1][row, column]
        }
      },
      operation: { $0.engramGate($1[0], $1[1], alpha: $1[2], bias: $1[3], gamma: $1[4]) })
  }

  @Test func meanOfMatrices() {
    expectGradients(
      (1...3).map { .random(5, 8, seed: $0) },
      plain: { t in Table(rows: 5, columns: 8) { (t[0][$0, $1] + t[1][$0, $1] + t[2][$0, $1]) / 3 } },
      operation: { $0.mean(of: $1) })
  }

  @Test func refinement() {
    expectGradients(
      [.random(20, 6, seed: 1), .random(20, 6, seed: 2), .random(1, 2, seed: 3)],
      plain: { t in
        Table(rows: 20, columns: 12) { row, column in
          column < 6
            ? t[0][row, column] + tanh(t[2][0, 1]) * t[1][row, column] : t[1][row, column - 6]
        }
      },
      operation: { tape, inputs in
        tape.sideBySide(tape.add(inputs[0], inputs[1], gate: inputs[2], at: 1), inputs[1])
      })
  }

  @Test func rowsBelowRows() {
    expectGradients(
      [.random(3, 6, seed: 1), .random(4, 6, seed: 2)],
      plain: { t in Table(rows: 7, columns: 6, t[0].numbers + t[1].numbers) }, operation: { $0.stacked($1[0], $1[1]) })
  }

  @Test func meanOverTexts() {
    let texts = [0..<3, 3..<3, 3..<10]
    expectGradients(
      [.random(10, 18, seed: 1)],
      plain: { t in
        Table(rows: 3, columns: 18) { text, column in
          texts[text].reduce(0) { $0 + t[0][$1, column] } / Double(max(1, texts[text].count))
        }
      },
      operation: { $0.mean($1[0], over: texts) })
  }

  // MARK: Losses

  @Test(arguments: [nil, 7]) func vocabularyLoss(block: Int?) {
    let targets = (0..<20).map { (row: Int) -> TokenID? in row % 5 == 4 ? nil : TokenID(row * 7 % 33) }
    expectGradients(
      [.random(20, 6, size: 3, seed: 1), .random(33, 6, size: 2, seed: 2)],
      plain: { t in
        var total = 0.0
        for (row, target) in targets.enumerated() {
          guard let target else { continue }
          let logits: [Double] = (0..<33).map { dot(t[0].row(row), t[1].row($0)) }
          let z = log(logits.map { exp($0) }.reduce(0, +))
          total += (z - logits[Int(target)] + 0.02 * z * z) / 16
        }
        return Table(rows: 1, columns: 1, [total])
      },
      operation: { tape, inputs in
        let parts = tape.vocabularyLoss(inputs[0], inputs[1], targets: targets, squareWeight: 0.02, block: block)
        return tape.sum([(parts.crossEntropy, 1), (parts.squares, 0.02)])
      })
  }

  @Test func bitTerms() {
    expectGradients(
      [.random(9, 12, seed: 1)],
      plain: { t in
        let columns = (0..<12).map { column in (0..<9).map { t[0][$0, column] } }
        let means = columns.map { $0.reduce(0, +) / 9 }
        let imbalance = means.reduce(0) { $0 + $1 * $1 / 4 } / 12
        let normed = zip(columns, means).map { column, mean in
          let deviation = (column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 8).squareRoot() + 1e-6
          return column.map { ($0 - mean) / deviation }
        }
        var correlation = 0.0
        for a in 0..<12 {
          for b in 0..<12 where a != b { correlation += pow(dot(normed[a], normed[b]) / 9, 2) / 12 }
        }
        return Table(rows: 1, columns: 1, [3 * imbalance + 0.5 * correlation])
      },
      operation: { tape, inputs in
        tape.sum([(tape.bitImbalance(inputs[0]), 3), (tape.bitCorrelation(inputs[0]), 0.5)])
      })
  }
}

extension Tape {
  fileprivate func zeros(like x: Variable) -> Variable { constant(zeros(x.rows, x.columns).read) }
}
