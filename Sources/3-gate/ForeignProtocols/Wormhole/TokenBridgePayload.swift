public import WireBytes

/// What Wormhole's token bridge says to its peers.
///
/// A payload does not name its application: only the emitter's address does. Decode what a token bridge emitted.
///
/// Source: wormhole ethereum/contracts/bridge/BridgeStructs.sol and Bridge.sol.
public enum TokenBridgePayload: Hashable, Sendable {
  /// Kind 1, 133 bytes: `[1][amount: 32][token: 32][token chain: 2][to: 32][to chain: 2][fee: 32]`.
  case transfer(Transfer, fee: UInt256)
  /// Kind 2, 100 bytes: `[2][token: 32][token chain: 2][decimals: 1][symbol: 32][name: 32]`.
  case attestation(token: Bytes32, tokenChain: UInt16, decimals: UInt8, symbol: Bytes32, name: Bytes32)
  /// Kind 3: as kind 1 with the sender in place of the fee, then the caller's bytes.
  case transferWithPayload(Transfer, from: Bytes32, payload: [UInt8])

  /// What moves, from where and to whom.
  public struct Transfer: Hashable, Sendable {
    /// In units of at most 8 decimals.
    public let amount: UInt256
    public let token: Bytes32
    public let tokenChain: UInt16
    public let recipient: Bytes32
    public let recipientChain: UInt16

    public init(
      amount: UInt256, token: Bytes32, tokenChain: UInt16, recipient: Bytes32, recipientChain: UInt16
    ) {
      self.amount = amount
      self.token = token
      self.tokenChain = tokenChain
      self.recipient = recipient
      self.recipientChain = recipientChain
    }

    fileprivate init(_ reader: inout ByteReader) throws(WireError) {
      amount = UInt256(bigEndian: try reader.readFixed())
      token = try reader.readFixed()
      tokenChain = try reader.readBigEndian()
      recipient = try reader.readFixed()
      recipientChain = try reader.readBigEndian()
    }

    fileprivate func append(to bytes: inout [UInt8]) {
      bytes.append(amount.bigEndian)
      bytes.append(token)
      bytes.append(bigEndian: tokenChain)
      bytes.append(recipient)
      bytes.append(bigEndian: recipientChain)
    }
  }

  /// - Throws: ``WormholePayloadError/wire(_:)`` and ``WormholePayloadError/wrongKind(expected:actual:)``.
  public init(decoding bytes: Span<UInt8>) throws(WormholePayloadError) {
    do {
      var reader = ByteReader(bytes)
      let kind = try reader.readUInt8()
      switch kind {
      case 1: self = .transfer(try Transfer(&reader), fee: UInt256(bigEndian: try reader.readFixed()))
      case 2:
        self = .attestation(
          token: try reader.readFixed(), tokenChain: try reader.readBigEndian(),
          decimals: try reader.readUInt8(), symbol: try reader.readFixed(), name: try reader.readFixed())
      case 3:
        let transfer = try Transfer(&reader)
        let sender: Bytes32 = try reader.readFixed()
        self = .transferWithPayload(transfer, from: sender, payload: reader.readRest())
      default: throw WormholePayloadError.wrongKind(expected: 1, actual: UInt32(kind))
      }
      try reader.finish()
    } catch {
      throw WormholePayloadError(either: error)
    }
  }

  /// The bytes ``init(decoding:)`` reads.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    switch self {
    case .transfer(let transfer, let fee):
      bytes.append(1)
      transfer.append(to: &bytes)
      bytes.append(fee.bigEndian)
    case .attestation(let token, let tokenChain, let decimals, let symbol, let name):
      bytes.append(2)
      bytes.append(token)
      bytes.append(bigEndian: tokenChain)
      bytes.append(decimals)
      bytes.append(symbol)
      bytes.append(name)
    case .transferWithPayload(let transfer, let sender, let payload):
      bytes.append(3)
      transfer.append(to: &bytes)
      bytes.append(sender)
      bytes += payload
    }
    return bytes
  }
}
