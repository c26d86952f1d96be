import MinkeCore
import MinkeModels

extension Tape {
  /// Streams that all begin with `x`, side by side, `[tokens, count * hidden]`.
  package func streams(_ x: Variable, count: Int) -> Variable {
    let y = result(x.rows, count * x.columns, of: [x])
    let (from, to, width) = (x.value, y.value, x.columns)
    to.forEachRows { rows in
      for stream in 0..<count {
        to.rows(rows).columns(stream * width..<(stream + 1) * width).copy(from.rows(rows).read)
      }
    }
    record(y) { [kernels] in
      let (dx, dy) = (x.gradient, y.gradient)
      dx.forEachRows { rows in
        for row in rows {
          for stream in 0..<count { kernels.add(dx.row(row).start, dy.row(row).start + stream * width, 1, width) }
        }
      }
    }
    return y
  }

  /// What a hyper-connection reads from streams: `sum of softmax(logits)_i X_i`, `[tokens, hidden]`.
  package func read(_ streams: Variable, _ logits: Parameter) -> Variable {
    let count = logits.columns
    let width = streams.columns / count
    let y = result(streams.rows, width, of: [streams, logits])
    let shares = HyperConnection.softmax(logits.copied())
    let (from, to) = (streams.value, y.value)
    to.forEachRows { [kernels] rows in
      for row in rows {
        to.row(row).set(from.row(row).columns(0..<width).read, times: shares[0])
        for stream in 1..<count {
          kernels.add(to.row(row).start, from.row(row).start + stream * width, shares[stream], width)
        }
      }
    }
    record(y) { [kernels, unowned self] in
      let (dx, dy) = (streams.gradient, y.gradient)
      let dshares = zeros(1, count)
      reduceRows(dx.rows, columns: count, into: dshares) { rows, sum in
        for row in rows {
          let dy = dy.row(row).start
          for stream in 0..<count {
            let place = stream * width
            sum[stream] += kernels.dot(from.row(row).start + place, dy, width)
            kernels.add(dx.row(row).start + place, dy, shares[stream], width)
          }
        }
      }
      addSoftmaxGradient(shares, dshares, to: logits)
    }
    return y
  }

  /// Streams after a hyper-connection wrote to them: `X_i + n softmax(logits)_i out`, for `n` streams.
  ///
  /// - Parameter streams: `[tokens, n * hidden]`, which nothing after this uses.
  package func write(_ out: Variable, to streams: Variable, _ logits: Parameter) -> Variable {
    let count = logits.columns
    let width = out.columns
    precondition(streams.columns == count * width)
    let y = result(streams.rows, streams.columns, of: [streams, out, logits])
    let shares = HyperConnection.softmax(logits.copied())
    let (from, to, change) = (streams.value, y.value, out.value)
    to.forEachRows { [kernels] rows in
      to.rows(rows).copy(from.rows(rows).read)
      for row in rows {
        for stream in 0..<count {
          kernels.add(
            to.row(row).start + stream * width, change.row(row).start, Float(count) * shares[stream], width)
        }
      }
    }
    record(y) { [kernels, unowned self] in
      let (dout, dy) = (out.gradient, y.gradient)
      let dshares = zeros(1, count)
      reduceRows(dout.rows, columns: count, into: dshares) { rows, sum in
        for row in rows {
          for stream in 0..<count {
            let dy = dy.row(row).start + stream * width
            sum[stream] += Float(count) * kernels.dot(dy, change.row(row).start, width)
            kernels.add(dout.row(row).start, dy, Float(count) * shares[stream], width)
          }
        }
      }
      addSoftmaxGradient(shares, dshares, to: logits)
      pass(gradientOf: y, to: [streams])
    }
    return y
  }

  /// Adds the gradient of `logits` for that of `shares`, their softmax.
  private func addSoftmaxGradient(_ shares: [Float], _ gradient: MutableMatrixView, to logits: Parameter) {
    let mean = shares.indices.reduce(Float(0)) { $0 + shares[$1] * gradient[0, $1] }
    for index in shares.indices { logits.gradient[0, index] += shares[index] * (gradient[0, index] - mean) }
  }
}
