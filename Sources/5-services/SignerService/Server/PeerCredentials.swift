import Foundation
import NIOCore

/// Who is at the other end of a unix socket, as the kernel says.
enum PeerCredentials {
  enum Failure: Error {
    case unavailable
  }

  static func userID(of channel: any Channel) -> EventLoopFuture<UInt32> {
    #if os(Linux)
      guard let options = channel as? any SocketOptionProvider else {
        return channel.eventLoop.makeFailedFuture(Failure.unavailable)
      }
      // SO_PEERCRED of unix(7), the credentials at the time of connect(2): pid, uid, gid, 32 bits each.
      return options.unsafeGetSocketOption(level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
        .map { (credentials: InlineArray<3, UInt32>) in credentials[1] }
    #else
      // Who connects cannot be told, so nobody may.
      return channel.eventLoop.makeFailedFuture(Failure.unavailable)
    #endif
  }
}
