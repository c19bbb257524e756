private import Digests
private import Messages
private import SignatureSchemes
public import WireBytes

/// The attesters of a Eureka client and how many of them must sign.
public struct EurekaAttesters: Hashable, Sendable {
  public let addresses: [Bytes20]
  public let required: UInt8

  /// - Throws: ``EurekaRefusal``, in the contract's order of checks.
  public init(addresses: [Bytes20], required: UInt8) throws(EurekaRefusal) {
    guard !addresses.isEmpty else { throw .noAttestors }
    guard required > 0, addresses.count >= Int(required) else {
      throw .badQuorum(required: required, attestors: addresses.count)
    }
    guard addresses.count <= AttestedPolicy.attesterCountMax else {
      throw .overLimit(max: AttestedPolicy.attesterCountMax, actual: addresses.count)
    }
    var seen: Set<Bytes20> = []
    for address in addresses {
      guard seen.insert(address).inserted else { throw .duplicateSigner(address) }
    }
    self.addresses = addresses
    self.required = required
  }

  /// Half the order of secp256k1, which a low s does not pass (SEC 2, section 2.4.1).
  private static let halfOrder = UInt256(
    limbs: 0xdfe9_2f46_681b_20a0, 0x5d57_6e73_57a4_501d, 0xffff_ffff_ffff_ffff, 0x7fff_ffff_ffff_ffff)

  /// Checks that enough attesters signed; every signature given must be valid, known and by another signer.
  ///
  /// - Throws: ``EurekaRefusal``, in the contract's order of checks.
  public func verify(_ signatures: [[UInt8]], digest: Bytes32) throws(EurekaRefusal) {
    guard !signatures.isEmpty else { throw .emptySignatures }
    guard signatures.count >= Int(required) else {
      throw .thresholdNotMet(given: signatures.count, required: required)
    }
    guard signatures.count <= EurekaProof.signatureCountMax else {
      throw .overLimit(max: EurekaProof.signatureCountMax, actual: signatures.count)
    }
    let known = Set(addresses)
    var seen: Set<Bytes20> = []
    for signature in signatures {
      guard signature.count == 65 else { throw .invalidSignatureLength(signature) }
      let s = Bytes32(signature.span, at: 32)
      guard UInt256(bigEndian: s) <= Self.halfOrder else { throw .invalidSignatureS(s) }
      let signer: Bytes20
      do {
        signer = try Secp256k1.recoverAddress(
          digest: digest, signature: signature.span, form: .twentySevenOrTwentyEight, policy: .lowSRequired)
      } catch { throw .invalidSignature }
      guard known.contains(signer) else { throw .unknownSigner(signer) }
      guard seen.insert(signer).inserted else { throw .duplicateSigner(signer) }
    }
  }
}

/// The Eureka attestation client, answer for answer as the contract gives it, with the evidence kept.
///
/// What its rules leave open is documented in docs/spec/attestation.md: nothing signed names the origin, times need not
/// rise, extra bytes after an attestation are accepted, a path listed twice can be shown to hold two values. Our own
/// mode has none of these.
public struct EurekaClient: Hashable, Sendable {
  /// Heights kept; the lowest is dropped when one more is accepted.
  public static let heightCountMax = 4096
  /// Keccak-256 of `PROOF_SUBMITTER_ROLE`.
  public static let proofSubmitterRole = Keccak256.hash([UInt8]("PROOF_SUBMITTER_ROLE".utf8))

  public enum UpdateResult: UInt8, Hashable, Sendable {
    case update = 0
    case misbehaviour = 1
    case noChange = 2
  }

  /// Two attestations of one height that cannot both be true. The first is nil when the height was set at creation.
  public struct Conflict: Hashable, Sendable {
    public let height: UInt64
    public let firstTimestamp: UInt64
    public let first: EurekaProof?
    public let second: EurekaProof
  }

  private struct Record: Hashable, Sendable {
    let timestamp: UInt64
    let proof: EurekaProof?
  }

  public let attesters: EurekaAttesters
  /// Zero lets anyone submit.
  public let roleManager: Bytes20
  public private(set) var latestHeight: UInt64
  /// Not nil once frozen; there is no way back.
  public private(set) var conflict: Conflict?
  private var records: [UInt64: Record]

  /// - Throws: ``EurekaRefusal``.
  public init(
    attesters: EurekaAttesters, initialHeight: UInt64, initialTimestampSeconds: UInt64,
    roleManager: Bytes20 = Bytes20()
  ) {
    self.attesters = attesters
    self.roleManager = roleManager
    latestHeight = initialHeight
    records = [initialHeight: Record(timestamp: initialTimestampSeconds, proof: nil)]
  }

