import Digests
import Encodings
import Gate
import MerkleProofs
import Messages
import WireBytes

/// Calls that the deployed contracts of IBC Eureka have answered: of the attestation client, answer for answer.
enum EurekaCallCases {
  /// {client {constructor}, constructorCases, clientCases, worked, router {packet, steps}, commitmentStorageProof}.
  static func run(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    constructors(json, file, &report)
    calls(json, file, &report)
    for (index, one) in (json["worked"]?.array ?? []).enumerated() {
      worked(one, "worked: " + (one["name"]?.string ?? "\(index)"), file, &report)
    }
    if let packet = json["router"]?["packet"] { self.packet(packet, file, &report) }
    for (index, step) in (json["router"]?["steps"]?.array ?? []).enumerated() {
      report.skip(
        file, "router: " + (step["name"]?.string ?? "\(index)"),
        reason: "calls of a router need a router: the contracts' own tests make them")
    }
    if let proof = json["commitmentStorageProof"] { storage(proof, json, file, &report) }
  }

  // MARK: The client

  /// The contract's constructor, from its arguments.
  private static func client(_ arguments: JSONValue, manager: Bytes20? = nil) throws -> EurekaClient {
    guard let list = arguments["attestorAddresses"]?.array,
      let required = arguments["minRequiredSigs"]?.integer(UInt8.self),
      let height = arguments["initialHeight"]?.integer(UInt64.self),
      let seconds = arguments["initialTimestampSeconds"]?.integer(UInt64.self)
    else { throw IBCSuite.CaseError.form }
    let addresses = try list.map { try Bytes20(hex: $0.string ?? "") }
    let stated = try arguments["roleManager"]?.string.map { try Bytes20(hex: $0) }
    return EurekaClient(
      attesters: try EurekaAttesters(addresses: addresses, required: required), initialHeight: height,
      initialTimestampSeconds: seconds, roleManager: manager ?? stated ?? Bytes20())
  }

  private static func constructors(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    for (index, one) in (json["constructorCases"]?.array ?? []).enumerated() {
      let name = "constructor: " + (one["name"]?.string ?? "\(index)")
      let wanted = one["answer"]?["error"]?.string ?? "accept"
      do {
        _ = try client(one["args"] ?? .null)
        report.expect(file, name, wanted, "accept")
      } catch let error as EurekaRefusal {
        report.expect(file, name, wanted, error.contractError)
      } catch {
        report.skip(file, name, reason: "arguments that are not the constructor's")
      }
    }
  }

  private static func calls(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    let arguments = json["client"]?["constructor"] ?? .null
    let manager = Bytes20 { UInt8($0 + 1) }
    guard var first = try? client(arguments), var second = try? client(arguments),
      var gated = try? client(arguments, manager: manager)
    else {
      report.fail(file, "client", expected: "a client", actual: "its constructor refuses")
      return
    }
    for (index, one) in (json["clientCases"]?.array ?? []).enumerated() {
      let name = one["name"]?.string ?? "\(index)"
      guard let calldata = one["calldata"]?.bytes,
        let wanted = one["answer"]?["returns"]?[0]?.string ?? one["answer"]?["error"]?.string
      else {
        report.skip(file, name, reason: "no calldata or no answer")
        continue
      }
      var caller = Bytes20()
      let found: String?
      // Calls that did not change the contract are made on a copy.
      if name.contains("roleManager") {
        // The record's manager is not named: whoever is refused is another account.
        let refused = wanted.split(separator: "(").last?.prefix(42).description ?? ""
        caller = (try? Bytes20(hex: refused)) ?? manager
        found = answer(&gated, calldata, caller: caller)
      } else if name.contains("second client") {
        found = answer(&second, calldata, caller: caller)
      } else {
        var copy = first
        found = answer(&copy, calldata, caller: caller)
        if one["stored"]?.boolean == true { first = copy }
      }
      if let found {
        report.expect(file, name, wanted, found)
      } else {
        report.skip(file, name, reason: "a function that the client does not have")
      }
    }
    for (height, seconds) in (json["client"]?["storedHeightsAfterAllCases"]?.object ?? [:]).sorted(
      by: { $0.key < $1.key })
    {
      let known = UInt64(height).flatMap { first.timestamp(at: $0) }
      report.expect(
        file, "stored height \(height)", seconds.integer(UInt64.self).map { "\($0)" } ?? "none",
        known.map { "\($0)" } ?? "none")
    }
  }

