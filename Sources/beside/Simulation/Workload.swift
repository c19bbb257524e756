import Digests
import Encodings
import Gate
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import RelayEngine
import StateTree
import WireBytes

/// What users do: transfers out and back, calls that succeed, fail and burn gas, with short and long deadlines.
extension World {
  mutating func doWork() throws {
    let kind = numbers.below(100)
    guard let lane = numbers.pick(lanes) else { return }
    let side = numbers.below(2)
    let domain = lane.ends[side].domain
    guard let user = numbers.pick(users), let chain = domains[domain].chain else { return }
    let counterpart = domains[lane.ends[1 - side].domain]
    // A deadline is the destination's time: the sender knows only its own.
    var seconds: UInt64 = 60 + numbers.below(UInt64(540))
    if numbers.chance(250) { seconds = 2 + numbers.below(UInt64(18)) }
    let deadline = UnixTime(seconds: UInt64(chain.tip.time.seconds) + seconds)
    var payloads: [Payload] = []
    switch kind {
    case 0..<30: payloads = [try transfer(lane, side, user, domains[domain].native.text)]
    case 30..<55:
      // Back, or onward over another lane: any voucher that the user holds.
      let held = try LedgerQueries(chain.state).balances(of: user.address)
        .filter { $0.denom != domains[domain].native }
      guard let coin = numbers.pick(held),
        let trace = try chain.tree.value(
          of: HostKeys.tokenTrace(String(coin.denom.text.dropFirst(4))), at: UInt64(chain.tip.height))
      else { return }
      payloads = [
        try transfer(
          lane, side, user, String(decoding: trace, as: UTF8.self),
          amount: 1 + numbers.below(coin.amount.asUInt64 ?? 1))
      ]
    case 55..<62:
      payloads = [
        try transfer(
          lane, side, user, domains[domain].native.text, to: numbers.chance(500) ? "nobody" : nil,
          isBlocked: true)
      ]
    case 62..<88: payloads = [try execution(lane, side, user, isFunded: false)]
    case 88..<94:
      // Money first, then calls that may spend it: both or neither.
      payloads = [
        try transfer(lane, side, user, domains[domain].native.text, toExecution: true),
        try execution(lane, side, user, isFunded: true),
      ]
    case 94..<97:
      guard let other = numbers.pick(users) else { return }
      try submit(
        [
          .send(
            from: user.address, to: other.address,
            coins: [Coin(UInt256(1 + numbers.below(UInt64(50))), domains[domain].native)])
        ],
        by: user, at: domain, "work.send")
      return
    default:
      try submit(
        [
          .callProgram(
            caller: user.address, program: CounterProgram().address, funds: [],
            input: [UInt8](#"{"add":{"by":1}}"#.utf8))
        ], by: user, at: domain, "work.call")
      return
    }
    _ = counterpart
    let name = payloads.count > 1 ? "both" : payloads[0].sourcePort.text
    try submit(
      [
        .sendPacket(over: lane.ends[side].client, timeout: deadline, payloads: payloads, signer: user.address)
      ],
      by: user, at: domain, "work.\(name)")
  }

  private mutating func submit(
    _ messages: [LedgerMessage], by user: SimulatedKey, at domain: Int, _ name: String
  ) throws {
    guard let bytes = try signed(messages, by: user, at: domain, gas: 900_000) else { return }
    count(name)
    send(.user, .domain(domain), .transaction(domain, bytes, .user))
  }

  private mutating func transfer(
    _ lane: SimulatedLane, _ side: Int, _ user: SimulatedKey, _ denomination: String, to: String? = nil,
    isBlocked: Bool = false, toExecution: Bool = false, amount: UInt64? = nil
  ) throws -> Payload {
    var receiver = to ?? (numbers.pick(users) ?? user).address.text
    if isBlocked, to == nil { receiver = LedgerRules.feeCollector.text }
    if toExecution { receiver = try executionAccount(lane, side, user).text }
    return try Payload(
      sourcePort: .transfer, destinationPort: .transfer, version: FungibleTokenPacketData.payloadVersion,
      encoding: FungibleTokenPacketData.payloadEncoding,
      value: try FungibleTokenPacketData(
        denomination: denomination, sender: user.address.text, receiver: receiver,
        amount: UInt256(amount ?? 1 + numbers.below(UInt64(5_000)))
      ).encoded())
  }

  private func executionAccount(
    _ lane: SimulatedLane, _ side: Int, _ user: SimulatedKey
  ) throws -> AccountAddress {
    let origin = domains[lane.ends[side].domain].id
    return ExecutionApplication.account(
      of: try InteroperableAddress(domain: origin, address: user.address.bytes),
      over: lane.ends[1 - side].client)
  }

  private mutating func execution(
    _ lane: SimulatedLane, _ side: Int, _ user: SimulatedKey, isFunded: Bool
  ) throws -> Payload {
    let there = domains[lane.ends[1 - side].domain].id
    func target(_ address: AccountAddress) throws -> InteroperableAddress {
      try InteroperableAddress(domain: there, address: address.bytes)
    }
    nextTag += 1
    var calls = [
      ExecutionEnvelope.Call(
        target: try target(ObserverProgram().address), gasLimit: 100_000,
        input: [UInt8]("tag-\(nextTag)".utf8))
    ]
    let counter = try target(CounterProgram().address)
    func count(_ input: String, gas: UInt64 = 100_000) -> ExecutionEnvelope.Call {
      ExecutionEnvelope.Call(target: counter, gasLimit: gas, input: [UInt8](input.utf8))
    }
    switch numbers.below(10) {
    case 0, 1, 2: calls.append(count(#"{"add":{"by":3}}"#))
    case 3, 4: calls.append(count(#"{"fail":{}}"#))
    case 5: calls.append(count(#"{"burn":{"gas":"5000000"}}"#, gas: 50_000 + numbers.below(UInt64(100_000))))
    case 6: calls.append(count("rubbish"))
    case 7:
      calls.append(ExecutionEnvelope.Call(target: try target(user.address), gasLimit: 1_000, input: [1]))
    default: break
    }
    if isFunded {
      let voucher = TokenPath(
        "transfer/\(lane.ends[1 - side].client)/\(domains[lane.ends[side].domain].native.text)")
      let to = (numbers.pick(users) ?? user).address.text
      let text = #"{"send":{"to":"\#(to)","denom":"\#(voucher.token)","amount":"1"}}"#
      calls.append(
        ExecutionEnvelope.Call(
          target: try target(BankProgram().address), gasLimit: 300_000, input: [UInt8](text.utf8)))
    }
    let envelope = try ExecutionEnvelope(
      calls: calls,
      refundTo: try InteroperableAddress(
        domain: domains[lane.ends[side].domain].id, address: user.address.bytes))
    return try Payload(
      sourcePort: .execution, destinationPort: .execution, version: ExecutionEnvelope.payloadVersion,
      encoding: ExecutionEnvelope.payloadEncoding, value: envelope.encoded())
  }
}
