import Attestation
import Digests
import Enclaves
import Ledger
import LightClients
import Messages
import Settlement
import WireBytes

// Enclaves, coordinators, users, and somebody who lies.
extension SettlementWorld {
  // MARK: Trouble

  mutating func trouble() throws {
    for index in enclaves.indices {
      if enclaves[index].away > 0 { enclaves[index].away -= 1 }
      if numbers.chance(30) {
        enclaves[index].away = 1 + numbers.below(20)
        count("fault.enclaveAway")
      }
      if numbers.chance(15) {
        // Its keys are gone with its memory; what it has signed is on its disk.
        count("fault.enclaveRestart")
        try rotate(index)
      }
      if simulation.defect == .forgetfulEnclave, numbers.chance(100) { enclaves[index].log = [:] }
    }
    for index in coordinators.indices {
      if coordinators[index].away > 0 { coordinators[index].away -= 1 }
      if numbers.chance(40) {
        count("fault.coordinatorCrash")
        coordinators[index].sent = [:]
        coordinators[index].away = 1 + numbers.below(8)
      }
    }
    if numbers.chance(600) { try lie() }
  }

  // MARK: Enclaves

  /// New keys, and their registration.
  mutating func rotate(_ index: Int) throws {
    var enclave = enclaves[index]
    guard let anchor = chain.tip.blockID.hash, chain.tip.height > 0 else { return }
    enclave.rotations += 1
    enclave.signer = try SimulatedKey(seed: simulation.seed, "enclave-\(index)-\(enclave.rotations)")
    let program = programs[index % programs.count]
    let lifetime = numbers.chance(500) ? 25 + numbers.below(UInt64(60)) : 3_600
    let keys = try EnclaveKeys(
      domain: domain, operator: module.address(of: enclave.operator.address), program: program,
      policy: enclavePolicy,
      signing: EnclaveVerificationKey(suite: .ed25519, bytes: enclave.signer.publicKey.array),
      sealing: SealingPublicKey(suite: .x25519, bytes: [UInt8](repeating: UInt8(9 + index), count: 32)),
      sequence: enclave.rotations, anchorHeight: UInt64(chain.tip.height), anchorHash: anchor, issued: time,
      expires: time + lifetime)
    enclave.keys = keys
    enclave.receiptCount = 0
    enclave.lastReceipt = Bytes32()
    enclaves[index] = enclave
    let evidence = SimulatedStatement(
      program: program, policy: enclavePolicy, reportData: keys.reportData.array, issued: Int64(keys.issued)
    ).evidence
    sendAcross(
      .registerEnclave(
        sender: enclave.operator.address, keys: keys.encoded(), evidence: evidence.encoded(),
        policy: attestationPolicy), by: enclave.operator)
    count("enclave.rotated")
  }

  /// What an enclave answers for a case; nil when it does not.
  private mutating func compute(_ id: Bytes32, _ record: CaseRecord, at index: Int, _ registration: Bytes32)
    throws
    -> ComputedCase?
  {
    guard enclaves[index].away == 0, let keys = enclaves[index].keys, let model = cases[id] else {
      return nil
    }
    if let known = enclaves[index].log[id] { return known.inputs == record.inputs ? known : nil }
    guard keys.registration == registration, keys.program == model.terms.program else { return nil }
    // Everybody is paid what the one before him has put in.
    var paid: [Int: UInt64] = [:]
    for (place, input) in model.inputs.enumerated() where input.amount > 0 {
      paid[model.inputs[(place + 1) % model.inputs.count].sender, default: 0] += input.amount
    }
    let update = try Update(
      payouts: try paid.keys.sorted().map { user in
        try Update.Payout(
          account: module.address(of: users[user].address),
          coins: [
            Update.Coin(denomination: [UInt8](stake.text.utf8), amount: UInt256(paid[user] ?? 0))
          ])
      }, stateBefore: Bytes32(), stateAfter: SHA256Hash.hash(id.array))
    let receipt = try Receipt(
      registration: registration, program: keys.program, policy: keys.policy, case: id, inputs: record.inputs,
      update: update.root(), replies: SHA256Hash.hash([1]), sequence: enclaves[index].receiptCount + 1,
      previous: enclaves[index].lastReceipt, time: time)
    let digest = receipt.digest(domain: domain)
    let key = "\(index)/\(id.array)"
    if let before = computed[key] {
      guard before == digest else {
        throw broken(.equivocation, "an enclave has signed two results of one case")
      }
    }
    computed[key] = digest
    honest[digest] = registration
    let answer = ComputedCase(
      update: update, receipt: receipt, signature: try enclaves[index].signer.sign(digest.array),
      inputs: record.inputs)
    enclaves[index].log[id] = answer
    enclaves[index].receiptCount += 1
    enclaves[index].lastReceipt = digest
    count("enclave.computed")
    return answer
  }

