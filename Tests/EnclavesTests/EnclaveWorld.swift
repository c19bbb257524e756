import Attestation
import Crypto
import Enclaves
import Encodings
import Foundation
import LightClients
import MerkleProofs
import Messages
import StateTree
import Testing
import WireBytes

/// A ledger of three validators, an enclave, a coordinator and accounts, all of fixed keys.
struct EnclaveWorld {
  let domain: InteroperableAddress
  let accounts: [InteroperableAddress]
  let signer: P256.Signing.PrivateKey
  let coordinator: Curve25519.Signing.PrivateKey
  let validators: [Curve25519.Signing.PrivateKey]
  let set: CometBFT.ValidatorSet
  let sealing: EphemeralSealingKey
  let replyKey: EphemeralSealingKey
  let policy: EnclavePolicy
  let keys: EnclaveKeys
  let opening: CaseOpening
  let caseID: Bytes32
  let attestationPolicy: AttestationPolicy

  static let chainID = "demo-1"
  static let start: UInt64 = 1_700_000_000

  /// 32 bytes that a seed names.
  static func seed(_ number: UInt8) -> [UInt8] { [UInt8](repeating: number, count: 31) + [1] }
  static func hash(_ number: UInt8) -> Bytes32 { Bytes32 { _ in number } }

  init(
    suite: SealingSuite = .x25519, asksLedger: Bool = true, maximumInputs: UInt64 = 8,
    inputSize: UInt64 = 1000
  ) throws {
    domain = try InteroperableAddress(chain: try DomainID("cosmos:demo-1"))
    let id = try DomainID("cosmos:demo-1")
    accounts = try (0..<4).map { number in
      try InteroperableAddress(domain: id, address: [UInt8](repeating: UInt8(0xa0 + number), count: 20))
    }
    signer = try P256.Signing.PrivateKey(rawRepresentation: Self.seed(1))
    coordinator = try Curve25519.Signing.PrivateKey(rawRepresentation: Self.seed(2))
    validators = try (0..<3).map { try Curve25519.Signing.PrivateKey(rawRepresentation: Self.seed(10 + $0)) }
    set = try CometBFT.ValidatorSet(
      sorting: try validators.map {
        CometBFT.Validator(publicKey: try Bytes32([UInt8]($0.publicKey.rawRepresentation)), power: 10)
      })
    sealing = try EphemeralSealingKey(suite, seed: Self.seed(3))
    replyKey = try EphemeralSealingKey(suite, seed: Self.seed(4))
    policy = try EnclavePolicy(
      maximumInputs: maximumInputs, maximumInputSize: inputSize, gas: 1_000_000,
      ledger: asksLedger ? .init(chainID: Self.chainID, validatorsHash: set.hash()) : nil)
    let program = Self.hash(0x77)
    keys = try EnclaveKeys(
      domain: domain, operator: accounts[3], program: program, policy: policy.hash,
      signing: EnclaveVerificationKey(
        suite: .p256, bytes: [UInt8](signer.publicKey.compressedRepresentation)),
      sealing: sealing.publicKey, sequence: 1, anchorHeight: 5, anchorHash: Self.hash(0x55),
      issued: Self.start, expires: Self.start + 86_400)
    attestationPolicy = try AttestationPolicy(
      json: [
        "schema": "causeway-attestation-policy/1", "production": false,
        "simulated": [
          "programs": [.string(program.description)], "policies": [.string(policy.hash.description)],
        ],
      ])
    opening = try CaseOpening(
      number: 9, opener: accounts[0], program: program, policy: policy.hash,
      attestationPolicy: attestationPolicy.hash,
      coordinator: EnclaveVerificationKey(
        suite: .ed25519, bytes: [UInt8](coordinator.publicKey.rawRepresentation), field: .coordinatorKey),
      opened: Self.start + 100, closes: Self.start + 1000, expires: Self.start + 5000, maximumInputs: 8,
      accepts: [.init(denomination: [UInt8]("stake".utf8), amount: UInt256(1))])
    caseID = try CaseIdentity.id(domain: domain, number: 9)
  }

  func coin(_ amount: UInt64, _ denomination: String = "stake") -> Update.Coin {
    Update.Coin(denomination: [UInt8](denomination.utf8), amount: UInt256(amount))
  }

  // MARK: Inputs

  /// What one account submits: the envelope, and what the ledger records of it.
  struct Submission {
    let envelope: SealedEnvelope
    let input: SealedInput
    let record: CaseInput
  }

  func submission(
    _ account: Int, nonce: UInt64 = 1, body: String, coins: [Update.Coin]? = nil,
    fields: [SealedInput.Field] = [], reply: SealingPublicKey? = nil, expires: UInt64? = nil,
    case other: Bytes32? = nil
  ) throws -> Submission {
    let input = try SealedInput(
      reply: reply ?? replyKey.publicKey, body: [UInt8](body.utf8), salt: Self.hash(UInt8(account + 1)),
      fields: fields)
    let envelope = try SealedEnvelope(
      sealing: input, to: keys, case: other ?? caseID, sender: accounts[account], nonce: nonce,
      expires: expires ?? opening.expires)
    return Submission(
      envelope: envelope, input: input,
      record: try CaseInput(
        sender: accounts[account], nonce: nonce, commitment: envelope.commitment, coins: coins ?? [coin(500)])
    )
  }

  // MARK: The ledger

