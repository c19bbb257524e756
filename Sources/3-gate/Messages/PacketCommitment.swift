private import Digests
public import WireBytes

/// The hashes under which an IBC v2 host stores packets and acknowledgements.
///
/// - SeeAlso: ibc-go `04-channel/v2/types/commitment.go`; `ICS24Host.sol` of solidity-ibc-eureka, which is the same.
public enum PacketCommitment {
  /// The first byte of every preimage of a commitment.
  public static let version: UInt8 = 2

  /// SHA-256 of `UNIVERSAL_ERROR_ACKNOWLEDGEMENT`, which is an acknowledgement, not a hash of one.
  public static let universalErrorBytes: [UInt8] = hash("UNIVERSAL_ERROR_ACKNOWLEDGEMENT").array

  /// The commitment of a packet: `S(2 ‖ S(destination client) ‖ S(u64 timeout) ‖ S(payload hashes))`.
  ///
  /// Sequence and source client are not in it: they are the path under which it is stored.
  public static func of(_ packet: Packet) -> Bytes32 {
    of(
      destinationClient: packet.destinationClient.bytes, timeoutSeconds: packet.timeout.seconds,
      payloadHashes: packet.payloads.map { of($0) })
  }

  /// The commitment from its parts, whatever they are.
  public static func of(
    destinationClient: [UInt8], timeoutSeconds: UInt64, payloadHashes: [Bytes32]
  ) -> Bytes32 {
    var timeout: [UInt8] = []
    timeout.append(bigEndian: timeoutSeconds)
    var payloads: [UInt8] = []
    payloads.reserveCapacity(payloadHashes.count * 32)
    for hash in payloadHashes { payloads.append(hash) }
    var preimage: [UInt8] = [version]
    preimage.append(SHA256Hash.hash(destinationClient))
    preimage.append(SHA256Hash.hash(timeout))
    preimage.append(SHA256Hash.hash(payloads))
    return SHA256Hash.hash(preimage)
  }

  /// The hash of one payload: over the hashes of source port, destination port, version, encoding and value.
  public static func of(_ payload: Payload) -> Bytes32 {
    var preimage: [UInt8] = []
    preimage.reserveCapacity(160)
    preimage.append(hash(payload.sourcePort.text))
    preimage.append(hash(payload.destinationPort.text))
    preimage.append(hash(payload.version))
    preimage.append(hash(payload.encoding))
    preimage.append(SHA256Hash.hash(payload.value))
    return SHA256Hash.hash(preimage)
  }

  /// The commitment of an acknowledgement: `S(2 ‖ S(result 1) ‖ …)`.
  public static func of(_ acknowledgement: Acknowledgement) -> Bytes32 {
    var preimage: [UInt8] = [version]
    for result in acknowledgement.results { preimage.append(SHA256Hash.hash(result)) }
    return SHA256Hash.hash(preimage)
  }

  private static func hash(_ text: String) -> Bytes32 { SHA256Hash.hash([UInt8](text.utf8)) }
}

/// The key under which a host stores something about one packet: `client ‖ kind ‖ u64 sequence`.
public struct PacketPath: Hashable, Sendable {
  /// What is stored.
  public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
    /// On the origin, under the source client, until the packet has ended.
    case commitment = 1
    /// On the destination, under the destination client, for ever: the replay guard.
    case receipt = 2
    /// On the destination, under the destination client.
    case acknowledgement = 3
  }

  public let client: ClientID
  public let kind: Kind
  public let sequence: Sequence

  public init(_ kind: Kind, client: ClientID, sequence: Sequence) {
    self.client = client
    self.kind = kind
    self.sequence = sequence
  }

  /// The path of `kind` for `packet`, on the side that stores it.
  public init(_ kind: Kind, of packet: Packet) {
    self.init(
      kind, client: kind == .commitment ? packet.sourceClient : packet.destinationClient,
      sequence: packet.sequence)
  }

  /// The key, without any store prefix.
  public var bytes: [UInt8] {
    var bytes = client.bytes
    bytes.append(kind.rawValue)
    bytes.append(bigEndian: sequence.rawValue)
    return bytes
  }

  /// Keccak-256 of the key after `prefix`: what an EVM host stores under, and what attestations list.
  public func hash(prefix: [UInt8] = []) -> Bytes32 { Keccak256.hash(prefix + bytes) }

  /// The storage slot of the EVM host that holds the value: `K(path hash ‖ base slot of IBCStore)`.
  public var evmSlot: Bytes32 { Keccak256.hash(hash(), Self.evmStoreSlot) }

  /// ERC-7201 namespace `ibc.storage.IBCStore`: `K(K(name) - 1) & ~0xff`.
  public static let evmStoreSlot: Bytes32 = {
    let name = UInt256(bigEndian: Keccak256.hash([UInt8]("ibc.storage.IBCStore".utf8)))
    let below = name.subtractingReportingOverflow(.one).partialValue
    var slot = Keccak256.hash(below.bigEndian.array)
    slot[31] = 0
    return slot
  }()
}

/// The commitment of IBC v1 (`04-channel/types/packet.go`): `S(u64 timeout in ns ‖ u64 revision ‖ u64 height ‖ S(data))`.
///
/// Ports and channels are in the path only.
public enum ClassicPacketCommitment {
  public static func of(timeoutNanoseconds: UInt64, timeoutHeight: Height, value: [UInt8]) -> Bytes32 {
    var preimage: [UInt8] = []
    preimage.append(bigEndian: timeoutNanoseconds)
    preimage.append(bigEndian: timeoutHeight.revision)
    preimage.append(bigEndian: timeoutHeight.number)
    preimage.append(SHA256Hash.hash(value))
    return SHA256Hash.hash(preimage)
  }

  /// The commitment of an acknowledgement: its SHA-256.
  public static func of(acknowledgement: [UInt8]) -> Bytes32 { SHA256Hash.hash(acknowledgement) }

  /// `commitments/ports/{port}/channels/{channel}/sequences/{sequence}`.
  public static func path(port: PortID, channel: String, sequence: Sequence) -> String {
    "commitments/ports/\(port)/channels/\(channel)/sequences/\(sequence)"
  }
}
