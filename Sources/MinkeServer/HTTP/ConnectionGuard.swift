import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Synchronization

/// Watches one connection: closes it when a request does not come, or a response does not go, in time, and says when the
/// client has gone.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let limit: TimeAmount
  private let clients: Clients
  /// When the request that is being read began.
  private var readingSince: NIODeadline?
  /// Since when nothing could be written although something was to be.
  private var stuckSince: NIODeadline?
  private var check: RepeatedTask?

  init(transferSeconds: Int, clients: Clients) {
    limit = .seconds(Int64(transferSeconds))
    self.clients = clients
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let interval = TimeAmount.nanoseconds(max(limit.nanoseconds / 8, 1_000_000))
    check = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
      let (handler, context) = loopBound.value
      let now = NIODeadline.now()
      for since in [handler.readingSince, handler.stuckSince].compactMap({ $0 }) where now - since > handler.limit {
        context.close(promise: nil)
        return
      }
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) { check?.cancel() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head: readingSince = .now()
    case .body: break
    case .end: readingSince = nil
    }
    context.fireChannelRead(data)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    stuckSince = context.channel.isWritable ? nil : .now()
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event { clients.hasGone(context.channel) }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    check?.cancel()
    clients.hasGone(context.channel)
    context.fireChannelInactive()
  }
}

/// The clients that wait for something long, by their connections, and what is to be done when one goes.
final class Clients: Sendable {
  private let waiting = Mutex<[ObjectIdentifier: @Sendable () -> Void]>([:])

  /// Does `work` for the client of `channel`; when the client goes, the work is cancelled.
  func whileHere<Result: Sendable>(
    _ channel: any Channel, _ work: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    let task = Task { try await work() }
    let id = ObjectIdentifier(channel)
    waiting.withLock { $0[id] = { task.cancel() } }
    if !channel.isActive { task.cancel() }
    defer { waiting.withLock { _ = $0.removeValue(forKey: id) } }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }

  func hasGone(_ channel: any Channel) { waiting.withLock { $0[ObjectIdentifier(channel)] }?() }
}

@available(*, unavailable)
extension ConnectionGuard: Sendable {}