  public var isFrozen: Bool { conflict != nil }

  /// The time of a stored height; nil when it is not known.
  public func timestamp(at height: UInt64) -> UInt64? {
    guard let record = records[height], record.timestamp != 0 else { return nil }
    return record.timestamp
  }

  private func checkOpen(_ caller: Bytes20) throws(EurekaRefusal) {
    guard !isFrozen else { throw .frozenClientState }
    guard roleManager.isZero || caller == roleManager else {
      throw .accessControlUnauthorizedAccount(caller, role: Self.proofSubmitterRole)
    }
  }

  /// Takes a state attestation.
  ///
  /// - Throws: ``EurekaRefusal``; the client is then as it was.
  public mutating func update(
    _ proof: Span<UInt8>, caller: Bytes20 = Bytes20()
  ) throws(EurekaRefusal) -> UpdateResult {
    try checkOpen(caller)
    let proof = try EurekaProof(decoding: proof)
    try attesters.verify(
      proof.signatures, digest: AttestationDigest.eureka(form: .state, attestation: proof.attestation))
    let state = try EurekaState(decoding: proof.attestation.span)
    guard state.height > 0, state.timestampSeconds > 0 else {
      throw .invalidState(height: state.height, timestamp: state.timestampSeconds)
    }
    if let known = records[state.height], known.timestamp != 0 {
      guard known.timestamp == state.timestampSeconds else {
        conflict = Conflict(
          height: state.height, firstTimestamp: known.timestamp, first: known.proof, second: proof)
        return .misbehaviour
      }
      return .noChange
    }
    if records.count >= Self.heightCountMax, let lowest = records.keys.min() {
      records[lowest] = nil
    }
    latestHeight = max(latestHeight, state.height)
    records[state.height] = Record(timestamp: state.timestampSeconds, proof: proof)
    return .update
  }

  /// The time of `height` if the proof lists `path` with `value` there.
  ///
  /// - Throws: ``EurekaRefusal``.
  public func verifyMembership(
    _ proof: Span<UInt8>, height: UInt64, path: [[UInt8]], value: [UInt8], caller: Bytes20 = Bytes20()
  ) throws(EurekaRefusal) -> UInt64 {
    try checkOpen(caller)
    guard !value.isEmpty else { throw .emptyValue }
    let (timestamp, packets) = try self.packets(proof, height: height, path: path)
    guard value.count >= 32 else { throw .undecodable }
    // The contract reads the first word and looks at nothing after it.
    let commitment = Bytes32(value.span, at: 0)
    guard !packets.isEmpty else { throw .emptyPackets }
    let hash = Keccak256.hash(path[0])
    guard packets.contains(StoredEntry(pathHash: hash, commitment: commitment)) else { throw .notMember }
    return timestamp
  }

  /// The time of `height` if the proof lists `path` with nothing there.
  ///
  /// - Throws: ``EurekaRefusal``. A path that is not listed is not shown to be absent.
  public func verifyNonMembership(
    _ proof: Span<UInt8>, height: UInt64, path: [[UInt8]], caller: Bytes20 = Bytes20()
  ) throws(EurekaRefusal) -> UInt64 {
    try checkOpen(caller)
    let (timestamp, packets) = try self.packets(proof, height: height, path: path)
    guard !packets.isEmpty else { throw .emptyPackets }
    let hash = Keccak256.hash(path[0])
    // Only the first entry of the path counts.
    guard let entry = packets.first(where: { $0.pathHash == hash }) else { throw .notMember }
    guard entry.commitment.isZero else { throw .notNonMember }
    return timestamp
  }

  /// The checks that both questions share, in the contract's order; `path` has one element when this returns.
  private func packets(
    _ proof: Span<UInt8>, height: UInt64, path: [[UInt8]]
  ) throws(EurekaRefusal) -> (timestamp: UInt64, entries: [StoredEntry]) {
    guard path.count == 1 else { throw .invalidPathLength(expected: 1, actual: path.count) }
    guard let timestamp = timestamp(at: height) else { throw .consensusTimestampNotFound(height: height) }
    let proof = try EurekaProof(decoding: proof)
    try attesters.verify(
      proof.signatures, digest: AttestationDigest.eureka(form: .packets, attestation: proof.attestation))
    let packets = try EurekaPackets(decoding: proof.attestation.span)
    guard packets.height == height else { throw .heightMismatch(expected: height, actual: packets.height) }
    return (timestamp, packets.entries)
  }
}
