import Hummingbird
import MinkeCore
import MinkeModels
import NIOCore

/// The pieces of a text that is being generated, from the task that makes them to the response that sends them.
struct GenerationStream: Sendable {
  private let pieces: AsyncThrowingStream<GeneratedPiece, any Error>
  private let maker: Task<Void, Never>

  /// Begins to generate; it ends when the client of `channel` goes.
  init(
    for channel: any Channel, _ clients: Clients,
    _ generate: @escaping @Sendable (@escaping @Sendable (GeneratedPiece) -> Void) async throws -> Void
  ) {
    let (pieces, continuation) = AsyncThrowingStream<GeneratedPiece, any Error>.makeStream()
    self.pieces = pieces
    maker = Task {
      do {
        try await clients.whileHere(channel) { try await generate { continuation.yield($0) } }
        continuation.finish()
      } catch {
        continuation.finish(throwing: error)
      }
    }
  }

  /// The response that sends the pieces as events.
  ///
  /// - Parameters:
  ///   - first: the event before all others; nil for none.
  ///   - event: the event of a piece.
  ///   - last: the events after the last piece.
  /// - Throws: what generating threw before the first piece, so that it becomes a status.
  func response(
    first: JSONValue?, event: @escaping @Sendable (GeneratedPiece) -> [JSONValue],
    last: @escaping @Sendable (ChatDesk.Outcome) -> [JSONValue]
  ) async throws -> Response {
    let iterator = PieceIterator(pieces)
    let maker = maker
    let begin = try await withTaskCancellationHandler {
      try await iterator.next()
    } onCancel: {
      maker.cancel()
    }
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache"],
      body: ResponseBody { writer in
        defer { maker.cancel() }
        var outcome = ChatDesk.Outcome()
        var buffer = ByteBuffer()
        if let first { buffer.writeEvent(first) }
        do {
          var next = begin
          while let piece = next {
            outcome.take(piece)
            for json in event(piece) { buffer.writeEvent(json) }
            if buffer.readableBytes > 0 { try await writer.write(buffer) }
            buffer.clear()
            next = try await iterator.next()
          }
          for json in last(outcome) { buffer.writeEvent(json) }
          buffer.writeString("data: [DONE]\n\n")
        } catch is CancellationError {
          throw CancellationError()
        } catch {
          buffer.writeEvent(Failure(error).json)
        }
        try await writer.write(buffer)
        try await writer.finish(nil)
      })
  }

  /// All pieces, when the last has come.
  func whole() async throws -> (ChatDesk.Outcome, [GeneratedPiece]) {
    try await withTaskCancellationHandler {
      var outcome = ChatDesk.Outcome()
      var all: [GeneratedPiece] = []
      for try await piece in pieces {
        outcome.take(piece)
        all.append(piece)
      }
      return (outcome, all)
    } onCancel: {
      maker.cancel()
    }
  }

  /// The one place that takes pieces, handed from the request to its response.
  private final class PieceIterator: Sendable {
    // SAFETY: the request takes the first piece and is done before its response takes the next; neither asks twice at
    // a time.
    nonisolated(unsafe) private var iterator: AsyncThrowingStream<GeneratedPiece, any Error>.Iterator

    init(_ pieces: AsyncThrowingStream<GeneratedPiece, any Error>) { iterator = pieces.makeAsyncIterator() }

    func next() async throws -> GeneratedPiece? { try await iterator.next() }
  }
}

extension ByteBuffer {
  /// Appends an event of a stream (`text/event-stream`).
  mutating func writeEvent(_ json: JSONValue) {
    writeString("data: ")
    writeString(json.text)
    writeString("\n\n")
  }
}
