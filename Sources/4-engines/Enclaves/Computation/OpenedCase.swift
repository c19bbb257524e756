import Encodings
public import Messages
public import WireBytes

/// A case whose inputs are in the clear, inside the enclave.
///
/// No description, no encoding: the payloads leave as the program's input, and as replies that it seals.
public struct OpenedCase: Sendable {
  struct Input: Sendable {
    let index: Int
    let input: SealedInput
  }

  /// An input that was not opened, and why; its coins go back.
  public struct Refused: Hashable, Sendable {
    /// Its place among the case's inputs.
    public let index: Int
    public let reason: EnvelopeRefusal

    public init(index: Int, reason: EnvelopeRefusal) {
      self.index = index
      self.reason = reason
    }
  }

  private let admitted: AdmittedCase
  private let opened: [Input]
  public let refused: [Refused]
  /// What the opened inputs brought, by denomination: what the program pays out, all of it.
  public let escrow: [Update.Coin]

  init(_ admitted: AdmittedCase, opened: [Input], refused: [Refused]) throws(ComputationRefusal) {
    self.admitted = admitted
    self.opened = opened
    self.refused = refused
    guard let escrow = CoinSums.sum(opened.flatMap { admitted.inputs[$0.index].coins }) else { throw .escrow }
    self.escrow = escrow
  }

  /// The JSON that the program's `query` entry is given; canonical, so that it is the same whoever computes it.
  public var programInput: [UInt8] {
    let inputs = opened.map { entry in
      let record = admitted.inputs[entry.index]
      var members: [String: JSONValue] = [
        "sender": .string(Hex.encode(record.sender.encoded())), "nonce": .number(String(record.nonce)),
        "coins": CoinSums.json(record.coins), "body": .string(Base64.encode(entry.input.body)),
      ]
      if !entry.input.fields.isEmpty {
        members["fields"] = .array(
          entry.input.fields.map { ["name": .string($0.name), "value": .string(Base64.encode($0.value))] })
      }
      return JSONValue.object(members)
    }
    let json: JSONValue = [
      "compute": ["case": .string(Hex.encode(admitted.id.span)), "inputs": .array(inputs)]
    ]
    return [UInt8](json.text().utf8)
  }

  /// Reads the program's answer, and makes of it what the enclave signs and hands out.
  ///
  /// - Parameter log: the receipts before; the new one is its next.
  /// - Throws: ``ProgramAnswerError``.
  public func finish(_ answer: [UInt8], log: ReceiptLog) throws(ProgramAnswerError) -> ComputedCase {
    let answer = try ProgramAnswer(decoding: answer, inputCount: opened.count)
    guard let paid = CoinSums.sum(answer.payouts.flatMap(\.coins)) else { throw .payoutOverflow }
    try CoinSums.checkEqual(paid: paid, escrow: escrow)
    var replies: [SealedReply] = []
    var unsealed: [Int] = []
    for (index, reply) in answer.replies.enumerated() {
      let entry = opened[reply.to]
      do {
        replies.append(
          try SealedReply(
            sealing: reply.body, to: entry.input.reply, registration: admitted.computation.registration,
            case: admitted.id, commitment: admitted.inputs[entry.index].commitment, index: UInt64(index)))
      } catch {
        // A key that its sender chose and nobody can seal to: the others' replies do not depend on it.
        unsealed.append(index)
      }
    }
    do throws(EnclaveFormatError) {
      let update = try Update(
        payouts: try payouts(answer.payouts), stateBefore: admitted.opening.state, stateAfter: answer.state)
      let keys = admitted.computation.keys
      let receipt = try Receipt(
        registration: admitted.computation.registration, program: keys.program, policy: keys.policy,
        case: admitted.id, inputs: admitted.inputsRoot, update: update.root(),
        replies: try SealedReply.root(replies), sequence: log.sequence + 1, previous: log.previous,
        time: admitted.time)
      return ComputedCase(
        update: update, replies: replies, receipt: receipt, digest: receipt.digest(domain: keys.domain),
        refused: refused, unsealed: unsealed)
    } catch { throw .format(error) }
  }

  /// The program's payouts, then what goes back to senders whose inputs were not opened; one entry an account.
  private func payouts(_ paid: [Update.Payout]) throws(EnclaveFormatError) -> [Update.Payout] {
    var accounts = paid.map(\.account)
    var coins = paid.map(\.coins)
    for entry in refused where !admitted.inputs[entry.index].coins.isEmpty {
      let input = admitted.inputs[entry.index]
      if let place = accounts.firstIndex(of: input.sender) {
        // The sum of all coins of a denomination was recorded on the ledger, and fits there.
        guard let sum = CoinSums.sum(coins[place] + input.coins) else {
          throw .overLimit(.amount, max: 256, actual: 257)
        }
        coins[place] = sum
      } else {
        accounts.append(input.sender)
        coins.append(input.coins)
      }
    }
    var payouts: [Update.Payout] = []
    for (account, coins) in zip(accounts, coins) {
      payouts.append(try Update.Payout(account: account, coins: coins))
    }
    return payouts
  }
}

/// What a case came to, before the enclave's signature.
public struct ComputedCase: Hashable, Sendable {
  public let update: Update
  public let replies: [SealedReply]
  public let receipt: Receipt
  /// What the signing key signs.
  public let digest: Bytes32
  public let refused: [OpenedCase.Refused]
  /// Places of replies that could not be sealed, because their input's reply key is none.
  public let unsealed: [Int]
}

/// Sums of coins by denomination, ascending.
enum CoinSums {
  /// Nil when an amount overflows.
  static func sum(_ coins: [Update.Coin]) -> [Update.Coin]? {
    var sums: [[UInt8]: UInt256] = [:]
    for coin in coins {
      let (sum, overflow) = (sums[coin.denomination] ?? .zero).addingReportingOverflow(coin.amount)
      guard !overflow else { return nil }
      sums[coin.denomination] = sum
    }
    return sums.sorted { $0.key.lexicographicallyPrecedes($1.key) }
      .map { Update.Coin(denomination: $0.key, amount: $0.value) }
  }

  /// - Throws: ``ProgramAnswerError/payouts(denomination:escrow:paid:)`` for the first denomination that differs.
  static func checkEqual(paid: [Update.Coin], escrow: [Update.Coin]) throws(ProgramAnswerError) {
    let names = Set(paid.map(\.denomination)).union(escrow.map(\.denomination))
    for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let out = paid.first { $0.denomination == name }?.amount ?? .zero
      let held = escrow.first { $0.denomination == name }?.amount ?? .zero
      guard out == held else { throw .payouts(denomination: name, escrow: held, paid: out) }
    }
  }

  static func json(_ coins: [Update.Coin]) -> JSONValue {
    .array(
      coins.map {
        [
          "denom": .string(String(decoding: $0.denomination, as: UTF8.self)),
          "amount": .string($0.amount.description),
        ]
      })
  }
}
