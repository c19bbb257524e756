import Encodings
import Foundation
import Gate
import LightClients
import Messages
import TestSupport
import Testing
import WireBytes

/// Calls that the deployed Eureka attestation client and router answered, replayed here answer for answer.
@Suite(
  "The Eureka worked example", .enabled(if: Corpora.directory("ibc") != nil, "corpus ibc is absent"))
struct WorkedExampleTests {
  let json: JSONValue

  init() throws {
    let directory = try #require(Corpora.directory("ibc"))
    let url = URL(fileURLWithPath: directory + "/attestation_client_worked_example.json")
    json = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
  }

  /// The contract's constructor, from its arguments.
  private func client(_ arguments: JSONValue, roleManager: Bytes20? = nil) throws -> EurekaClient {
    let addresses = try #require(arguments["attestorAddresses"]?.array).map {
      try Bytes20(hex: try #require($0.string))
    }
    return EurekaClient(
      attesters: try EurekaAttesters(
        addresses: addresses, required: try #require(arguments["minRequiredSigs"]?.integer())),
      initialHeight: try #require(arguments["initialHeight"]?.integer()),
      initialTimestampSeconds: try #require(arguments["initialTimestampSeconds"]?.integer()),
      roleManager: roleManager ?? Bytes20())
  }

  /// Calldata after the selector: words and byte strings by their offsets.
  private struct Arguments {
    let bytes: [UInt8]
    func word(_ offset: Int) -> Int {
      bytes[(offset + 24)..<(offset + 32)].reduce(0) { $0 << 8 | Int($1) }
    }
    func string(_ offset: Int) -> [UInt8] {
      Array(bytes[(offset + 32)..<(offset + 32 + word(offset))])
    }
    func strings(_ offset: Int) -> [[UInt8]] {
      (0..<word(offset)).map { string(offset + 32 + word(offset + 32 + $0 * 32)) }
    }
  }

  /// What our client answers to calldata, in the words of the record.
  private func answer(_ client: inout EurekaClient, _ calldata: [UInt8], caller: Bytes20) -> String {
    let arguments = Arguments(bytes: Array(calldata.dropFirst(4)))
    do throws(EurekaRefusal) {
      switch Hex.encode(Array(calldata.prefix(4))) {
      case "0x0bece356":
        let proof = arguments.string(arguments.word(0))
        return String(try client.update(proof.span, caller: caller).rawValue)
      case "0x682ed5f0":
        let start = arguments.word(0)
        let proof = arguments.string(start + arguments.word(start))
        return String(
          try client.verifyMembership(
            proof.span, height: UInt64(arguments.word(start + 64)),
            path: arguments.strings(start + arguments.word(start + 96)),
            value: arguments.string(start + arguments.word(start + 128)), caller: caller))
      case "0x4d6d9ffb":
        let start = arguments.word(0)
        let proof = arguments.string(start + arguments.word(start))
        return String(
          try client.verifyNonMembership(
            proof.span, height: UInt64(arguments.word(start + 64)),
            path: arguments.strings(start + arguments.word(start + 96)), caller: caller))
      case "0xddba6537": throw EurekaRefusal.featureNotSupported
      default: return "unknown function"
      }
    } catch {
      return error.contractError
    }
  }

  @Test("answers every call of the client as the contract did")
  func clientCalls() throws {
    let arguments = try #require(json["client"]?["constructor"])
    var first = try client(arguments)
    var second = try client(arguments)
    let manager = Bytes20 { UInt8($0 + 1) }
    var gated = try client(arguments, roleManager: manager)
    var accepted = 0
    var refused = 0
    for entry in try #require(json["clientCases"]?.array) {
      let name = try #require(entry["name"]?.string)
      let calldata = try Hex.decode(try #require(entry["calldata"]?.string))
      let wanted = entry["answer"]?["returns"]?[0]?.string ?? entry["answer"]?["error"]?.string
      var caller = Bytes20()
      let actual: String
      // Calls that did not change the contract are made on a copy.
      let isStored = entry["stored"]?.boolean == true
      if name.contains("roleManager") {
        if name.contains("called by it") {
          caller = manager
        } else {
          let text = try #require(wanted).dropFirst("AccessControlUnauthorizedAccount(".count).prefix(42)
          caller = try Bytes20(hex: String(text))
        }
        actual = answer(&gated, calldata, caller: caller)
      } else if name.contains("second client") {
        actual = answer(&second, calldata, caller: caller)
      } else {
        var copy = first
        actual = answer(&copy, calldata, caller: caller)
        if isStored { first = copy }
      }
      #expect(actual == wanted, "\(name)")
      if entry["expect"]?.string == "accept" { accepted += 1 } else { refused += 1 }
    }
    #expect(accepted == 23)
    #expect(refused == 40)
    #expect(first.conflict?.height == 100)
    #expect(first.conflict?.first == nil)
    for (height, seconds) in try #require(json["client"]?["storedHeightsAfterAllCases"]?.object) {
      #expect(first.timestamp(at: try #require(UInt64(height))) == seconds.integer())
    }
    #expect(first.latestHeight == 111)
  }

