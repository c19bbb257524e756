import NIOCore
import NIOSSL
import SignerWire
import WireBytes

/// What the client's connection tells its owner, on the event loop.
protocol ClientHandlerOwner: AnyObject, Sendable {
  func received(_ frame: SignerFrame, on connection: UInt64)
  func ended(_ connection: UInt64, _ failure: SignerClientError?)
}

/// Cuts frames on the client's side, and checks whom the signer's certificate names before it believes a byte.
///
/// A class, since NIO's handlers are.
final class ClientHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let owner: any ClientHandlerOwner
  private let number: UInt64
  private let expectedName: String?
  private var isNameChecked = false
  private var reader = SignerFrameReader(bodySizeMax: SignerLimits.frameSizeMax)
  private var failure: SignerClientError?

  init(_ owner: any ClientHandlerOwner, _ number: UInt64, expectedName: String?) {
    self.owner = owner
    self.number = number
    self.expectedName = expectedName
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard failure == nil else { return }
    guard checkName(context) else {
      failure = .tls(.signerName)
      context.close(promise: nil)
      return
    }
    reader.append(unwrapInboundIn(data).readableBytesView)
    do throws(SignerFrameError) {
      while let frame = try reader.next() { owner.received(frame, on: number) }
    } catch {
      switch error {
      case .tooLarge(let limit, let actual):
        failure = .malformed(.form(.overLimit(limit: limit, actual: actual)))
      case .unknownKind(let kind): failure = .malformed(.tag(kind))
      }
      context.close(promise: nil)
    }
  }

  private func checkName(_ context: ChannelHandlerContext) -> Bool {
    guard let expectedName, !isNameChecked else { return true }
    guard let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate(),
      let bytes = try? certificate.toDERBytes(), let name = try? PeerCertificate.spiffeID(decoding: bytes)
    else { return false }
    isNameChecked = name == expectedName
    return isNameChecked
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let tls = SignerTLSFailure(error) { failure = failure ?? .tls(tls) }
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    owner.ended(number, failure)
    context.fireChannelInactive()
  }
}
