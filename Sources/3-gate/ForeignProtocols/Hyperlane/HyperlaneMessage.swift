import Digests
public import WireBytes

/// Why bytes are not a Hyperlane message.
public enum HyperlaneMessageError: Error, Hashable, Sendable {
  /// Shorter than the 77 bytes of the fixed fields.
  case truncated(actual: Int)
  case bodyTooLarge(limit: Int, actual: Int)
}

/// A message as a mailbox dispatches it.
///
/// Layout, big-endian: `[version: 1][nonce: 4][origin: 4][sender: 32][destination: 4][recipient: 32][body: rest]`.
///
/// Source: hyperlane-monorepo solidity/contracts/libs/Message.sol at f0f8a56c.
public struct HyperlaneMessage: Hashable, Sendable {
  /// The only version that mailboxes of today take.
  public static let currentVersion: UInt8 = 3
  /// The fixed fields.
  public static let headerSize = 77
  public static let bodySizeMax = 1 << 20

  public let version: UInt8
  /// One counter per origin mailbox, from 0, over all destinations.
  public let nonce: UInt32
  /// Domain id, usually the EVM chain id.
  public let origin: UInt32
  public let sender: Bytes32
  public let destination: UInt32
  public let recipient: Bytes32
  public let body: [UInt8]

  public init(
    version: UInt8 = currentVersion, nonce: UInt32, origin: UInt32, sender: Bytes32, destination: UInt32,
    recipient: Bytes32, body: [UInt8]
  ) {
    self.version = version
    self.nonce = nonce
    self.origin = origin
    self.sender = sender
    self.destination = destination
    self.recipient = recipient
    self.body = body
  }

  /// Decodes a message of any version: a version is the mailbox's to refuse, see ``isDeliverable(to:)``.
  ///
  /// - Throws: ``HyperlaneMessageError``. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(HyperlaneMessageError) {
    guard bytes.count >= Self.headerSize else { throw .truncated(actual: bytes.count) }
    let bodySize = bytes.count - Self.headerSize
    guard bodySize <= Self.bodySizeMax else { throw .bodyTooLarge(limit: Self.bodySizeMax, actual: bodySize) }
    do {
      var reader = ByteReader(bytes)
      version = try reader.readUInt8()
      nonce = try reader.readBigEndian()
      origin = try reader.readBigEndian()
      sender = try reader.readFixed()
      destination = try reader.readBigEndian()
      recipient = try reader.readFixed()
      body = reader.readRest()
    } catch {
      throw .truncated(actual: bytes.count)
    }
  }

  /// Decodes a message.
  public init(decoding bytes: [UInt8]) throws(HyperlaneMessageError) { try self.init(decoding: bytes.span) }

  /// The bytes ``init(decoding:)`` reads.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.headerSize + body.count)
    bytes.append(version)
    bytes.append(bigEndian: nonce)
    bytes.append(bigEndian: origin)
    bytes.append(sender)
    bytes.append(bigEndian: destination)
    bytes.append(recipient)
    return bytes + body
  }

  /// Keccak-256 of the whole message: its name, its leaf in the origin's tree and its replay key.
  public var id: Bytes32 { Keccak256.hash(encoded()) }
}
