import Digests
import SignatureSchemes
public import WireBytes

/// Why bytes are no message of a ceremony.
public enum CeremonyMessageError: Error, Hashable, Sendable {
  case wire(WireError)
  case version(UInt8)
  case kind(UInt8)
  case senderZero
  /// A package, a confirmation or a complaint goes to all, and a share to one other member.
  case receiver(UInt16)
  case body(Int, limit: Int)
}

/// A signed message of a key generation: opaque bytes to whatever carries it.
public struct CeremonyMessage: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
    /// Round one, to all: commitments to a polynomial, proof that its constant term is known, a key to seal shares to.
    case package = 1
    /// Round two, to one: its share, sealed; and which packages the sender has.
    case share = 2
    /// Round three, to all: which transcript and which key the sender came to.
    case confirmation = 3
    /// To all, instead of a confirmation: a share that is bad, with what others need to see it.
    case complaint = 4
  }

  public static let bodySizeMax = 7_936
  public static let sizeMax = 8_192

  /// The digest of the ceremony's plan.
  public let ceremony: Bytes32
  public let kind: Kind
  public let sender: ParticipantIdentifier
  /// Nil for all.
  public let receiver: ParticipantIdentifier?
  public let body: [UInt8]
  public let signature: Bytes64

  /// What the sender signs: a tag, the header and the hash of the body, so that the signature can be shown to others
  /// without the body.
  static func preimage(
    ceremony: Bytes32, kind: Kind, sender: ParticipantIdentifier, receiver: ParticipantIdentifier?,
    bodyHash: Bytes32
  ) -> [UInt8] {
    var bytes = [UInt8]("causeway/key-generation/message/v1".utf8)
    bytes.append(0)
    bytes.append(ceremony)
    bytes.append(kind.rawValue)
    bytes.append(bigEndian: sender.number)
    bytes.append(bigEndian: receiver?.number ?? 0)
    bytes.append(bodyHash)
    return bytes
  }

  var bodyHash: Bytes32 { SHA256Hash.hash(body) }

  /// Signs; nil when the identity gives no signature that holds.
  package init?(
    ceremony: Bytes32, kind: Kind, sender: ParticipantIdentifier, receiver: ParticipantIdentifier?,
    body: [UInt8], identity: CeremonyIdentity
  ) {
    precondition(body.count <= Self.bodySizeMax)
    let preimage = Self.preimage(
      ceremony: ceremony, kind: kind, sender: sender, receiver: receiver, bodyHash: SHA256Hash.hash(body))
    guard let signature = identity.sign(preimage) else { return nil }
    self.ceremony = ceremony
    self.kind = kind
    self.sender = sender
    self.receiver = receiver
    self.body = body
    self.signature = signature
    guard isSigned(by: identity.publicKey) else { return nil }
  }

  /// Whether the signature is the sender's, whose key the plan names.
  func isSigned(by key: Bytes32) -> Bool {
    Self.isSigned(
      ceremony: ceremony, kind: kind, sender: sender, receiver: receiver, bodyHash: bodyHash,
      signature: signature, by: key)
  }

  static func isSigned(
    ceremony: Bytes32, kind: Kind, sender: ParticipantIdentifier, receiver: ParticipantIdentifier?,
    bodyHash: Bytes32, signature: Bytes64, by key: Bytes32
  ) -> Bool {
    let preimage = preimage(
      ceremony: ceremony, kind: kind, sender: sender, receiver: receiver, bodyHash: bodyHash)
    do {
      try Ed25519.verify(preimage.span, signature: signature, key: key, rule: .rfc8032Strict)
      return true
    } catch {
      return false
    }
  }

  /// Layout: `[version 1: 1][kind: 1][ceremony: 32][sender: 2][receiver, 0 for all: 2][length: 2][body][signature: 64]`,
  /// integers big-endian.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = [1, kind.rawValue]
    bytes.append(ceremony)
    bytes.append(bigEndian: sender.number)
    bytes.append(bigEndian: receiver?.number ?? 0)
    bytes.append(bigEndian: UInt16(body.count))
    bytes += body
    bytes.append(signature)
    return bytes
  }

  /// Reads one message. Its signature is checked by ``KeyGeneration``, which knows the plan.
  ///
  /// - Throws: ``CeremonyMessageError``. The input is untrusted.
  public init(decoding bytes: Span<UInt8>) throws(CeremonyMessageError) {
    do {
      var reader = ByteReader(bytes)
      let version = try reader.readUInt8()
      guard version == 1 else { throw CeremonyMessageError.version(version) }
      let kindByte = try reader.readUInt8()
      guard let kind = Kind(rawValue: kindByte) else { throw CeremonyMessageError.kind(kindByte) }
      ceremony = try reader.readFixed()
      guard let sender = ParticipantIdentifier(try reader.readBigEndian(UInt16.self)) else {
        throw CeremonyMessageError.senderZero
      }
      let receiverNumber = try reader.readBigEndian(UInt16.self)
      receiver = ParticipantIdentifier(receiverNumber)
      guard (kind == .share) == (receiver != nil), receiver != sender else {
        throw CeremonyMessageError.receiver(receiverNumber)
      }
      let length = Int(try reader.readBigEndian(UInt16.self))
      guard length <= Self.bodySizeMax else {
        throw CeremonyMessageError.body(length, limit: Self.bodySizeMax)
      }
      body = try reader.readBytes(length)
      signature = try reader.readFixed()
      try reader.finish()
      self.kind = kind
      self.sender = sender
    } catch let error as WireError {
      throw .wire(error)
    } catch let error as CeremonyMessageError {
      throw error
    } catch {
      preconditionFailure("nothing else is thrown above")
    }
  }
}
