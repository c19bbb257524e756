import Enclaves
import Ledger
import LightClients
import Messages
import Settlement
import WireBytes

// What must hold of everything that the ledger has taken: judged from what was sent, not from what it keeps.
extension SettlementWorld {
  private static func kind(_ message: SettlementMessage) -> String {
    switch message {
    case .storePolicy: "storePolicy"
    case .registerEnclave: "register"
    case .invalidateEnclave: "invalidate"
    case .openCase: "open"
    case .submit: "submit"
    case .settle: "settle"
    case .reclaim: "reclaim"
    }
  }

  mutating func check(_ message: SettlementMessage, _ result: TransactionResult) throws {
    let kind = Self.kind(message)
    guard result.succeeded else {
      // `message…: message 0: name: details` of what a module refuses; others' names come first.
      let parts = result.log.split(separator: ":").map { $0.drop { $0 == " " } }
      let own = parts.dropFirst().first { !$0.hasPrefix("message ") }
      let name = String((result.codespace == SettlementRefusal.codespace ? own : parts.first) ?? "")
      guard result.codespace != "undefined", !name.isEmpty else {
        throw broken(.untypedRefusal, "\(kind): \(result.log)")
      }
      count("refused.\(kind).\(name)")
      hash.mix(UInt64(result.code))
      return
    }
    count("done.\(kind)")
    switch message {
    case .storePolicy: break
    case .registerEnclave(_, let bytes, _, _):
      let keys = try EnclaveKeys(decoding: bytes)
      registrations[keys.registration] = (keys.expires, keys.program)
      note("registration \(keys.registration.array.prefix(4)) until \(keys.expires)")
    case .invalidateEnclave(_, let id, _):
      // Simulated evidence does not go bad.
      throw broken(.falseClaim, "registration \(id.array.prefix(4)) was ended, and nothing was wrong with it")
    case .openCase(_, let terms):
      guard
        case .opened(let id, let number) = try SettlementAnswer(
          decoding: try TransactionAnswers(decoding: result.payload).answers[0])
      else { throw broken(.unexpectedFailure, "an opened case has no number") }
      cases[id] = CaseModel(number: number, terms: terms)
      caseOrder.append(id)
      note("case \(number) closes \(terms.closes) expires \(terms.expires)")
    case .submit(let sender, let id, let commitment, let nonce, let coins):
      try checkSubmission(sender, id, commitment, nonce, coins)
    case .settle(_, let id, let result): try checkSettlement(id, result, message)
    case .reclaim(_, let id):
      guard var model = cases[id] else {
        throw broken(.falseClaim, "a case that nobody opened is given back")
      }
      guard model.ending == nil else {
        throw broken(.settledTwice, "case \(model.number) is given back, and is \(model.ending ?? "")")
      }
      guard time >= model.terms.expires else {
        throw broken(
          .falseClaim, "case \(model.number) is given back at \(time), before \(model.terms.expires)")
      }
      model.ending = "reclaimed"
      cases[id] = model
      note("case \(model.number) given back")
    }
  }

  private mutating func checkSubmission(
    _ sender: AccountAddress, _ id: Bytes32, _ commitment: Bytes32, _ nonce: UInt64, _ coins: [Coin]
  ) throws {
    guard var model = cases[id], let user = users.firstIndex(where: { $0.address == sender }) else {
      throw broken(.falseClaim, "an input of nobody, or for no case")
    }
    guard time < model.terms.closes, model.ending == nil else {
      throw broken(.falseClaim, "case \(model.number) took an input at \(time), after \(model.terms.closes)")
    }
    guard
      !model.inputs.contains(where: {
        ($0.sender == user && $0.nonce == nonce) || $0.commitment == commitment
      })
    else { throw broken(.executedTwice, "case \(model.number) took an input twice") }
    model.inputs.append((user, nonce, commitment, coins.first?.amount.asUInt64 ?? 0))
    cases[id] = model
  }

  /// Invariant 9: once, by a result that an enclave has really signed, while its registration lives, over exactly the
  /// inputs that were recorded, and paying exactly what they brought.
  private mutating func checkSettlement(
    _ id: Bytes32, _ result: SettlementResult, _ message: SettlementMessage
  ) throws {
    guard var model = cases[id] else { throw broken(.falseClaim, "a case that nobody opened is settled") }
    guard model.ending == nil else {
      throw broken(.settledTwice, "case \(model.number) is settled, and is \(model.ending ?? "")")
    }
    guard time >= model.terms.closes, time < model.terms.expires else {
      throw broken(.falseClaim, "case \(model.number) is settled at \(time), outside of its time")
    }
    let receipt = try Receipt(decoding: result.receipt)
    guard honest[receipt.digest(domain: domain)] == receipt.registration else {
      throw broken(.falseClaim, "case \(model.number) is settled by a receipt that no enclave has signed")
    }
    guard let registration = registrations[receipt.registration], time < registration.expires,
      registration.program == model.terms.program
    else {
      let until = registrations[receipt.registration]?.expires ?? 0
      throw broken(
        .settledWithoutRegistration,
        "case \(model.number) is settled at \(time), its registration lived until \(until)")
    }
    guard receipt.case == id, receipt.inputs == (try CaseInputs.root(model.inputs.map(\.commitment))) else {
      throw broken(.falseClaim, "case \(model.number) is settled by a receipt of something else")
    }
    let update = try Update(decoding: result.update)
    let paid = update.payouts.reduce(UInt64(0)) { sum, payout in
      payout.coins.reduce(sum) { $0 + ($1.amount.asUInt64 ?? .max / 4) }
    }
    guard receipt.update == update.root(), paid == model.escrow else {
      throw broken(.valueNotConserved, "case \(model.number) pays \(paid) of \(model.escrow)")
    }
    model.ending = "settled"
    cases[id] = model
    settled.append(message)
    note("case \(model.number) settled")
  }
}
