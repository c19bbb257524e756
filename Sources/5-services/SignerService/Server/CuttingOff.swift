import NIOCore
import NIOSSL

extension Channel {
  /// Ends the connection at once, on its event loop.
  ///
  /// `close` over TLS says farewell first, behind everything that waits to be written: a peer that does not read could hold the
  /// socket for as long as that may take, with nobody counting it any more.
  func cutOff() {
    eventLoop.execute {
      guard let tls = try? self.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) else {
        self.close(promise: nil)
        return
      }
      tls.close(promise: nil)
    }
  }
}
