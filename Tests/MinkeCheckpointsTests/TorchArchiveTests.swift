import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeCheckpoints

@Suite struct TorchArchiveTests {
  @Test func `a published kind of archive gives its tensors without copying them`() throws {
    let checkpoint = try Checkpoint(contentsOf: Fixture.url("bne-tiny/binary_embedder_128.pt"))
    #expect(checkpoint.tensors.count == 43)
    let weight = try checkpoint.tensor("projection.0.weight")
    #expect(weight.elementType == .float32)
    let floats = try weight.floats(shape: [128, nil], requiringFinite: true)
    #expect(floats.count == 128 * weight.shape[1])
    #expect(UnsafeRawPointer(floats.baseAddress) == UnsafeRawPointer(weight.bytes().baseAddress))
    let head = try Checkpoint(contentsOf: Fixture.url("byrne-embed-tiny/embed_head.pt"))
    #expect(head.tensorNames == ["0.bias", "0.weight", "2.bias", "2.weight"])
    #expect(try head.tensor("0.weight").shape == [96, 64])
  }

  @Test func `views, types and nesting are read as PyTorch wrote them`() throws {
    let file = try Checkpoint(contentsOf: Fixture.url("torch/variety.pt"))
    func floats(_ name: String) throws -> [Float] { try file.tensor("state_dict.\(name)").floats().array }
    func integers(_ name: String) throws -> [Int] { try file.tensor("state_dict.\(name)").integers() }
    #expect(try floats("weight") == (0..<12).map(Float.init))
    #expect(try floats("transposed") == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
    #expect(try file.tensor("state_dict.transposed").shape == [4, 3])
    #expect(try floats("row") == [4, 5, 6, 7])
    #expect(try floats("column") == [2, 6, 10])
    #expect(try floats("block") == [5, 6, 9, 10])
    #expect(try floats("expanded") == [7, 7, 7, 7, 7, 7])
    #expect(try floats("scalar") == [2.5])
    #expect(try file.tensor("state_dict.scalar").shape == [])
    #expect(try file.tensor("state_dict.empty").floats(shape: [0, 3]).count == 0)
    #expect(try floats("half") == [1, -2])
    #expect(try floats("bfloat") == [1, -3])
    #expect(try floats("double") == [0.1, 1e10])
    #expect(try integers("long") == [-(1 << 40), 5])
    #expect(try integers("int") == [-7])
    #expect(try integers("short") == [-300])
    #expect(try integers("char") == [-5])
    #expect(try integers("byte") == [200])
    #expect(try integers("bool") == [1, 0])
    #expect(try file.tensor("history.0").integers() == [1])
    #expect(try file.tensor("history.1.0").integers() == [2])
    #expect(try file.tensor("optimizer.state.0.step").floats().array == [4])
    #expect(file.tensors.count == 20)
    let newer = try Checkpoint(contentsOf: Fixture.url("torch/protocol4.pt"))
    #expect(try newer.tensor("a").floats(shape: [4, 3])[1] == 4)
  }

  @Test func `a view that turns the sign of what it shows is refused`() throws {
    let error = try minkeError { _ = try Checkpoint(contentsOf: Fixture.url("torch/negated.pt")) }
    #expect(error.kind == .unsupportedFile && error.found == "one marked \"neg\"")
  }

  @Test(arguments: ["legacy", "legacy4"]) func `the form before PyTorch 1_6 is named as such`(name: String) throws {
    let error = try minkeError { _ = try Checkpoint(contentsOf: Fixture.url("torch/\(name).pt")) }
    #expect(error.kind == .unsupportedFile)
    #expect(error.found.hasPrefix("the older form of torch.save"))
  }

  @Test func `what is written is read again`() throws {
    let tensors = [
      try Tensor(name: "b.weight", shape: [2, 2], floats: [1, 2, 3, .infinity]),
      try Tensor(name: "ä", shape: [], integers: [-5]),
      try Tensor(name: "half", elementType: .bfloat16, shape: [1, 2], bytes: shared([0x80, 0x3f, 0x40, 0xc0])),
      try Tensor(name: "none", shape: [0, 4], floats: []),
    ]
    try Fixture.withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.pt")
      try TorchArchive.write(tensors, to: url)
      let read = try Checkpoint(contentsOf: url)
      #expect(read.tensors.count == 4)
      for tensor in tensors {
        let again = try read.tensor(tensor.name)
        #expect(again.elementType == tensor.elementType)
        #expect(again.shape == tensor.shape)
        #expect(again.bytes().array == tensor.bytes().array)
        #expect(tensor.count == 0 || UInt(bitPattern: again.bytes().baseAddress) % 64 == 0)
      }
      #expect(try minkeError { try TorchArchive.write([tensors[0], tensors[0]], to: url) }.kind == .invalidArgument)
    }
  }

  @Test func `every truncation of an archive is an error`() throws {
    let file = Array(try Data(contentsOf: Fixture.url("torch/protocol4.pt")))
    for count in 0..<file.count { _ = try minkeError { _ = try Checkpoint(Array(file[..<count])) } }
  }

  @Test func `the checksum is the one of zip files`() {
    func checksum(_ text: String) -> UInt32 { Array(text.utf8).withUnsafeBytes { CRC32.checksum($0) } }
    #expect(checksum("") == 0)
    #expect(checksum("123456789") == 0xcbf4_3926)
    #expect(checksum("The quick brown fox jumps over the lazy dog") == 0x414f_a339)
  }
}
