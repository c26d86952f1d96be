import ArgumentParser
import Foundation
import Minke
import MinkeEvaluation

extension EvalCommand {
  struct Similarity: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sts",
      abstract: "Measure whether similarities go with those that people give.",
      discussion: """
        Each file has pairs of sentences with a score: .jsonl (sentence1, sentence2, score), .tsv or .csv. --vectors takes \
        two files for each: of the first sentences and of the second ones.

          minke eval sts stsb_test.tsv
        """)

    @Argument(help: "The files.", completion: .file())
    var files: [String]

    @OptionGroup var model: EvaluatedModel
    @OptionGroup var output: EvaluationOutput

    func run() async throws {
      let source = try await model.source(normalize: false)
      var tasks: [TaskResult] = []
      for file in files {
        let pairs = try ScoredPairs(contentsOf: URL(fileURLWithPath: file))
        let bar = ProgressBar(pairs.name)
        tasks.append(try SimilarityEvaluation().run(pairs, source, progress: bar.handler))
        bar.finish()
      }
      try (source as? FileVectors)?.checkAllUsed()
      try output.print(EvaluationReport(model: source.name, tasks: tasks))
    }
  }

  struct Agreement: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "agreement",
      abstract: "Measure how closely vectors follow those of a teacher.",
      discussion: """
        The teacher's vectors are a .npy file; the model's are another, or --texts names the texts, one a line, for the \
        model to encode.

          minke eval agreement student.npy teacher.npy
          minke eval agreement --texts sentences.txt teacher.npy --model byrne-embed
        """)

    @Argument(help: "The student's vectors, without --texts, and the teacher's.", completion: .file())
    var files: [String]

    @Option(help: ArgumentHelp("Texts for the model to encode, one a line.", valueName: "file"), completion: .file())
    var texts: String?

    @OptionGroup var model: EncoderOptions
    @OptionGroup var output: EvaluationOutput

    func validate() throws {
      let wanted = texts == nil ? 2 : 1
      if files.count != wanted {
        throw ValidationError(
          "Name \(wanted == 1 ? "the teacher's vectors" : "two files of vectors") (--help says how).")
      }
    }

    func run() async throws {
      let teacher = try Embeddings(npy: URL(fileURLWithPath: files[files.count - 1]))
      let student: Embeddings
      var name = files[0]
      if let texts {
        let encoder = try await model.load()
        name = encoder.identity.name
        var file = try FileLines(contentsOf: FilePath(texts))
        var lines: [String] = []
        while let line = try file.next() { lines.append(String(decoding: line, as: UTF8.self)) }
        let bar = ProgressBar("encoding")
        student = try await encoder.encode(
          lines, options: EncodingOptions(dimension: model.dimension, progress: bar.handler))
        bar.finish()
      } else {
        student = try Embeddings(npy: URL(fileURLWithPath: files[0]))
      }
      let task = try TeacherAgreement().run(
        name: URL(fileURLWithPath: files[files.count - 1]).lastPathComponent, student: student, teacher: teacher)
      try output.print(EvaluationReport(model: name, tasks: [task]))
    }
  }
}
