import ChainAccess
import Devnet
import Encodings
import Ledger
import Messages
import RelayEngine
import Testing
import WireBytes

/// Box office and hall, made anew on a devnet of their own. A `Trial` runs two ledgers, an EVM chain, attesters and a
/// relayer in this process; what it says comes from the domains themselves.
struct Theatre {
  let trial: Trial
  let office: AccountAddress
  let hall: Bytes20
  let owner: ReefUser

  static let price: UInt64 = 100

  static func open(on trial: Trial) async throws -> Theatre {
    // On the EVM chain: the hall, which takes what harbor's own token is called there.
    let owner = try await trial.onReef("bob")
    let hall = try await owner.deploy(
      "Hall", [.address, .address, .string, .uint(256), .uint(256)],
      [
        .address(try owner.contract("ExecutionHandler")), .address(try owner.contract("Transfer")),
        .string(trial.arrivingPath), .uint(UInt256(price)), .uint(UInt256(12)),
      ])
    // On harbor: the box office, with the way to the hall; and the hall must know who may sell.
    let route = try await trial.route(to: hall)
    let office = try await trial.deploy(try Trial.wasm("tickets"), ["route": route])
    try await owner.send(
      "admit(string,bytes)", to: hall, [.string(trial.farClient.text), .bytes(try trial.name(of: office))])
    return Theatre(trial: trial, office: office, hall: hall, owner: owner)
  }

  /// Alice pays, and the order goes on its way.
  func buy(_ seat: UInt64, for amount: UInt64 = price, by deadline: UnixTime? = nil) async throws
    -> Trial.Receipt
  {
    let latest = if let deadline { deadline } else { try await trial.deadline(in: 600) }
    return try await trial.execute(
      office, ["buy": ["seat": .number("\(seat)"), "deadline": .number("\(latest.seconds)")]], funds: amount,
      as: "alice")
  }

  /// What the box office thinks of an order.
  func state(_ receipt: Trial.Receipt) async throws -> String? {
    try await trial.ask(office, ["order": ["order": receipt.answer["order"] ?? .null]])["state"]?.string
  }

  /// Who has a seat, as the hall says; "" for nobody.
  func holder(_ seat: UInt64) async throws -> String? {
    let answer = try await owner.ask(
      "holderOf(uint256)", of: hall, [.uint(UInt256(seat))], returns: [.string])
    guard case .string(let name)? = answer?.first else { return nil }
    return name
  }

  func takings() async throws -> [ABIValue]? {
    try await owner.ask("takings()", of: hall, returns: [.uint(256)])
  }
  func purse() async throws -> UInt64 { try await trial.balance("alice", on: "harbor", "uharbor") }
}

@Suite(
  "Tickets, an application over two domains", .serialized, .timeLimit(.minutes(10)),
  .enabled(if: Trial.missing == nil, Comment(rawValue: Trial.missing ?? "")))
struct TicketsTests {
  @Test("sells a seat once; who comes too late, or pays another price, has the money back")
  func sales() async throws {
    try await Trial.run { trial in
      let theatre = try await Theatre.open(on: trial)
      let alice = try trial.address("alice").text

      let first = try await theatre.buy(7)
      let sold = try await trial.end(of: try trial.packet(first))
      #expect(sold.ending == .success, "\(sold)")
      #expect(try await theatre.holder(7) == alice)
      #expect(try await theatre.state(first) == "sold")

      // The hall reverts: nothing of the packet has happened there, and the price is Alice's again.
      for (seat, amount, reason) in [
        (UInt64(7), Theatre.price, "taken"), (8, 1, "price"), (13, Theatre.price, "seat"),
      ] {
        let before = try await theatre.purse()
        let order = try await theatre.buy(seat, for: amount)
        let refused = try await trial.end(of: try trial.packet(order))
        #expect(refused.ending == .refundedAfterError, "\(reason): \(refused)")
        #expect(refused.failure != nil, "\(refused)")
        #expect(try await theatre.state(order) == "failed", "\(reason)")
        #expect(
          try await theatre.purse() == before - order.fee, "\(reason): paid \(amount), fee \(order.fee)")
      }
      #expect(try await theatre.takings() == [.uint(UInt256(Theatre.price))], "one seat was sold")
      let history = try await trial.history()
      #expect(history.holds && history.open.isEmpty, "\(history)")
    }
  }

  @Test("waits for a lane that is late, and gives up when the order's time is over")
  func delays() async throws {
    try await Trial.run { trial in
      let theatre = try await Theatre.open(on: trial)
      // Late: nothing crosses while the lane is held, and everything once it is released.
      try await trial.hold()
      let late = try await theatre.buy(1)
      // Too late: this one's time runs out before.
      let before = try await theatre.purse()
      let deadline = try await trial.deadline(in: 20)
      let lost = try await theatre.buy(2, by: deadline)
      try await trial.pass(deadline)
      #expect(try await theatre.holder(1) == "", "nothing crosses a lane that is held")
      #expect(try await theatre.state(late) == "waiting")
      try await trial.release()
      let arrived = try await trial.end(of: try trial.packet(late))
      #expect(arrived.ending == .success, "\(arrived)")
      #expect(try await theatre.state(late) == "sold")
      let expired = try await trial.end(of: try trial.packet(lost))
      #expect(expired.ending == .refundedAfterTimeout && expired.executed == nil, "\(expired)")
      #expect(try await theatre.state(lost) == "timed_out")
      #expect(try await theatre.holder(2) == "")
      #expect(try await theatre.purse() == before - lost.fee, "fee \(lost.fee)")
    }
  }

  @Test("sells once although the block of the sale is replaced")
  func reorganisation() async throws {
    // What is replaced must not be final yet: five blocks are time enough to notice the sale.
    try await Trial.run(try Trial.options(finalityBlocks: 5)) { trial in
      let theatre = try await Theatre.open(on: trial)
      let order = try await theatre.buy(3)
      let key = try trial.packet(order)
      let first = try await trial.seen(.answered, trial.farClient, key.sequence)
      try await trial.replace(first)
      let again = try await trial.end(of: key)
      #expect(again.ending == .success, "\(again)")
      #expect(again.executed?.height != first.height || again.executed?.transaction != first.hash, "\(again)")
      #expect(try await theatre.takings() == [.uint(UInt256(Theatre.price))], "paid once")
      #expect(try await theatre.state(order) == "sold")
    }
  }
}
