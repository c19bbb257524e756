import ChainAccess
import Digests
import Encodings
import Gate
import Ledger
import MerkleProofs
import Messages
import PacketHost
import WireBytes

/// What a router of the test's making holds after a block: an IBC v2 host with one attested client, in slots as
/// Eureka's router has them.
struct ScriptedRouter: Sendable {
  struct Revert: Error {
    let bytes: [UInt8]

    init(_ signature: String, _ values: [ABIValue] = [], _ types: [ABIType] = []) {
      bytes = ABI.selector(signature).array + ((try? ABI.encode(values, as: types)) ?? [])
    }

    init(_ index: Int, _ inner: Revert) {
      self.init("CallFailed(uint256,bytes)", [.uint(UInt256(UInt64(index))), .bytes(inner.bytes)], [.uint256, .bytes])
    }
  }

  /// What a call tells, and what it is judged by.
  struct Scope {
    let time: UInt64
    var events: [Event] = []
    /// Evidence accepted in this transaction.
    var accepted: [Bytes32: [Bytes32: Bytes32]] = [:]
  }

  static let chain = "eip155:31337"
  static let router = Bytes20 { UInt8($0 + 1) }

  let client: ClientID
  let policy: AttestedPolicy
  var slots: [Bytes32: Bytes32] = [:]
  var nextSequence: UInt64 = 1
  /// Sequences whose packets were sent from here and have not ended.
  var open: Set<UInt64> = []
  var executions: [UInt64: Int] = [:]
  var endings: [UInt64: String] = [:]
  var isPaused = false
  /// Receives are refused by the application's cap.
  var isCapped = false

  init(client: ClientID, policy: AttestedPolicy) {
    self.client = client
    self.policy = policy
  }

  // MARK: Steps

  mutating func send(_ payload: Payload, timeout: UInt64, in scope: inout Scope) throws {
    let packet = try Packet(
      sequence: Sequence(nextSequence) ?? .first, sourceClient: client, destinationClient: client,
      timeout: UnixTime(seconds: timeout), payloads: [payload])
    nextSequence += 1
    open.insert(packet.sequence.rawValue)
    slots[PacketPath(.commitment, of: packet).evmSlot] = PacketCommitment.of(packet)
    scope.events.append(Self.event("send_packet", packet))
  }

  mutating func call(_ call: EVMRouterCall, in scope: inout Scope) throws(Revert) {
    switch call {
    case .relay(let calls):
      for (index, inner) in calls.enumerated() {
        do throws(Revert) { try self.call(inner, in: &scope) } catch { throw Revert(index, error) }
      }
    case .receive(let packet, let proof, let height): try receive(packet, proof, height, &scope)
    case .acknowledge(let packet, let acknowledgement, let proof, let height):
      try settle(packet, acknowledgement, proof, height, &scope)
    case .timeOut(let packet, let proof, let height): try settle(packet, nil, proof, height, &scope)
    default: throw Revert("Unknown()")
    }
  }

  private mutating func receive(
    _ packet: Packet, _ proof: [UInt8], _ height: Height, _ scope: inout Scope
  ) throws(Revert) {
    if isPaused { throw Revert("ClientIsPaused(string)", [.string(client.text)], [.string]) }
    guard packet.timeout.seconds > scope.time else {
      throw Revert(
        "IBCInvalidTimeoutTimestamp(uint256,uint256)",
        [.uint(UInt256(packet.timeout.seconds)), .uint(UInt256(scope.time))], [.uint256, .uint256])
    }
    let receipt = PacketPath(.receipt, of: packet).evmSlot
    guard slots[receipt] == nil else {
      scope.events.append(Event("noop", []))
      return
    }
    let path = PacketPath(.commitment, of: packet)
    let commitment = PacketCommitment.of(packet)
    guard try entry(path, commitment, proof, height, &scope) == commitment else { throw Revert("NotMember()") }
    if isCapped {
      throw Revert(
        "OverCap(string,address,uint256,uint256)",
        [.string(client.text), .address(Self.router), .uint(.one), .uint(.zero)],
        [.string, .address, .uint256, .uint256])
    }
    slots[receipt] = Keccak256.hash(packet.encoded())
    executions[packet.sequence.rawValue, default: 0] += 1
    let isRefused = packet.payloads.contains { payload in
      (try? FungibleTokenPacketData(decoding: payload.value.span))?.receiver == "nobody"
    }
    let acknowledgement =
      isRefused ? .universalError : (try? Acknowledgement([TransferApplication.success])) ?? .universalError
    slots[PacketPath(.acknowledgement, of: packet).evmSlot] = PacketCommitment.of(acknowledgement)
    scope.events.append(Self.event("recv_packet", packet))
    if isRefused {
      scope.events.append(
        Event(
          "packet_failed",
          [
            "packet_dest_client": packet.destinationClient.text,
            "packet_sequence": packet.sequence.description, "reason": "evm.ICS20InvalidAddress",
          ]))
    }
    scope.events.append(Self.event("write_acknowledgement", packet, acknowledgement))
  }