  /// What our client answers, in the words of the record; nil for a function that it does not have.
  private static func answer(_ client: inout EurekaClient, _ calldata: [UInt8], caller: Bytes20) -> String? {
    let arguments = Calldata(bytes: Array(calldata.dropFirst(4)))
    do {
      switch Hex.encode(Array(calldata.prefix(4))) {
      case "0x0bece356":
        guard let proof = arguments.string(at: arguments.offset(0)) else { return revert }
        return "\(try client.update(proof.span, caller: caller).rawValue)"
      case "0x682ed5f0", "0x4d6d9ffb":
        guard let start = arguments.offset(0),
          let proof = arguments.string(at: arguments.offset(start, start)),
          let height = arguments.word(start + 64),
          let path = arguments.strings(at: arguments.offset(start + 96, start))
        else { return revert }
        if calldata[0] == 0x4d {
          return "\(try client.verifyNonMembership(proof.span, height: height, path: path, caller: caller))"
        }
        guard let value = arguments.string(at: arguments.offset(start + 128, start)) else { return revert }
        return
          "\(try client.verifyMembership(proof.span, height: height, path: path, value: value, caller: caller))"
      case "0xddba6537": return EurekaRefusal.featureNotSupported.contractError
      default: return nil
      }
    } catch { return error.contractError }
  }

  private static var revert: String { EurekaRefusal.undecodable.contractError }

  /// Arguments after the selector: words, and byte strings by their offsets; nil for what is not there.
  private struct Calldata {
    let bytes: [UInt8]

    func word(_ offset: Int) -> UInt64? {
      guard offset >= 0, offset <= bytes.count - 32, bytes[offset..<(offset + 24)].allSatisfy({ $0 == 0 })
      else { return nil }
      return bytes[(offset + 24)..<(offset + 32)].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The place that the word at `offset` points to, counted from `base`.
    func offset(_ offset: Int, _ base: Int = 0) -> Int? {
      word(offset).flatMap { Int(exactly: $0) }.flatMap { $0 <= bytes.count ? base + $0 : nil }
    }

    func string(at offset: Int?) -> [UInt8]? {
      guard let offset, let count = word(offset).flatMap({ Int(exactly: $0) }),
        count <= bytes.count - offset - 32
      else { return nil }
      return Array(bytes[(offset + 32)..<(offset + 32 + count)])
    }

    func strings(at offset: Int?) -> [[UInt8]]? {
      guard let offset, let count = word(offset).flatMap({ Int(exactly: $0) }), count <= bytes.count / 32
      else { return nil }
      var found: [[UInt8]] = []
      for index in 0..<count {
        guard let string = string(at: self.offset(offset + 32 + index * 32, offset + 32)) else { return nil }
        found.append(string)
      }
      return found
    }
  }

  // MARK: Bytes

  private static func worked(
    _ json: JSONValue, _ name: String, _ file: String, _ report: inout ConformanceReport
  ) {
    guard let attestation = json["attestationData"]?.bytes, let tag = json["tag"]?.integer(Int.self),
      let signatures = json["signatures"]?.array?.compactMap({ $0["bytes65"]?.bytes })
    else {
      report.skip(file, name, reason: "no attestation, tag or signatures")
      return
    }
    let form: AttestedPolicy.Form = tag == 1 ? .state : .packets
    var problems = Problems()
    problems.check(
      "digest", json["digest"], AttestationDigest.eureka(form: form, attestation: attestation).description)
    let proof = EurekaProof(attestation: attestation, signatures: signatures).encoded()
    problems.check("proof", json["proof"], Hex.encode(proof))
    let again: [UInt8]?
    if form == .state {
      again = (try? EurekaState(decoding: attestation.span))?.encoded()
    } else {
      again = (try? EurekaPackets(decoding: attestation.span))?.encoded()
    }
    problems.check("attestation", Hex.encode(attestation), again.map { Hex.encode($0) } ?? "refused")
    problems.settle(file, name, &report)
  }

