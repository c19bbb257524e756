import Digests
public import WireBytes

/// What a transceiver of Native Token Transfers carries from one manager to its peer.
///
/// Layout: `[prefix: 4][source manager: 32][recipient manager: 32][len: 2][manager message][len: 2][extra]`.
///
/// Source: native-token-transfers evm/src/libraries/TransceiverStructs.sol at 250d810d.
public struct NTTTransceiverMessage: Hashable, Sendable {
  /// The prefix of the Wormhole transceiver; other transceivers have others.
  public static let wormholePrefix: UInt32 = 0x9945_ff10

  public let prefix: UInt32
  public let sourceManager: Bytes32
  public let recipientManager: Bytes32
  public let managerMessage: NTTManagerMessage
  /// For the transceiver itself; usually empty.
  public let transceiverPayload: [UInt8]

  /// - Parameter prefix: the transceiver kind that is expected.
  public init(decoding bytes: Span<UInt8>, prefix: UInt32 = wormholePrefix) throws(WormholePayloadError) {
    do {
      var reader = ByteReader(bytes)
      let found: UInt32 = try reader.readBigEndian()
      guard found == prefix else { throw WormholePayloadError.wrongKind(expected: prefix, actual: found) }
      self.prefix = found
      sourceManager = try reader.readFixed()
      recipientManager = try reader.readFixed()
      let length: UInt16 = try reader.readBigEndian()
      managerMessage = try NTTManagerMessage(decoding: try reader.readSpan(Int(length)))
      let extra: UInt16 = try reader.readBigEndian()
      transceiverPayload = try reader.readBytes(Int(extra))
      try reader.finish()
    } catch {
      throw WormholePayloadError(either: error)
    }
  }

  /// The bytes ``init(decoding:prefix:)`` reads.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: prefix)
    bytes.append(sourceManager)
    bytes.append(recipientManager)
    let message = managerMessage.encoded()
    bytes.append(bigEndian: UInt16(message.count))
    bytes += message
    bytes.append(bigEndian: UInt16(transceiverPayload.count))
    return bytes + transceiverPayload
  }
}

/// One message between managers: `[id: 32][sender: 32][len: 2][payload]`.
public struct NTTManagerMessage: Hashable, Sendable {
  public let id: Bytes32
  public let sender: Bytes32
  /// A ``NativeTokenTransfer`` when it opens with its prefix.
  public let payload: [UInt8]

  public init(decoding bytes: Span<UInt8>) throws(WormholePayloadError) {
    do {
      var reader = ByteReader(bytes)
      id = try reader.readFixed()
      sender = try reader.readFixed()
      let length: UInt16 = try reader.readBigEndian()
      payload = try reader.readBytes(Int(length))
      try reader.finish()
    } catch {
      throw .wire(error)
    }
  }

  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(id)
    bytes.append(sender)
    bytes.append(bigEndian: UInt16(payload.count))
    return bytes + payload
  }

  /// What a threshold of transceivers must attest: Keccak-256 of the source chain and the message.
  public func digest(sourceChain: UInt16) -> Bytes32 {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: sourceChain)
    return Keccak256.hash(bytes + encoded())
  }
}

/// A transfer of a native token: `[0x994e5454][decimals: 1][amount: 8][token: 32][to: 32][to chain: 2]`, then nothing
/// or `[len: 2][extra]`.
public struct NativeTokenTransfer: Hashable, Sendable {
  public static let prefix: UInt32 = 0x994e_5454

  /// Decimals of ``amount``, after trimming.
  public let decimals: UInt8
  public let amount: UInt64
  public let sourceToken: Bytes32
  public let recipient: Bytes32
  public let recipientChain: UInt16
  /// Empty when absent; an empty one that is present is refused, as it would be a second encoding.
  public let additionalPayload: [UInt8]

  public init(decoding bytes: Span<UInt8>) throws(WormholePayloadError) {
    do {
      var reader = ByteReader(bytes)
      let found: UInt32 = try reader.readBigEndian()
      guard found == Self.prefix else {
        throw WormholePayloadError.wrongKind(expected: Self.prefix, actual: found)
      }
      decimals = try reader.readUInt8()
      amount = try reader.readBigEndian()
      sourceToken = try reader.readFixed()
      recipient = try reader.readFixed()
      recipientChain = try reader.readBigEndian()
      if reader.isAtEnd {
        additionalPayload = []
      } else {
        let start = reader.offset
        let length: UInt16 = try reader.readBigEndian()
        guard length > 0 else { throw WormholePayloadError.notCanonical(offset: start) }
        additionalPayload = try reader.readBytes(Int(length))
        try reader.finish()
      }
    } catch {
      throw WormholePayloadError(either: error)
    }
  }

  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: Self.prefix)
    bytes.append(decimals)
    bytes.append(bigEndian: amount)
    bytes.append(sourceToken)
    bytes.append(recipient)
    bytes.append(bigEndian: recipientChain)
    guard !additionalPayload.isEmpty else { return bytes }
    bytes.append(bigEndian: UInt16(additionalPayload.count))
    return bytes + additionalPayload
  }
}

/// What a Wormhole transceiver publishes about itself.
public enum NTTTransceiverNotice: Hashable, Sendable {
  /// 70 bytes: `[0x9c23bd3b][manager: 32][mode: 1][token: 32][decimals: 1]`; mode 0 locks, 1 burns.
  case deployed(manager: Bytes32, mode: UInt8, token: Bytes32, decimals: UInt8)
  /// 38 bytes: `[0x18fc67c2][chain: 2][peer: 32]`.
  case peerRegistered(chain: UInt16, peer: Bytes32)

  public static let deployedPrefix: UInt32 = 0x9c23_bd3b
  public static let peerPrefix: UInt32 = 0x18fc_67c2

  public init(decoding bytes: Span<UInt8>) throws(WormholePayloadError) {
    do {
      var reader = ByteReader(bytes)
      let prefix: UInt32 = try reader.readBigEndian()
      switch prefix {
      case Self.deployedPrefix:
        let manager: Bytes32 = try reader.readFixed()
        let mode = try reader.readUInt8()
        guard mode <= 1 else { throw WormholePayloadError.outOfRange(offset: 36, value: UInt64(mode)) }
        self = .deployed(
          manager: manager, mode: mode, token: try reader.readFixed(), decimals: try reader.readUInt8())
      case Self.peerPrefix:
        self = .peerRegistered(chain: try reader.readBigEndian(), peer: try reader.readFixed())
      default: throw WormholePayloadError.wrongKind(expected: Self.deployedPrefix, actual: prefix)
      }
      try reader.finish()
    } catch {
      throw WormholePayloadError(either: error)
    }
  }

  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    switch self {
    case .deployed(let manager, let mode, let token, let decimals):
      bytes.append(bigEndian: Self.deployedPrefix)
      bytes.append(manager)
      bytes.append(mode)
      bytes.append(token)
      bytes.append(decimals)
    case .peerRegistered(let chain, let peer):
      bytes.append(bigEndian: Self.peerPrefix)
      bytes.append(bigEndian: chain)
      bytes.append(peer)
    }
    return bytes
  }
}
