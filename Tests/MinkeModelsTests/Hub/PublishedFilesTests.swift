import Foundation
import MinkeCore
import Testing

@testable import MinkeModels

@Suite struct PublishedFilesTests {
  private func wanted(_ names: [String], modules: [String] = []) -> [String] {
    let files = PublishedFiles(names)
    let folders = PublishedFiles.folders(of: modules.map { ModelFolder.Module(type: "a.B", path: $0) })
    return (files.settings(in: folders) + files.weights(in: folders)).sorted()
  }

  @Test func `of a sentence-transformers repository only one form of the weights is taken`() {
    let needed = [
      "1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors", "config.json",
      "config_sentence_transformers.json", "model.safetensors", "modules.json", "sentence_bert_config.json",
      "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
    ]
    let others = [
      ".gitattributes", "2_Dense/pytorch_model.bin", "README.md", "data_config.json", "onnx/model.onnx",
      "onnx/config.json", "openvino/openvino_model.bin", "pytorch_model.bin", "rust_model.ot", "tf_model.h5",
      "train_script.py", "flax_model.msgpack", "logo.png", "model.gguf", "checkpoint-10/model.safetensors",
      "optimizer.pt",
    ]
    #expect(wanted(needed + others, modules: ["", "1_Pooling", "2_Dense"]) == needed)
  }

  @Test func `weights are taken in the order in which they are loaded`() {
    #expect(wanted(["pytorch_model.bin", "config.json"]) == ["config.json", "pytorch_model.bin"])
    let index = "model.safetensors.index.json"
    #expect(wanted([index, "pytorch_model.bin", "model-00001-of-00002.safetensors"]) == [index])
    #expect(wanted([index, "model.safetensors"]) == ["model.safetensors"])
    #expect(
      wanted(["0_Transformer/model.safetensors", "x/model.safetensors"], modules: ["0_Transformer"])
        == ["0_Transformer/model.safetensors"])
  }

  @Test func `the parts of Minke's other families are taken`() {
    let packed = ["embedding.q4_k_m.bin", "model_rest.safetensors", "modules.json", "tokenizer.json"]
    #expect(wanted(packed + ["model.safetensors"], modules: [""]) == packed)
    let head = ["config.json", "embed_head.pt", "model.safetensors", "tokenizer.json"]
    #expect(wanted(head + ["optimizer.pt", "modeling.py"]) == head)
    #expect(wanted(["binary_embedder_1024.pt", "float.pt", "README.md"]) == ["binary_embedder_1024.pt", "float.pt"])
    #expect(wanted(["binary_projection.safetensors", "model.safetensors"]).count == 2)
    #expect(wanted(["model.gguf", "README.md"]).isEmpty)
  }

  @Test func `an index names its shards, which must be there`() throws {
    let path = "model.safetensors.index.json"
    let files = PublishedFiles([path, "a.safetensors", "b.safetensors", "up/\(path)", "up/a.safetensors"])
    func shards(_ text: String, at path: String = path) throws -> [String] {
      try Array(text.utf8).withUnsafeBytes { try files.shards(of: $0, at: path) }
    }
    let index = #"{"weight_map": {"x": "b.safetensors", "y": "a.safetensors", "z": "b.safetensors"}}"#
    #expect(try shards(index) == ["a.safetensors", "b.safetensors"])
    #expect(try shards(#"{"weight_map": {"x": "a.safetensors"}}"#, at: "up/\(path)") == ["up/a.safetensors"])
    for name in ["c.safetensors", "../a.safetensors", "/a", ".."] {
      #expect(throws: MinkeError.self) { try shards("{\"weight_map\": {\"x\": \"\(name)\"}}") }
    }
  }
}
