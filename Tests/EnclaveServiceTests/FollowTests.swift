import Attestation
import Crypto
import Digests
import EnclaveService
import Enclaves
import Encodings
import Foundation
import Gate
import LightClients
import Messages
import SignerJournal
import Testing
import WireBytes

/// A chain of our own, signed by one to three keys, for an enclave that follows it.
struct FollowedChain {
  static let chainID = "demo-7"
  let keys: [Curve25519.Signing.PrivateKey]

  init(_ numbers: ClosedRange<UInt8>) throws {
    keys = try numbers.map {
      try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: $0, count: 32))
    }
  }

  func validators() throws -> CometBFT.ValidatorSet {
    try CometBFT.ValidatorSet(
      sorting: keys.map {
        CometBFT.Validator(publicKey: try Bytes32([UInt8]($0.publicKey.rawRepresentation)), power: 10)
      })
  }

  func header(_ height: Int64, next: FollowedChain? = nil, root: UInt8 = 5) throws -> CometBFT.Header {
    let empty = SHA256Hash.hash([])
    let set = try validators()
    return CometBFT.Header(
      version: CometBFT.Header.Version(block: 11, app: 1), chainID: Self.chainID, height: height,
      time: try CometBFT.Timestamp(seconds: Int64(Bench.now) - 1_000 + height), lastBlockID: .none,
      lastCommitHash: empty,
      dataHash: empty, validatorsHash: set.hash(), nextValidatorsHash: try (next ?? self).validators().hash(),
      consensusHash: empty, appHash: [UInt8](repeating: root, count: 32), lastResultsHash: empty,
      evidenceHash: empty,
      proposerAddress: set.validators[0].address)
  }

  /// - Parameter trusted: the set that the enclave's state names; this chain's own when nil.
  func block(
    _ height: Int64, next: FollowedChain? = nil, trusted: FollowedChain? = nil, root: UInt8 = 5,
    signers: Int? = nil
  ) throws -> FollowedBlock {
    let header = try header(height, next: next, root: root)
    let id = CometBFT.BlockID(
      hash: header.hash(), parts: CometBFT.PartSetHeader(total: 1, hash: SHA256Hash.hash([7])))
    let set = try validators()
    let byAddress = try Dictionary(
      uniqueKeysWithValues: keys.map {
        (CometBFT.Validator.address(of: try Bytes32([UInt8]($0.publicKey.rawRepresentation))), $0)
      })
    let entries = try set.validators.enumerated().map { index, validator -> CometBFT.CommitSignature in
      if let signers, index >= signers { return .absent }
      let vote = CometBFT.CanonicalVote(
        type: CometBFT.CanonicalVote.precommit, height: height, round: 0, blockID: id, chainID: Self.chainID)
      let key = try #require(byAddress[validator.address])
      return try CometBFT.CommitSignature(
        flag: 2, address: validator.address, timestamp: header.time,
        signature: [UInt8](try key.signature(for: vote.signBytes(at: header.time))))
    }
    return FollowedBlock(
      signedHeader: CometBFT.SignedHeader(
        header: header, commit: CometBFT.Commit(height: height, round: 0, blockID: id, signatures: entries)),
      validators: set, trustedValidators: try (trusted ?? self).validators())
  }

  static let binding = SHA256Hash.hash([UInt8]("a client's binding".utf8))

  func policy(from height: Int64 = 1) throws -> FollowPolicy {
    try FollowPolicy(
      chainID: Self.chainID, trustingPeriodSeconds: 86_400, clockDriftSeconds: 10, binding: Self.binding,
      start: try #require(FollowedState(try header(height))))
  }
}

@Suite("An enclave that follows a chain")
struct FollowTests {
  private static func start(
    _ folder: Folder, _ policy: FollowPolicy, files: any DurableFiles = SystemFiles(), clock: Clock = Clock()
  ) throws -> Enclave {
    try Enclave(
      Bench.configuration(folder), workload: .follow(policy),
      platform: SimulatedPlatform(folder: folder.path, files: files, clock: clock.reading), files: files,
      clock: clock.reading)
  }