  func record(
    _ inputs: [CaseInput], status: CaseRecord.Status = .open, opening: CaseOpening? = nil,
    settling: [(kind: CustodyKind, content: [UInt8])] = [], receipt: Bytes32 = Bytes32(),
    state: Bytes32 = Bytes32()
  ) throws -> CaseRecord {
    let opening = opening ?? self.opening
    var links: [(kind: CustodyKind, content: [UInt8])] = [(.opened, opening.encoded())]
    for input in inputs { links.append((.input, input.encoded())) }
    let root = try CaseInputs.root(inputs.map(\.commitment))
    if status != .open {
      let closing = try CaseClosing(inputs: root, inputCount: UInt16(inputs.count))
      links.append((.closed, closing.encoded()))
      if status == .reclaimed { links.append((.reclaimed, closing.encoded())) }
    }
    links += settling
    var total: [[UInt8]: UInt64] = [:]
    for coin in inputs.flatMap(\.coins) { total[coin.denomination, default: 0] += coin.amount.asUInt64 ?? 0 }
    let escrow = total.sorted { $0.key.lexicographicallyPrecedes($1.key) }
      .map { Update.Coin(denomination: $0.key, amount: UInt256($0.value)) }
    return try CaseRecord(
      opening: opening.root(), closes: opening.closes, expires: opening.expires, status: status, inputs: root,
      inputCount: UInt16(inputs.count), head: CustodyChain.head(of: links), linkCount: UInt16(links.count),
      escrow: escrow, receipt: receipt, state: state)
  }

  /// A block whose root has `entries`, and a proof of each.
  func ledger(
    _ entries: [(key: [UInt8], value: [UInt8])], height: Int64 = 50, seconds: UInt64? = nil,
    chainID: String = EnclaveWorld.chainID, signers: Int = 3
  ) throws -> (block: LedgerBlock, proofs: [[UInt8]]) {
    var tree = StateTree(store: MemoryStateStore())
    let other = StateChange(key: [UInt8]("other".utf8), value: [1])
    let changes = (entries.map { StateChange(key: $0.key, value: $0.value) } + [other])
      .sorted { $0.key.lexicographicallyPrecedes($1.key) }
    let root = try tree.commit(version: 1, changes: changes)
    let proofs = try entries.map { try tree.prove($0.key, at: 1).encoded() }
    let time = try CometBFT.Timestamp(seconds: Int64(seconds ?? opening.closes + 10), nanoseconds: 5)
    let header = CometBFT.Header(
      version: .init(block: 11, app: 1), chainID: chainID, height: height, time: time,
      lastBlockID: CometBFT.BlockID(hash: Self.hash(1), parts: .init(total: 1, hash: Self.hash(2))),
      lastCommitHash: Self.hash(3), dataHash: Self.hash(4), validatorsHash: set.hash(),
      nextValidatorsHash: set.hash(), consensusHash: Self.hash(5), appHash: root.array,
      lastResultsHash: Self.hash(6), evidenceHash: Self.hash(7), proposerAddress: set.validators[0].address)
    let id = CometBFT.BlockID(
      hash: header.hash(), parts: .init(total: 1, hash: Self.hash(8)))
    let vote = CometBFT.CanonicalVote(
      type: CometBFT.CanonicalVote.precommit, height: height, round: 0, blockID: id, chainID: chainID)
    var signatures: [CometBFT.CommitSignature] = []
    for (index, validator) in set.validators.enumerated() {
      let key = try #require(
        validators.first { [UInt8]($0.publicKey.rawRepresentation) == validator.publicKey.array })
      guard index < signers else {
        signatures.append(.absent)
        continue
      }
      signatures.append(
        .vote(
          CometBFT.CommitVote(
            choice: .block, validatorAddress: validator.address, timestamp: time,
            signature: [UInt8](try key.signature(for: vote.signBytes(at: time))))))
    }
    let commit = CometBFT.Commit(height: height, round: 0, blockID: id, signatures: signatures)
    return (
      LedgerBlock(signedHeader: .init(header: header, commit: commit), validators: set), proofs
    )
  }

  func job(
    _ submissions: [Submission], record: CaseRecord? = nil, seconds: UInt64? = nil, height: Int64 = 50,
    opening: CaseOpening? = nil, envelopes: [SealedEnvelope]? = nil
  ) throws -> ComputationJob {
    let inputs = submissions.map(\.record)
    let record = try record ?? self.record(inputs, opening: opening)
    let (block, proofs) = try ledger(
      [(CaseKeys.record(caseID), record.encoded())], height: height, seconds: seconds)
    return try ComputationJob(
      opening: opening ?? self.opening, inputs: inputs, envelopes: envelopes ?? submissions.map(\.envelope),
      ledger: policy.ledger == nil
        ? nil : .init(block: block.encoded(), record: record.encoded(), proof: proofs[0]))
  }

  // MARK: Signatures

  /// The enclave's, with a low s.
  func sign(_ digest: Bytes32) throws -> [UInt8] {
    let signature = try signer.signature(for: Digest32(digest))
    return EnclaveSignature.lowS([UInt8](signature.rawRepresentation), suite: .p256)
  }
}

/// 32 bytes that are signed as they are.
struct Digest32: Crypto.Digest {
  static var byteCount: Int { 32 }
  let bytes: [UInt8]

  init(_ hash: Bytes32) { bytes = hash.array }

  func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    // The pointer does not outlive `body`, whose word that is.
    try unsafe bytes.withUnsafeBytes(body)
  }

  var description: String { "digest" }
}