  /// {attestationData, signatures, expected}.
  static func proofEncoding(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    guard let attestation = json["attestationData"]?.bytes, let wanted = json["expected"]?.bytes,
      let signatures = json["signatures"]?.array?.compactMap(\.bytes)
    else {
      report.skip(file, "proof", reason: "no attestation, signatures or expected bytes")
      return
    }
    guard wanted.count % 32 == 0 else {
      report.skip(
        file, "proof", reason: "the expected bytes are no ABI encoding: \(wanted.count) is no multiple of 32")
      return
    }
    var problems = Problems()
    let proof = EurekaProof(attestation: attestation, signatures: signatures)
    problems.check("encoded", Hex.encode(wanted), Hex.encode(proof.encoded()))
    let decoded = try? EurekaProof(decoding: wanted.span)
    problems.check("decoded", "\(proof)", decoded.map { "\($0)" } ?? "refused")
    problems.settle(file, "proof", &report)
  }

  // MARK: The router

  private static func packet(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    guard let packet = try? IBCSuite.packet(json) else {
      report.fail(file, "packet", expected: "a packet", actual: "refused")
      return
    }
    var problems = Problems()
    problems.check("commitment", json["commitment"], PacketCommitment.of(packet).description)
    problems.check(
      "payload hash", json["payloadHash"],
      packet.payloads.first.map { PacketCommitment.of($0).description } ?? "")
    for (kind, path, key) in [
      (PacketPath.Kind.commitment, "commitmentPath", "commitmentKey"),
      (.receipt, "receiptPath", "receiptKey"),
      (.acknowledgement, "ackPath", "ackKey"),
    ] {
      let found = PacketPath(kind, of: packet)
      problems.check(path, json[path], Hex.encode(found.bytes))
      problems.check(key, json[key], found.hash().description)
    }
    if let result = json["acknowledgement"]?.bytes, let acknowledgement = try? Acknowledgement([result]) {
      problems.check(
        "acknowledgement", json["ackCommitment"], PacketCommitment.of(acknowledgement).description)
    }
    if let encoded = try? abi(packet) {
      problems.check("ABI", json["abiEncoded"], Hex.encode(encoded))
      problems.check("receipt", json["receipt"], Keccak256.hash(encoded).description)
    } else {
      problems.check("ABI", "encoded", "refused")
    }
    problems.settle(file, "packet", &report)
  }

  private static func abi(_ packet: Packet) throws -> [UInt8] {
    let type = try ABIType("(uint64,string,string,uint64,(string,string,string,string,bytes)[])")
    let payloads = packet.payloads.map { payload in
      ABIValue.tuple([
        .string(payload.sourcePort.text), .string(payload.destinationPort.text), .string(payload.version),
        .string(payload.encoding), .bytes(payload.value),
      ])
    }
    return try ABI.encode(
      [
        .tuple([
          .uint(packet.sequence.rawValue), .string(packet.sourceClient.text),
          .string(packet.destinationClient.text), .uint(packet.timeout.seconds), .array(payloads),
        ])
      ], as: [type])
  }

  /// {router, stateRoot, hashedPath, slot, value, absentSlot, accountProof, storageProof}: the commitment of the
  /// router's packet is there, its receipt is not.
  private static func storage(
    _ json: JSONValue, _ record: JSONValue, _ file: String, _ report: inout ConformanceReport
  ) {
    guard let router = json["router"]?.string.flatMap({ try? Bytes20(hex: $0) }),
      let root = json["stateRoot"]?.string.flatMap({ try? Bytes32(hex: $0) }),
      let account = json["accountProof"]?.array?.compactMap(\.bytes),
      let value = json["value"]?.bytes, let proofs = json["storageProof"]?.array,
      let packet = record["router"]?["packet"].flatMap({ try? IBCSuite.packet($0) })
    else {
      report.skip(file, "storage", reason: "no router, root, nodes, value or packet")
      return
    }
    let commitment = PacketPath(.commitment, of: packet)
    let receipt = PacketPath(.receipt, of: packet)
    var problems = Problems()
    problems.check("base", json["namespaceSlot"], PacketPath.evmStoreSlot.description)
    problems.check("path", json["hashedPath"], commitment.hash().description)
    problems.check("slot", json["slot"], commitment.evmSlot.description)
    problems.check("absent slot", json["absentSlot"], receipt.evmSlot.description)
    problems.settle(file, "storage: slots", &report)
    for proof in proofs {
      guard let nodes = proof["proof"]?.array?.compactMap(\.bytes), let key = proof["key"]?.string else {
        report.skip(file, "storage", reason: "no nodes or no key")
        continue
      }
      let path = key.lowercased() == commitment.evmSlot.description ? commitment : receipt
      let state = EVMStateCase(root: root, router: router, account: account, storage: nodes)
      if proof["value"]?.string == "0x0" {
        state.expect(.absent(path), file, "storage: absence", &report)
      } else {
        state.expect(.member(path, value), file, "storage: inclusion", &report)
      }
    }
  }
}

/// A proof of a router's slot, and what becomes of it when it is changed.
struct EVMStateCase {
  enum Question {
    case member(PacketPath, [UInt8])
    case absent(PacketPath)
  }