  @Test("signs each step from the state before it, and none twice")
  func steps() throws {
    let folder = try Folder()
    let chain = try FollowedChain(1...3)
    let policy = try chain.policy()
    let enclave = try Self.start(folder, policy)
    let registration = try enclave.rotate(Bench.anchor())
    var previous = policy.start.identifier
    for height in [2, 3, 7] as [Int64] {
      let block = try chain.block(height)
      let signed = try Read.signed(try enclave.follow(block))
      let transition = signed.transition
      #expect(transition.previous == previous)
      #expect(transition.registration == registration.id)
      #expect(transition.height == UInt64(height))
      #expect(transition.revision == 7)
      #expect(transition.time == Bench.now - 1_000 + UInt64(height))
      #expect(transition.stateRoot.array == [UInt8](repeating: 5, count: 32))
      try EnclaveSignature.verify(
        digest: transition.digest(bindingHash: FollowedChain.binding), signature: signed.signature,
        key: registration.keys.signing, at: Bench.now)
      // The same header gives the same bytes again, also with another commit for it.
      #expect(try enclave.follow(block) == signed.encoded())
      previous = transition.next
    }
    // Another header at a height that was signed for, and one before it.
    #expect(throws: EnclaveRefusal.block(.height(trusted: 7, actual: 7))) {
      try enclave.follow(try chain.block(7, root: 6))
    }
    #expect(throws: EnclaveRefusal.block(.height(trusted: 7, actual: 4))) {
      try enclave.follow(try chain.block(4))
    }
    #expect(enclave.status().followed?.height == 7)
    #expect(throws: EnclaveRefusal.unsupported(.compute)) {
      try enclave.compute(
        try ComputationJob(
          opening: Bench.opening(1, enclave.identity), inputs: [], envelopes: [], ledger: nil))
    }
  }

  @Test("what it signs, a gate believes: the quote comes once, then each step costs one signature")
  func gate() throws {
    let folder = try Folder()
    let chain = try FollowedChain(1...3)
    let binding = try AttestationBinding(
      origin: DomainID("cosmos:\(FollowedChain.chainID)"), router: [7], client: ClientID("client-0"))
    let follow = try FollowPolicy(
      chainID: FollowedChain.chainID, trustingPeriodSeconds: 86_400, clockDriftSeconds: 10,
      binding: AttestationDigest.bindingHash(binding), start: try #require(FollowedState(try chain.header(1))))
    let enclave = try Self.start(folder, follow)
    let made = try enclave.rotate(Bench.anchor())
    let simulated = SimulatedPolicy(programs: [FollowPolicy.program], policies: [follow.hash])
    let policy = try Policy(
      .enclave(
        EnclaveTierPolicy(
          binding: binding, program: FollowPolicy.program, enclavePolicy: follow.hash,
          attestation: try AttestationPolicy(isProduction: false, driftMaxSeconds: 60, simulated: simulated),
          start: follow.start.identifier)))
    var client = GateClient(policy: policy)
    let now = GateContext(now: UnixTime(seconds: Bench.now))
    var registration: EnclaveEvidence.Registration? = .init(keys: made.keys, evidence: made.evidence)
    for height in [2, 3, 7] as [Int64] {
      let signed = try Read.signed(try enclave.follow(try chain.block(height)))
      let evidence = EnclaveEvidence(
        registration: registration, transition: signed.transition, signature: signed.signature)
      guard case .accepted(let verdict) = try client.update(.enclave(evidence), in: now) else {
        Issue.record("height \(height)")
        return
      }
      #expect(verdict.claim.height == Height(revision: 7, UInt64(height)))
      #expect(verdict.assumptions.contains { $0.code == "enclave" })
      // A step is taken once: the next goes on from it.
      #expect(throws: Refusal.self) { try client.update(.enclave(evidence), in: now) }
      registration = nil
    }
  }

  @Test("refuses blocks that do not follow")
  func refusals() throws {
    let folder = try Folder()
    let chain = try FollowedChain(1...3)
    let enclave = try Self.start(folder, try chain.policy())
    #expect(throws: EnclaveRefusal.noKeys) { try enclave.follow(try chain.block(2)) }
    _ = try enclave.rotate(Bench.anchor())
    let strangers = try FollowedChain(11...13)
    for (block, code) in [
      // Too few signatures; other validators; a set that is not the trusted one; skipping to a set nobody trusts.
      (try chain.block(2, signers: 1), EnclaveRefusalCode.block),
      (try strangers.block(2, trusted: chain), .block),
      (try chain.block(2, trusted: strangers), .block),
      (try strangers.block(9, trusted: chain), .notEnoughTrust),
    ] {
      let refusal = #expect(throws: EnclaveRefusal.self) { try enclave.follow(block) }
      #expect(refusal?.code == code)
    }
    #expect(enclave.status().answers == 0)
    let late = Clock()
    late.advance(200_000)
    let other = try Folder()
    let expired = try Self.start(other, try chain.policy(), clock: late)
    _ = try expired.rotate(Bench.anchor())
    let refusal = #expect(throws: EnclaveRefusal.self) { try expired.follow(try chain.block(2)) }
    guard case .block(.header(.expired)) = refusal else {
      Issue.record("\(String(describing: refusal))")
      return
    }
  }

  /// What a process answers that ends with this call.
  private static func followOnce(
    _ folder: Folder, _ policy: FollowPolicy, _ block: FollowedBlock
  ) throws -> [UInt8] {
    let enclave = try start(folder, policy)
    _ = try enclave.rotate(Bench.anchor())
    return try enclave.follow(block)
  }

  @Test("goes on from the last step after a restart, and gives lost answers out again")
  func restart() throws {
    let folder = try Folder()
    let chain = try FollowedChain(1...3)
    let next = try FollowedChain(4...6)
    let first = try Self.followOnce(folder, try chain.policy(), try chain.block(2, next: next))
    let enclave = try Self.start(folder, try chain.policy())
    #expect(try enclave.follow(try chain.block(2, next: next)) == first)
    #expect(throws: EnclaveRefusal.block(.height(trusted: 2, actual: 2))) {
      _ = try enclave.rotate(Bench.anchor())
      _ = try enclave.follow(try chain.block(2))
    }
    let registration = try enclave.keys()
    let second = try Read.signed(try enclave.follow(try next.block(3))).transition
    #expect(second.previous == (try Read.signed(first).transition.next))
    #expect(second.registration == registration.id)
    // Another policy has another start: the log is not that of it.
    let log = try Folder()
    for name in ["log", "anchors", "log-id", "storage-key"] { try folder.copy(to: log, name) }
    let refusal = #expect(throws: EnclaveStartRefusal.self) { try Self.start(log, try chain.policy(from: 9)) }
    guard case .log(.order) = refusal else {
      Issue.record("\(String(describing: refusal))")
      return
    }
  }

  @Test("never signs two steps from one state, at whatever file call it dies")
  func crashes() throws {
    let folder = try Folder()
    let chain = try FollowedChain(1...3)
    let policy = try chain.policy()
    let block = try chain.block(2)
    let other = try chain.block(2, root: 6)
    for call in 0...40 {
      let files = MemoryFiles()
      let enclave = try Self.start(folder, policy, files: files)
      _ = try enclave.rotate(Bench.anchor())
      files.setFault { index, _ in index >= call ? 5 : nil }
      let signed = try? enclave.follow(block)
      let next = try Self.start(folder, policy, files: files.copy())
      _ = try next.rotate(Bench.anchor())
      let second = try? next.follow(other)
      if let signed {
        #expect(second == nil)
        #expect(try next.follow(block) == signed)
        if call > files.calls { break }
      } else if second == nil {
        _ = try next.follow(block)
      }
    }
  }

  @Test("has state ids and policies as the specification says, by hashlib")
  func vectors() throws {
    let json = try #require(try PlatformVectors.load()["followed"])
    let state = try FollowedState(
      chainID: try json.text("chainId"), height: try json.number("height"),
      header: try Bytes32(try json.bytes("header")),
      nextValidators: try Bytes32(try json.bytes("nextValidators")), seconds: try json.number("seconds"),
      nanoseconds: UInt32(try json.number("nanoseconds")))
    let encoded = try json.bytes("encoded")
    #expect(state.encoded() == encoded)
    #expect(state.identifier.array == (try json.bytes("identifier")))
    #expect(try FollowedState(decoding: encoded.span) == state)
    #expect(FollowPolicy.program.array == (try PlatformVectors.load().bytes("followProgram")))
    for count in 0..<encoded.count {
      let short = [UInt8](encoded.prefix(count))
      #expect(throws: FollowedStateError.self) { try FollowedState(decoding: short.span) }
    }
    let long = encoded + [0]
    #expect(throws: FollowedStateError.self) { try FollowedState(decoding: long.span) }
    let policy = try FollowedChain(1...3).policy()
    #expect(try FollowPolicy(decoding: [UInt8](policy.text.utf8)) == policy)
    for (text, error) in [
      (
        policy.text.replacingOccurrences(of: "follow/1", with: "follow/2"),
        FollowPolicyError.schema("causeway-enclave-follow/2")
      ),
      (
        policy.text.replacingOccurrences(of: "\"clockDriftSeconds\":10", with: "\"clockDriftSeconds\":1e1"),
        .member("clockDriftSeconds")
      ),
      (policy.text.replacingOccurrences(of: "\"chainId\"", with: "\"chain\""), .unknownMember("chain")),
      (policy.text.replacingOccurrences(of: "\"height\":1", with: "\"height\":0"), .member("start")),
    ] {
      #expect(throws: error) { try FollowPolicy(decoding: [UInt8](text.utf8)) }
    }
  }

  @Test("reads blocks strictly")
  func blocks() throws {
    let block = try FollowedChain(1...3).block(2)
    let bytes = block.encoded()
    #expect(try FollowedBlock(decoding: bytes.span).encoded() == bytes)
    for count in stride(from: 0, to: bytes.count, by: 3) {
      let short = [UInt8](bytes.prefix(count))
      #expect(throws: FollowedBlockError.self) { try FollowedBlock(decoding: short.span) }
    }
  }
}
