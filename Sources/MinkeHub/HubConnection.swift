import MinkeCore
import NIOCore
import NIOExtras
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A connection for one request.
struct HubConnection {
  /// How long the making of a connection may take, and how long the other side may say nothing after that.
  private static let longestSilence = TimeAmount.seconds(30)
  private static let longestConnecting = TimeAmount.seconds(10)

  /// The bytes behind the head of an answer, as they come.
  struct Body {
    fileprivate var parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator

    /// The next bytes; nil when all have come.
    ///
    /// - Throws: what the connection ended with, when it ended too early.
    mutating func next() async throws -> ByteBuffer? {
      while let part = try await parts.next() {
        switch part {
        case .head: continue
        case .body(let bytes): return bytes
        case .end: return nil
        }
      }
      throw ChannelError.eof
    }

    /// All bytes, at most `limit` of them.
    ///
    /// - Throws: also `NIOTooManyBytesError`.
    mutating func collect(upTo limit: Int) async throws -> ByteBuffer {
      var all = ByteBuffer()
      while var bytes = try await next() {
        guard all.readableBytes + bytes.readableBytes <= limit else { throw NIOTooManyBytesError(maxBytes: limit) }
        all.writeBuffer(&bytes)
      }
      return all
    }
  }

  private typealias Channel = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

  /// Sends `head` to `origin` and calls `receive` with what comes back.
  ///
  /// - Parameters:
  ///   - proxy: by which proxy; nil for none.
  ///   - tls: how to know the other side.
  /// - Throws: what the connection ended with, and whatever `receive` throws.
  static func send<Result: Sendable>(
    _ head: HTTPRequestHead, to origin: Origin, by proxy: HubProxies.Proxy?, tls: NIOSSLContext,
    _ receive: (HTTPResponseHead, inout Body) async throws -> Result
  ) async throws -> Result {
    let channel = try await open(origin, by: proxy, tls: tls)
    // What ends the connection after the result is there does not matter.
    var result: Result?
    do {
      try await channel.executeThenClose { inbound, outbound in
        try await outbound.write(.head(head))
        try await outbound.write(.end(nil))
        var parts = inbound.makeAsyncIterator()
        while let part = try await parts.next() {
          // Answers below 200 only announce the one that counts.
          guard case .head(let answer) = part, answer.status.code >= 200 else { continue }
          var body = Body(parts: parts)
          result = try await receive(answer, &body)
          return
        }
        try Task.checkCancellation()
        throw ChannelError.eof
      }
    } catch {
      guard let result else { throw error }
      return result
    }
    guard let result else { throw ChannelError.eof }
    return result
  }

  private static func open(_ origin: Origin, by proxy: HubProxies.Proxy?, tls: NIOSSLContext) async throws -> Channel {
    let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connectTimeout(longestConnecting)
    let connection = try await bootstrap.connect(host: proxy?.host ?? origin.host, port: proxy?.port ?? origin.port)
      .get()
    do {
      if let proxy { try await tunnel(through: proxy, to: origin, connection) }
      return try await connection.eventLoop.submit {
        let pipeline = connection.pipeline.syncOperations
        if origin.scheme == "https" {
          // An address of numbers has no name to tell the server.
          let isNumeric = (try? SocketAddress(ipAddress: origin.host, port: 0)) != nil
          try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: isNumeric ? nil : origin.host))
        }
        try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
        try pipeline.addHandler(IdleStateHandler(readTimeout: longestSilence))
        try pipeline.addHandler(SilenceHandler())
        return try NIOAsyncChannel(wrappingChannelSynchronously: connection)
      }.get()
    } catch {
      try? await connection.close()
      throw error
    }
  }

  /// Asks `proxy` to hand everything on to `origin`.
  private static func tunnel(
    through proxy: HubProxies.Proxy, to origin: Origin, _ connection: any NIOCore.Channel
  ) async throws {
    var headers: HTTPHeaders = ["host": "\(origin.host):\(origin.port)"]
    if let credentials = proxy.credentials {
      headers.add(name: "proxy-authorization", value: "Basic \(Data(credentials.utf8).base64EncodedString())")
    }
    let tunneled = connection.eventLoop.makePromise(of: Void.self)
    let added = connection.eventLoop.submit { [headers] in
      let (encoder, decoder) = (HTTPRequestEncoder(), HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes))
      let handlers: [any RemovableChannelHandler] = [
        encoder, ByteToMessageHandler(decoder),
        NIOHTTP1ProxyConnectHandler(
          targetHost: origin.host, targetPort: origin.port, headers: headers, deadline: .now() + longestConnecting,
          promise: tunneled),
      ]
      for handler in handlers { try connection.pipeline.syncOperations.addHandler(handler) }
      return NIOLoopBound(handlers, eventLoop: connection.eventLoop)
    }
    added.whenFailure { tunneled.fail($0) }
    let handlers = try await added.get()
    try await tunneled.futureResult.get()
    try await connection.eventLoop.flatSubmit {
      EventLoopFuture.andAllSucceed(
        handlers.value.map { connection.pipeline.syncOperations.removeHandler($0) }, on: connection.eventLoop)
    }.get()
  }
}

/// Ends a connection whose other side says nothing for too long.
private final class SilenceHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias InboundOut = HTTPClientResponsePart

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event is IdleStateHandler.IdleStateEvent else { return context.fireUserInboundEventTriggered(event) }
    context.fireErrorCaught(IOError(errnoCode: ETIMEDOUT, reason: "read"))
    context.close(promise: nil)
  }
}
