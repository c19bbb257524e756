private import Digests
public import Messages
public import WireBytes

/// Where a host keeps what, beside the paths of ``PacketPath`` that the counterparty proves.
///
/// - SeeAlso: ibc-go `24-host/v2/packet_keys.go`, `24-host/client_keys.go`.
public enum HostKeys {
  /// What a receipt holds (ibc-go `SetPacketReceipt`); only its presence counts.
  public static let receipt: [UInt8] = [2]

  /// The number of the next packet on `client`, as u64 big-endian.
  public static func nextSequenceSend(_ client: ClientID) -> [UInt8] {
    [UInt8]("nextSequenceSend//\(client.text)".utf8)
  }

  /// The counterparty of `client`: its own client of us, and its store prefix.
  public static func counterparty(_ client: ClientID) -> [UInt8] {
    [UInt8]("counterparty/\(client.text)".utf8)
  }

  /// How many clients were made here: the number of the next one, as u64 big-endian.
  public static let nextClientSequence = [UInt8]("nextClientSequence".utf8)

  /// A packet that was received and is not acknowledged yet, in protobuf.
  static func pendingPacket(_ client: ClientID, _ sequence: Sequence) -> [UInt8] {
    [UInt8]("pendingPackets/\(client.text)/\(sequence)".utf8)
  }

  /// All of `client`'s own state lies under this.
  public static func client(_ client: ClientID) -> [UInt8] { [UInt8]("clients/\(client.text)/".utf8) }

  public static func clientState(_ client: ClientID) -> [UInt8] {
    [UInt8]("clients/\(client.text)/clientState".utf8)
  }

  public static func consensusState(_ client: ClientID, _ height: Height) -> [UInt8] {
    [UInt8]("clients/\(client.text)/consensusStates/\(height.description)".utf8)
  }

  /// The packets that `client` has sent and that have not ended start with this.
  public static func commitments(_ client: ClientID) -> [UInt8] {
    client.bytes + [PacketPath.Kind.commitment.rawValue]
  }

  /// What the host remembers of `client` beside its public state.
  static func clientRecord(_ client: ClientID) -> [UInt8] {
    [UInt8]("clients/\(client.text)/record".utf8)
  }

  /// The canonical text of the policy with that hash.
  public static func policy(_ hash: Bytes32) -> [UInt8] {
    [UInt8]("policies/\(Hex.encode(hash.array, prefix: ""))".utf8)
  }

  /// What a packet's proof names evidence by that its own transaction has brought: SHA-256 of the encoding.
  public static func evidenceHash(_ evidence: [UInt8]) -> Bytes32 { SHA256Hash.hash(evidence) }

  /// One of the pieces of evidence that proved `height`, from 0.
  public static func evidence(_ client: ClientID, _ height: Height, _ index: UInt8) -> [UInt8] {
    [UInt8]("clients/\(client.text)/evidence/\(height.description)/\(index)".utf8)
  }

  /// One of the two pieces of evidence that froze `client`, 1 or 2.
  public static func conflict(_ client: ClientID, _ piece: Int) -> [UInt8] {
    [UInt8]("clients/\(client.text)/conflict/\(piece)".utf8)
  }

  /// What `client` remembers of the enclaves of one leaf of its policy.
  static func enclaves(_ client: ClientID, _ leaf: Bytes32) -> [UInt8] {
    [UInt8]("clients/\(client.text)/enclaves/\(Hex.encode(leaf.array, prefix: ""))".utf8)
  }

  /// Heights with a state start with this, in their order (ibc-go `KeyIterateConsensusStatePrefix`).
  static func consensusLinks(_ client: ClientID) -> [UInt8] {
    [UInt8]("clients/\(client.text)/iterateConsensusStates".utf8)
  }

  static func consensusLink(_ client: ClientID, _ height: Height) -> [UInt8] {
    var key = consensusLinks(client)
    key.append(bigEndian: height.revision)
    key.append(bigEndian: height.number)
    return key
  }

  /// The height in a key that ``consensusLink(_:_:)`` made.
  static func height(ofLink key: [UInt8], _ client: ClientID) -> Height? {
    let start = consensusLinks(client).count
    guard key.count == start + 16, let revision = number(stored: Array(key[start..<(start + 8)])),
      let height = number(stored: Array(key[(start + 8)...]))
    else { return nil }
    return Height(revision: revision, height)
  }

  /// The full path of a voucher's token (ibc-go `transfer`: denominations by their hash).
  public static func tokenTrace(_ hash: String) -> [UInt8] { [UInt8]("transfer/denoms/\(hash)".utf8) }

  static func bytes(of number: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: number)
    return bytes
  }

  /// Nil unless there are 8 bytes.
  static func number(stored bytes: [UInt8]) -> UInt64? {
    guard bytes.count == 8 else { return nil }
    return bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
