import Testing

@testable import MinkeCore

@Suite struct SharedBufferTests {
  @Test func `a buffer gives back what it was made of, also after its maker is gone`() {
    var parts: [SharedBuffer<Int32>] = []
    for start in 0..<100 as Range<Int32> { parts.append(SharedBuffer((start..<start + 1000).map { $0 })) }
    #expect(parts.enumerated().allSatisfy { $1.count == 1000 && $1[0] == $0 && $1[999] == Int32($0) + 999 })
    #expect(parts[7].copied() == Array(7..<1007))
    #expect(SharedBuffer<Float>([]).rows(of: 3).rows == 0)
  }

  @Test func `reading outside a buffer ends the program`() async {
    await #expect(processExitsWith: .failure) { _ = SharedBuffer<Int32>([1, 2, 3])[3] }
    await #expect(processExitsWith: .failure) { _ = SharedBuffer<Int32>([1, 2, 3])[-1] }
    await #expect(processExitsWith: .failure) { _ = Matrix(rows: 2, columns: 2).view.rows(1..<3) }
    await #expect(processExitsWith: .failure) { _ = Matrix(rows: 2, columns: 2).view[0, 2] }
  }
}