  @Test("answers every constructor call as the contract did")
  func constructorCalls() throws {
    let cases = try #require(json["constructorCases"]?.array)
    for entry in cases {
      let arguments = try #require(entry["args"])
      if entry["expect"]?.string == "accept" {
        _ = try client(arguments)
      } else {
        let error = #expect(throws: EurekaRefusal.self) { try client(arguments) }
        #expect(error?.contractError == entry["answer"]?["error"]?.string)
      }
    }
    #expect(cases.count == 9)
  }

  /// A worked attestation: its form, bytes and signatures.
  private func worked() throws -> [(form: AttestedPolicy.Form, proof: EurekaProof, record: JSONValue)] {
    try #require(json["worked"]?.array).map { entry in
      let signatures = try #require(entry["signatures"]?.array).map { try GateVectors.hex($0["bytes65"]) }
      let proof = EurekaProof(
        attestation: try GateVectors.hex(entry["attestationData"]), signatures: signatures)
      return (entry["tag"]?.integer(Int.self) == 1 ? .state : .packets, proof, entry)
    }
  }

  @Test("builds attestations, digests and proofs byte for byte")
  func bytes() throws {
    let worked = try worked()
    for (form, proof, record) in worked {
      let attestation = proof.attestation
      let again: [UInt8]
      if form == .state {
        again = try EurekaState(decoding: attestation.span).encoded()
      } else {
        again = try EurekaPackets(decoding: attestation.span).encoded()
      }
      #expect(again == attestation)
      let digest = AttestationDigest.eureka(form: form, attestation: attestation).description
      #expect(digest == record["digest"]?.string)
      let encoded = proof.encoded()
      #expect(Hex.encode(encoded) == record["proof"]?.string)
      // The contract does not ask for the padding of the last signature: 31 bytes.
      for count in stride(from: 0, to: encoded.count - 31, by: 7) {
        let cut = [UInt8](encoded.prefix(count))
        #expect(throws: EurekaRefusal.undecodable) { try EurekaProof(decoding: cut.span) }
      }
    }
    #expect(worked.count == 3)
  }

  @Test("a policy of the Eureka mode believes what the client believes")
  func policy() throws {
    let keys = try #require(json["keys"]?.array).map {
      try Attester(suite: .secp256k1Address, key: try GateVectors.hex($0["address"]))
    }
    let binding = try AttestationBinding(
      origin: DomainID("eip155:1"), router: [], client: ClientID("client-0"))
    for (form, proof, _) in try worked() {
      let policy = try Policy(
        .attested(
          try AttestedPolicy(mode: .eureka, form: form, binding: binding, attesters: keys, quorum: 5)))
      let verdict = try Gate.evaluate(policy, .eureka(proof), in: GateVectors.context())
      let last = verdict.assumptions.last
      #expect(last == .keysServeOneOrigin(attesters: 7))
      let fewer = Evidence.eureka(
        EurekaProof(attestation: proof.attestation, signatures: Array(proof.signatures.dropLast())))
      #expect(throws: Refusal.eureka(.thresholdNotMet(given: 4, required: 5))) {
        try Gate.evaluate(policy, fewer, in: GateVectors.context())
      }
    }
  }

  @Test("proves the router's commitment, and the absence of a receipt, under a state root")
  func storage() throws {
    let proof = try #require(json["commitmentStorageProof"])
    func nodes(_ json: JSONValue?) throws -> [[UInt8]] {
      try #require(json?.array).map { try Hex.decode(try #require($0.string)) }
    }
    let claim = Claim.state(
      StateClaim(
        domain: try DomainID("eip155:1"), height: Height(3950),
        root: try Bytes32(hex: try #require(proof["stateRoot"]?.string)), timestamp: UnixTime(seconds: 1)))
    let router = try Bytes20(hex: try #require(proof["router"]?.string))
    let account = try nodes(proof["accountProof"])
    let value = try Hex.decode(try #require(proof["value"]?.string))
    let present = MembershipProof.evmStorage(
      account: account, storage: try nodes(proof["storageProof"]?[0]?["proof"]))
    let absent = MembershipProof.evmStorage(
      account: account, storage: try nodes(proof["storageProof"]?[1]?["proof"]))
    let client = try ClientID("client-0")
    let commitment = PacketPath(.commitment, client: client, sequence: .first)
    let receipt = PacketPath(.receipt, client: client, sequence: .first)
    let store = HostStore.evm(router: router)
    let entry = try Membership.prove(commitment, holds: value, in: claim, store: store, by: present)
    #expect(entry.path == commitment)
    _ = try Membership.proveAbsence(of: receipt, in: claim, store: store, by: absent)
    var other = value
    other[31] ^= 1
    #expect(throws: MembershipError.valueMismatch(stored: try Bytes32(value))) {
      try Membership.prove(commitment, holds: other, in: claim, store: store, by: present)
    }
    #expect(throws: MembershipError.present(stored: try Bytes32(value))) {
      try Membership.proveAbsence(of: commitment, in: claim, store: store, by: present)
    }
    #expect(throws: MembershipError.valueMismatch(stored: Bytes32())) {
      try Membership.prove(receipt, holds: value, in: claim, store: store, by: absent)
    }
    #expect(throws: MembershipError.valueZero) {
      try Membership.prove(
        commitment, holds: [UInt8](repeating: 0, count: 32), in: claim, store: store, by: present)
    }
    #expect(throws: MembershipError.kind) {
      try Membership.proveAbsence(of: receipt, in: claim, store: .cosmos(prefix: [[]]), by: absent)
    }
    #expect(throws: MembershipError.self) {
      try Membership.proveAbsence(of: receipt, in: claim, store: .evm(router: Bytes20()), by: absent)
    }
  }
}