  let root: Bytes32
  let router: Bytes20
  let account: [[UInt8]]
  let storage: [[UInt8]]

  private func prove(
    _ question: Question, account: [[UInt8]]? = nil, storage: [[UInt8]]? = nil, router: Bytes20? = nil
  ) throws(MembershipError) {
    let claim: Claim
    do {
      claim = .state(
        StateClaim(
          domain: try DomainID("eip155:1"), height: Height(1), root: root, timestamp: UnixTime(seconds: 1)))
    } catch { throw .kind }
    let store = HostStore.evm(router: router ?? self.router)
    let proof = MembershipProof.evmStorage(
      account: account ?? self.account, storage: storage ?? self.storage)
    switch question {
    case .member(let path, let value):
      _ = try Membership.prove(path, holds: value, in: claim, store: store, by: proof)
    case .absent(let path): _ = try Membership.proveAbsence(of: path, in: claim, store: store, by: proof)
    }
  }

  /// Passes when the proof shows the answer, and nothing does after a change: a node cut off, a node more, a bit of
  /// any node, another router, the opposite question.
  func expect(_ question: Question, _ file: String, _ name: String, _ report: inout ConformanceReport) {
    do throws(MembershipError) { try prove(question) } catch {
      report.fail(file, name, expected: "accepted", actual: "\(error)")
      return
    }
    var taken: [String] = []
    func refuse(_ change: String, _ body: () throws(MembershipError) -> Void) {
      do throws(MembershipError) {
        try body()
        taken.append(change)
      } catch {}
    }
    for (trie, nodes) in [("account", account), ("storage", storage)] {
      func prove(_ changed: [[UInt8]]) throws(MembershipError) {
        if trie == "account" {
          try self.prove(question, account: changed)
        } else {
          try self.prove(question, storage: changed)
        }
      }
      for count in nodes.indices {
        refuse("\(trie) cut to \(count)") { () throws(MembershipError) in
          try prove(Array(nodes.prefix(count)))
        }
      }
      refuse("\(trie) with a node more") { () throws(MembershipError) in
        try prove(nodes + [nodes.last ?? [0x80]])
      }
      for (index, node) in nodes.enumerated() {
        for offset in node.indices {
          var changed = nodes
          changed[index][offset] ^= 1 << (offset % 8)
          refuse("\(trie) node \(index) byte \(offset)") { () throws(MembershipError) in try prove(changed) }
        }
      }
    }
    refuse("account and storage swapped") { () throws(MembershipError) in
      try prove(question, account: storage, storage: account)
    }
    refuse("another router") { () throws(MembershipError) in
      try prove(question, router: Bytes20 { router[$0] ^ 1 })
    }
    switch question {
    case .member(let path, let value):
      refuse("as absence") { () throws(MembershipError) in try prove(.absent(path)) }
      refuse("another value") { () throws(MembershipError) in
        try prove(.member(path, value.map { $0 ^ 1 }))
      }
    case .absent(let path):
      refuse("as a member") { () throws(MembershipError) in
        try prove(.member(path, [UInt8](repeating: 1, count: 32)))
      }
    }
    report.expect(file, name, "every change refused", taken.isEmpty ? "every change refused" : "\(taken)")
  }
}