  // MARK: Acting

  mutating func act() throws {
    if !isCalm { try useCases() }
    for index in enclaves.indices {
      // Operators renew what is about to expire, and register again what was lost.
      guard let keys = enclaves[index].keys, enclaves[index].away == 0 else { continue }
      let isLost =
        registrations[keys.registration] == nil
        && !pending.contains { $0.signer.address == enclaves[index].operator.address }
      if keys.expires <= time + 15 || isLost { try rotate(index) }
    }
    for index in coordinators.indices where coordinators[index].away == 0 { try coordinate(index) }
  }

  private mutating func useCases() throws {
    if numbers.chance(250) {
      let closes = time + 10 + numbers.below(UInt64(40))
      let terms = CaseTerms(
        program: programs[numbers.below(min(programs.count, enclaves.count))], policy: enclavePolicy,
        attestationPolicy: attestationPolicy, coordinatorSuite: "ed25519",
        coordinatorKey: coordinators[0].key.publicKey.array, closes: closes,
        expires: closes + 30 + numbers.below(UInt64(200)), maximumInputs: 1 + numbers.below(UInt64(6)),
        accepts: [Coin(UInt256(UInt64(1)), stake)])
      sendAcross(.openCase(sender: users[0].address, terms), by: users[0])
    }
    guard numbers.chance(700), let id = numbers.pick(Array(caseOrder.suffix(6))) else { return }
    let user = numbers.below(users.count)
    nonces[user] += 1
    // Some reuse a nonce, some bring nothing, some bring more than they have.
    let nonce = numbers.chance(80) ? max(1, nonces[user] / 2) : nonces[user]
    var amount = 1 + numbers.below(UInt64(500))
    if numbers.chance(20) { amount = Self.funds * 2 }
    let commitment = SHA256Hash.hash([UInt8]("\(simulation.seed)/\(user)/\(nonces[user])".utf8))
    let coins = numbers.chance(100) ? [] : [Coin(UInt256(amount), stake)]
    sendAcross(
      .submit(sender: users[user].address, case: id, commitment: commitment, nonce: nonce, coins: coins),
      by: users[user])
  }

  // MARK: The coordinator

  private mutating func coordinate(_ index: Int) throws {
    for id in caseOrder {
      guard let model = cases[id], let bytes = try chain.state.value(for: CaseKeys.record(id)) else {
        continue
      }
      let record = try CaseRecord(decoding: bytes)
      guard record.status == .open else {
        coordinators[index].sent[id] = nil
        continue
      }
      if time >= model.terms.expires {
        if mayStillSend(index, id) {
          sendAcross(
            .reclaim(sender: coordinators[index].account.address, case: id), by: coordinators[index].account)
        }
        continue
      }
      if coordinators[index].assigned[id] == nil, time < model.terms.closes { assign(id, model, by: index) }
      guard time >= model.terms.closes, !model.inputs.isEmpty, let chosen = coordinators[index].assigned[id]
      else {
        continue
      }
      if coordinators[index].results[id] == nil {
        guard let answer = try compute(id, record, at: chosen.enclave, chosen.registration) else { continue }
        // On disk before anything leaves; sometimes it stops right here.
        coordinators[index].results[id] = answer
        if !isCalm, numbers.chance(100) {
          count("fault.coordinatorCrash.kept")
          coordinators[index].sent = [:]
          continue
        }
      }
      guard let answer = coordinators[index].results[id], mayStillSend(index, id) else { continue }
      let attempt = (coordinators[index].attempts[id] ?? 0) + 1
      coordinators[index].attempts[id] = attempt
      let token = Token(
        case: id, inputs: record.inputs, registration: answer.receipt.registration, attempt: attempt,
        expires: min(model.terms.expires, time + 30))
      sendAcross(
        .settle(
          sender: coordinators[index].account.address, case: id,
          SettlementResult(
            update: answer.update.encoded(), receipt: answer.receipt.encoded(), signature: answer.signature,
            token: token.encoded(),
            tokenSignature: try coordinators[index].key.sign(token.digest(domain: domain).array))),
        by: coordinators[index].account)
    }
  }