@Suite("Listed paths and the CometBFT tier")
struct MembershipTests {
  private func claim(_ entries: [StoredEntry], timestamp: UInt64? = 100) throws -> Claim {
    .packets(
      PacketsClaim(
        domain: try DomainID("cosmos:demo-1"), height: Height(5),
        timestamp: timestamp.map { UnixTime(seconds: $0) }, entries: entries))
  }

  private func packet() throws -> Packet {
    try Packet(
      sequence: .first, sourceClient: ClientID("client-0"), destinationClient: ClientID("client-9"),
      timeout: UnixTime(seconds: 100),
      payloads: [
        try Payload(
          sourcePort: "transfer", destinationPort: "transfer", version: "v", encoding: "e", value: [1])
      ])
  }

  @Test("a listed path proves what it lists, and silence proves nothing")
  func listed() throws {
    let packet = try packet()
    let path = PacketPath(.commitment, of: packet)
    let receipt = PacketPath(.receipt, of: packet)
    let prefix = [UInt8]("wasm".utf8)
    let store = HostStore.listed(prefix: prefix)
    let entries = [
      StoredEntry(pathHash: path.hash(prefix: prefix), commitment: PacketCommitment.of(packet)),
      StoredEntry(pathHash: receipt.hash(prefix: prefix), commitment: Bytes32()),
    ]
    let claim = try claim(entries)
    #expect(try Membership.prove(packet, in: claim, store: store, by: .listed).packet == packet)
    _ = try Membership.proveTimeout(of: packet, in: claim, store: store, by: .listed)
    #expect(throws: Membership.TimeoutError.notYet(timeout: packet.timeout, proven: UnixTime(seconds: 99))) {
      try Membership.proveTimeout(
        of: packet, in: try self.claim(entries, timestamp: 99), store: store, by: .listed)
    }
    #expect(throws: Membership.TimeoutError.membership(.noTimestamp)) {
      try Membership.proveTimeout(
        of: packet, in: try self.claim(entries, timestamp: nil), store: store, by: .listed)
    }
    #expect(throws: MembershipError.present(stored: PacketCommitment.of(packet))) {
      try Membership.proveAbsence(of: path, in: claim, store: store, by: .listed)
    }
    #expect(throws: MembershipError.pathNotListed) {
      try Membership.proveAbsence(of: receipt, in: claim, store: .listed(prefix: []), by: .listed)
    }
    #expect(throws: MembershipError.valueZero) {
      try Membership.prove(
        receipt, holds: [UInt8](repeating: 0, count: 32), in: claim, store: store, by: .listed)
    }
  }

  @Test(
    "follows a CometBFT chain from a trusted header, and refuses when it is too old or altered",
    .enabled(if: Corpora.directory("ibc") != nil, "corpus ibc is absent"))
  func cometBFT() throws {
    let directory = try #require(Corpora.directory("ibc"))
    let url = URL(
      fileURLWithPath: directory
        + "/eureka/packages/tendermint-light-client/fixtures/update_client_happy_path.json")
    let json = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    func hex(_ value: JSONValue?) throws -> [UInt8] { try Hex.decode(try #require(value?.string)) }
    let stateBytes = try hex(json["client_state_hex"])
    let consensusBytes = try hex(json["consensus_state_hex"])
    let headerBytes = try hex(json["update_client_message"]?["client_message_hex"])
    let state = try Tendermint.ClientState(decoding: stateBytes.span)
    let consensus = try Tendermint.ConsensusState(decoding: consensusBytes.span)
    let header = try Tendermint.Header(decoding: headerBytes.span)
    let policy = try Policy(
      .cometBFT(
        try CometBFTPolicy(
          domain: DomainID("cosmos:" + state.chainID), chainID: state.chainID,
          trustingPeriodSeconds: 1_209_600, clockDriftSeconds: 10)))
    let trusted = CometBFT.TrustedState(
      vouchedChainID: state.chainID, height: Int64(header.trustedHeight.height), time: consensus.timestamp,
      nextValidatorsHash: consensus.nextValidatorsHash)
    let seconds = UInt64(header.signedHeader.header.time.seconds)
    let evidence = Evidence.cometBFT(CometBFTEvidence(header: header))
    func context(_ now: UInt64) -> GateContext { GateVectors.context(now: now) }
    var client = GateClient(policy: policy, trusted: [trusted])
    guard case .accepted(let verdict) = try client.update(evidence, in: context(seconds + 1)) else {
      Issue.record("did not accept")
      return
    }
    #expect(verdict.claim.timestamp == UnixTime(seconds: seconds))
    #expect(client.trusted.count == 2)
    #expect(verdict.expires == UnixTime(seconds: seconds + 1_209_600))
    guard case .state(let claim) = verdict.claim else {
      Issue.record("no state")
      return
    }
    #expect(claim.root.array == header.signedHeader.header.appHash)

    let stale = GateClient(policy: policy, trusted: [trusted])
    var late = stale
    let expired = #expect(throws: Refusal.self) {
      try late.update(evidence, in: context(seconds + 1_300_000))
    }
    #expect(expired?.code == "cometBFT.header.expired")
    var early = stale
    let future = #expect(throws: Refusal.self) { try early.update(evidence, in: context(seconds - 20)) }
    #expect(future?.code == "cometBFT.header.fromTheFuture")
    var stranger = GateClient(policy: policy)
    #expect(
      throws: Refusal.cometBFT(
        .untrustedHeight(revision: header.trustedHeight.revision, height: header.trustedHeight.height))
    ) { try stranger.update(evidence, in: context(seconds + 1)) }
    var altered = header
    altered.signedHeader.header.appHash[0] ^= 1
    var fresh = stale
    let refusal = #expect(throws: Refusal.self) {
      try fresh.update(.cometBFT(CometBFTEvidence(header: altered)), in: context(seconds + 1))
    }
    #expect(refusal?.code == "cometBFT.header.commitBlock")
  }
}
