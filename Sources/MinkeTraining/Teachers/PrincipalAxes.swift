import MinkeCore

/// The directions in which some vectors differ most (principal component analysis).
package struct PrincipalAxes: Sendable {
  /// The mean of the vectors, `[d]`.
  package let mean: [Float]
  /// The axes, `[d, d]`, a unit vector each, by falling variance.
  package let axes: Matrix
  /// The variance along each axis.
  package let variances: [Double]

  /// The axes of `vectors`, `[count, d]`.
  package init(of vectors: MatrixView, kernels level: KernelLevel = .active) {
    let (count, width) = (vectors.rows, vectors.columns)
    precondition(count > 0 && width > 0)
    var sums = [Double](repeating: 0, count: width)
    for row in 0..<count {
      let row = vectors.row(row).start
      for column in 0..<width { sums[column] += Double(row[column]) }
    }
    let mean = sums.map { Float($0 / Double(count)) }
    let centred = Matrix(rows: count, columns: width)
    let view = centred.view
    view.forEachRows { rows in
      for row in rows {
        for column in 0..<width { view[row, column] = vectors[row, column] - mean[column] }
      }
    }
    let covariance = Matrix(rows: width, columns: width)
    MatrixProducts(level)(view.read.transposed, view.read.plain, into: covariance.view)
    let (values, vectorsOf) = Self.eigen(covariance.copied().map { Double($0) / Double(count) }, size: width)
    let order = values.indices.sorted { values[$0] > values[$1] }
    self.mean = mean
    axes = Matrix(order.flatMap { axis in (0..<width).map { Float(vectorsOf[$0 * width + axis]) } }, columns: width)
    variances = order.map { max(0, values[$0]) }
    extendLifetime(centred)
  }

  /// What `vectors` `[count, d]` are along the first `size` axes, `[count, size]`.
  package func project(_ vectors: MatrixView, to size: Int, kernels level: KernelLevel = .active) -> Matrix {
    precondition(size <= mean.count && vectors.columns == mean.count)
    let projected = Matrix(rows: vectors.rows, columns: size)
    // A shift of all vectors is one row to take away from the product.
    let shift = Matrix(rows: 1, columns: size)
    let meanMatrix = Matrix(mean.map { -$0 }, columns: mean.count)
    let products = MatrixProducts(level)
    let axes = axes.view.read.rows(0..<size)
    products(meanMatrix.view.read.plain, axes.transposed, into: shift.view)
    products(vectors.plain, axes.transposed, bias: shift.view.read, into: projected.view)
    extendLifetime(meanMatrix)
    extendLifetime(shift)
    return projected
  }

  /// The eigenvalues of the symmetric `matrix` `[size, size]` and its eigenvectors as columns, by Jacobi's rotations.
  static func eigen(_ matrix: [Double], size: Int) -> (values: [Double], vectors: [Double]) {
    var a = matrix
    var v = (0..<size * size).map { $0 / size == $0 % size ? 1.0 : 0 }
    let total = a.reduce(0) { $0 + $1 * $1 }
    a.withUnsafeMutableBufferPointer { a in
      v.withUnsafeMutableBufferPointer { v in
        // Each sweep goes through all pairs; they settle quadratically, in about ten.
        for _ in 0..<60 {
          var rest = 0.0
          for i in 0..<size { for j in 0..<i { rest += a[i * size + j] * a[i * size + j] } }
          if rest <= 1e-22 * total { break }
          for p in 0..<size {
            for q in p + 1..<max(p + 1, size) { rotate(a, v, size, p, q) }
          }
        }
      }
    }
    return ((0..<size).map { a[$0 * size + $0] }, v)
  }

  /// Turns the axes p and q so that the number between them becomes 0.
  private static func rotate(
    _ a: UnsafeMutableBufferPointer<Double>, _ v: UnsafeMutableBufferPointer<Double>, _ size: Int, _ p: Int, _ q: Int
  ) {
    let between = a[p * size + q]
    guard between != 0 else { return }
    let theta = (a[q * size + q] - a[p * size + p]) / (2 * between)
    let tangent = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
    let cosine = 1 / (tangent * tangent + 1).squareRoot()
    let sine = tangent * cosine
    for k in 0..<size {
      let (x, y) = (a[k * size + p], a[k * size + q])
      a[k * size + p] = cosine * x - sine * y
      a[k * size + q] = sine * x + cosine * y
    }
    for k in 0..<size {
      let (x, y) = (a[p * size + k], a[q * size + k])
      a[p * size + k] = cosine * x - sine * y
      a[q * size + k] = sine * x + cosine * y
      let (s, t) = (v[k * size + p], v[k * size + q])
      v[k * size + p] = cosine * s - sine * t
      v[k * size + q] = sine * s + cosine * t
    }
  }
}