  /// A message is sent again when nothing was seen of it for a while.
  private mutating func mayStillSend(_ index: Int, _ id: Bytes32) -> Bool {
    if let last = coordinators[index].sent[id], block - last < 8 { return false }
    coordinators[index].sent[id] = block
    return true
  }

  private mutating func assign(_ id: Bytes32, _ model: CaseModel, by index: Int) {
    for enclave in enclaves where enclave.away == 0 {
      guard let keys = enclave.keys, keys.program == model.terms.program,
        let known = registrations[keys.registration], known.expires > model.terms.closes
      else { continue }
      // Both processes choose alike as long as they see the same.
      coordinators[index].assigned[id] = (enclave.index, keys.registration)
      return
    }
  }

  // MARK: Lies

  private mutating func lie() throws {
    guard let id = numbers.pick(caseOrder) else { return }
    switch numbers.below(7) {
    case 0:
      guard let message = numbers.pick(settled), case .settle(_, let known, let result) = message else {
        return
      }
      count("lie.replay")
      send(.settle(sender: liar.address, case: known, result), by: liar)
    case 1:
      guard let message = numbers.pick(settled), case .settle(_, _, let result) = message else { return }
      count("lie.otherCase")
      send(.settle(sender: liar.address, case: id, result), by: liar)
    case 2:
      count("lie.earlyReclaim")
      send(.reclaim(sender: liar.address, case: id), by: liar)
    case 3:
      guard let registration = enclaves[0].keys?.registration else { return }
      count("lie.invalidate")
      send(.invalidateEnclave(sender: liar.address, registration: registration, collateral: nil), by: liar)
    default:
      // Where a true result is on its way, and nothing but a forged part stands against the forgery.
      let computed = caseOrder.filter { known in
        guard let model = cases[known], model.ending == nil, time >= model.terms.closes else { return false }
        return coordinators.contains { $0.results[known] != nil }
      }
      if let target = numbers.pick(computed) { try forge(target) }
    }
  }

  /// A true result of a case that is open, with one part that is not so.
  private mutating func forge(_ id: Bytes32) throws {
    guard let model = cases[id], let answer = coordinators[0].results[id] ?? coordinators[1].results[id]
    else { return }
    var (update, receipt, signature) = (answer.update, answer.receipt, answer.signature)
    var token = Token(
      case: id, inputs: answer.inputs, registration: receipt.registration, attempt: 1,
      expires: model.terms.expires)
    var tokenKey = coordinators[0].key
    switch numbers.below(5) {
    case 0:
      count("lie.update")
      update = try Update(
        payouts: [
          Update.Payout(
            account: module.address(of: liar.address),
            coins: [
              Update.Coin(denomination: [UInt8](stake.text.utf8), amount: UInt256(max(1, model.escrow)))
            ])
        ], stateBefore: Bytes32(), stateAfter: Bytes32())
    case 1:
      count("lie.signature")
      update = try Update(payouts: [], stateBefore: Bytes32(), stateAfter: Bytes32())
      receipt = try Receipt(
        registration: receipt.registration, program: receipt.program, policy: receipt.policy, case: id,
        inputs: receipt.inputs, update: update.root(), replies: receipt.replies, sequence: receipt.sequence,
        previous: receipt.previous, time: receipt.time)
      signature = try liar.sign(receipt.digest(domain: domain).array)
    case 2:
      count("lie.token")
      tokenKey = liar
    case 3:
      count("lie.tokenOfOther")
      token = Token(
        case: id, inputs: SHA256Hash.hash([7]), registration: receipt.registration, attempt: 1,
        expires: model.terms.expires)
    default:
      count("lie.unregistered")
      receipt = try Receipt(
        registration: SHA256Hash.hash([8]), program: receipt.program, policy: receipt.policy, case: id,
        inputs: receipt.inputs, update: receipt.update, replies: receipt.replies, sequence: receipt.sequence,
        previous: receipt.previous, time: receipt.time)
      token = Token(
        case: id, inputs: receipt.inputs, registration: receipt.registration, attempt: 1,
        expires: model.terms.expires)
    }
    send(
      .settle(
        sender: liar.address, case: id,
        SettlementResult(
          update: update.encoded(), receipt: receipt.encoded(), signature: signature, token: token.encoded(),
          tokenSignature: try tokenKey.sign(token.digest(domain: domain).array))), by: liar)
  }
}