  private mutating func settle(
    _ packet: Packet, _ acknowledgement: Acknowledgement?, _ proof: [UInt8], _ height: Height,
    _ scope: inout Scope
  ) throws(Revert) {
    let slot = PacketPath(.commitment, of: packet).evmSlot
    guard let commitment = slots[slot] else {
      scope.events.append(Event("noop", []))
      return
    }
    guard commitment == PacketCommitment.of(packet) else {
      throw Revert("IBCPacketCommitmentMismatch(bytes32,bytes32)")
    }
    let path = PacketPath(acknowledgement == nil ? .receipt : .acknowledgement, of: packet)
    let wanted = acknowledgement.map { PacketCommitment.of($0) } ?? Bytes32()
    let stored = try entry(path, wanted, proof, height, &scope)
    if let acknowledgement {
      guard stored == PacketCommitment.of(acknowledgement) else { throw Revert("NotMember()") }
    } else {
      guard stored == Bytes32() else { throw Revert("NotNonMember()") }
    }
    slots[slot] = nil
    let sequence = packet.sequence.rawValue
    open.remove(sequence)
    endings[sequence] = acknowledgement.map { $0.isSuccess ? "success" : "error" } ?? "timeout"
    scope.events.append(
      Self.event(acknowledgement == nil ? "timeout_packet" : "acknowledge_packet", packet, acknowledgement))
  }

  // MARK: Evidence

  /// What the evidence says of a path; the bytes are those of contracts/evm/clients/AttestedClient.vy.
  private func entry(
    _ path: PacketPath, _ wanted: Bytes32, _ proof: [UInt8], _ height: Height, _ scope: inout Scope
  ) throws(Revert) -> Bytes32 {
    guard let form = proof.first else { throw Revert("EmptyProof()") }
    let digest: Bytes32
    if form == 4, proof.count >= 25 {
      // One entry, which is the question.
      var evidence = Array(proof[1..<25])
      evidence.append(bigEndian: UInt32(1))
      evidence += path.hash().array + wanted.array + proof[25...]
      _ = try accept(evidence, height, &scope)
      return wanted
    }
    if form == 1, let named = try? Bytes32(Array(proof.dropFirst())) {
      digest = named
    } else if form == 2 {
      digest = try accept(Array(proof.dropFirst()), height, &scope)
    } else {
      throw Revert("UnknownForm()")
    }
    guard let entries = scope.accepted[digest] else { throw Revert("EvidenceNotAccepted(bytes32)", [.fixedBytes(digest.array)], [.bytes32]) }
    guard let entry = entries[path.hash()] else { throw Revert("NotMember()") }
    return entry
  }

  private func accept(_ evidence: [UInt8], _ height: Height, _ scope: inout Scope) throws(Revert) -> Bytes32 {
    func number(_ start: Int, _ count: Int) -> UInt64 {
      evidence[start..<start + count].reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard evidence.count >= 28 else { throw Revert("Malformed()") }
    let (count, seconds) = (Int(number(24, 4)), number(16, 8))
    let size = 28 + 64 * count
    guard evidence.count > size, (evidence.count - size).isMultiple(of: 66),
      Height(revision: number(0, 8), number(8, 8)) == height
    else { throw Revert("HeightMismatch(uint64,uint64)") }
    let digest = AttestationDigest.of(
      form: .packets, binding: policy.binding, body: Array(evidence[..<size]))
    var last = -1
    var signed: UInt64 = 0
    for start in stride(from: size, to: evidence.count, by: 66) {
      let position = Int(evidence[start])
      guard position > last, position < policy.attesters.count else { throw Revert("UnknownSigner(address)") }
      last = position
      signed += 1
      let signature = Array(evidence[(start + 1)..<(start + 66)])
      do {
        try policy.attesters[position].verify(
          signature, digest: digest, at: UnixTime(seconds: seconds))
      } catch { throw Revert("SignatureInvalid(bytes)") }
    }
    guard signed == policy.quorum else { throw Revert("ThresholdNotMet(uint256,uint8)") }
    var entries: [Bytes32: Bytes32] = [:]
    for index in 0..<count {
      let start = 28 + 64 * index
      let (path, value) = (Bytes32 { evidence[start + $0] }, Bytes32 { evidence[start + 32 + $0] })
      guard entries.updateValue(value, forKey: path) == nil else { throw Revert("PathRepeated()") }
    }
    // What lists one entry is not remembered.
    if entries.count > 1 { scope.accepted[digest] = entries }
    return digest
  }

  // MARK: State

  /// The storage trie, and the state trie that holds the router.
  func tries() throws(AccessError) -> (storage: MerklePatriciaTrie, state: MerklePatriciaTrie) {
    do {
      let storage = try MerklePatriciaTrie(
        slots.map {
          .init(key: $0.key.array, value: EthereumStorageValue.encode(UInt256(bigEndian: $0.value)) ?? [])
        }, keys: .hashed)
      let account = EthereumAccount(
        nonce: 1, balance: .zero, storageRoot: storage.root, codeHash: Bytes32 { _ in 7 })
      let other = EthereumAccount(
        nonce: 5, balance: .one, storageRoot: MerklePatriciaProof.emptyRoot, codeHash: EthereumAccount.emptyCodeHash)
      let state = try MerklePatriciaTrie(
        [
          .init(key: Self.router.array, value: account.encoded()),
          .init(key: [UInt8](repeating: 9, count: 20), value: other.encoded()),
        ], keys: .hashed)
      return (storage, state)
    } catch { throw .malformed }
  }

  private static func event(
    _ type: String, _ packet: Packet, _ acknowledgement: Acknowledgement? = nil
  ) -> Event {
    var attributes: [Event.Attribute] = [
      Event.Attribute("packet_source_client", packet.sourceClient.text),
      Event.Attribute("packet_dest_client", packet.destinationClient.text),
      Event.Attribute("packet_sequence", packet.sequence.description),
      Event.Attribute("encoded_packet_hex", Hex.encode(packet.encoded(), prefix: "")),
    ]
    if let acknowledgement {
      attributes.append(
        Event.Attribute("encoded_acknowledgement_hex", Hex.encode(acknowledgement.encoded(), prefix: "")))
    }
    return Event(type, attributes)
  }
}
