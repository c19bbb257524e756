import ArgumentParser
import ChainAccess
import Devnet
import Encodings
import Ledger
import Messages
import PacketHost
import RelayEngine
import SignatureSchemes
import WireBytes

/// One crossing from the command line: sent, then followed to its end.
struct Dispatch {
  let devnet: DevnetConnection
  let origin: Network.Domain
  let messages: CrossingMessages
  private let person: Person
  private let options: SendArguments

  /// Who sends.
  private enum Person {
    case ledger(AccountSender, AccountAddress)
    case evm(ReefUser)
  }

  private typealias Sent = (packet: Packet, transaction: ObservedTransaction)

  init(_ options: SendArguments, _ devnet: DevnetConnection) async throws {
    self.options = options
    self.devnet = devnet
    origin = try devnet.domain(options.on)
    let lane = try devnet.lane(options.via)
    guard lane.client(on: origin.name) != nil else {
      throw Complaint(
        "the \(lane.kind.rawValue) lane is between \(lane.first.domain) and \(lane.second.domain): "
          + "from \(origin.name) say --via \(devnet.network.lanes(on: origin).map(\.lane.kind.rawValue).joined(separator: " or "))"
      )
    }
    messages = CrossingMessages(devnet.network, lane: lane, from: origin)
    switch origin.kind {
    case .embedded:
      let (account, sender) = try await devnet.sender(options.from, on: origin)
      person = .ledger(sender, account.key.address)
    case .evm: person = .evm(try await devnet.reefUser(options.from))
    }
  }

  // MARK: Transfers

  func transfer(_ amount: String, to receiver: String) async throws {
    let receiver = try account(receiver)
    switch person {
    case .ledger(let sender, let address):
      let token = try await token(amount)
      let payload: Payload
      do {
        payload = try messages.transfer(token.amount, of: token.path, from: address, to: receiver)
      } catch { throw Complaint(SendText.text(error, origin.name)) }
      try await follow(try await send([payload], sender, address))
    case .evm(let user):
      let token = try await tokenOnReef(amount, user)
      let held = try await devnet.onReef { () async throws(EVMSideError) in
        try await user.balance(of: token.contract)
      }
      guard held >= token.amount else {
        throw Complaint("\(options.from) has \(held) of that on \(origin.name), and not \(token.amount)", code: 1)
      }
      let sent = try await devnet.onReef { () async throws(EVMSideError) in
        try await user.transfer(
          token.amount, of: token.contract, to: receiver, over: messages.sourceClient,
          within: options.timeout.duration)
      }
      try await follow(sent)
    }
  }

  /// An account of the destination, as it writes them.
  private func account(_ text: String) throws -> String {
    guard messages.destination.kind == .evm else { return try devnet.account(text).text }
    if let address = devnet.network.evmAccounts[text] { return address.description }
    do { return try EthereumAddress.parse(text).description } catch {
      throw Complaint(
        "'\(text)' is neither a user here (\(devnet.network.users.joined(separator: ", "))) nor an address of "
          + "\(messages.destination.name) (0x and 40 digits)")
    }
  }

  /// An amount and the token's whole path: the domain's own when none is named, a voucher that came over the lane when the
  /// name is the other domain's.
  private func token(_ text: String) async throws -> (amount: UInt256, path: TokenPath) {
    let (amount, name) = try parse(text)
    if name.isEmpty || name == origin.feeDenom.text { return (amount, TokenPath(origin.feeDenom.text)) }
    // An EVM chain's tokens are contracts, and go by their addresses.
    let isThere =
      messages.destination.kind == .evm
      ? (try? EthereumAddress.parse(name)) != nil : name == messages.destination.feeDenom.text
    if isThere { return (amount, TokenPath(name.lowercased()).adding(.transfer, messages.sourceClient)) }
    guard let denom = try? Denom(name) else { throw Complaint("'\(name)' is no token") }
    guard name.hasPrefix("ibc/") else { return (amount, TokenPath(name)) }
    do { return (amount, try await ValueAudit.path(of: denom, on: origin, devnet.access(origin))) } catch {
      throw Complaint("\(origin.name) does not say what \(name) is: \(error)", code: 3)
    }
  }

  /// An amount and the ERC-20 contract: of the voucher for harbor's own token when none is named.
  private func tokenOnReef(_ text: String, _ user: ReefUser) async throws -> (
    amount: UInt256, contract: Bytes20
  ) {
    let (amount, name) = try parse(text)
    if let contract = try? EthereumAddress.parse(name) { return (amount, contract) }
    guard name.isEmpty || name == messages.destination.feeDenom.text || name.hasPrefix("transfer/") else {
      throw Complaint(
        "'\(name)' is no token of \(origin.name): say \(messages.destination.feeDenom), or the address of an ERC-20 contract"
      )
    }
    let path =
      name.hasPrefix("transfer/")
      ? name : TokenPath(messages.destination.feeDenom.text).adding(.transfer, messages.sourceClient).text
    let found = try await devnet.onReef { () async throws(EVMSideError) in try await user.voucher(path) }
    guard let found else {
      throw Complaint(
        "\(origin.name) has no \(messages.destination.feeDenom) yet: "
          + "`causeway send transfer 100 --from alice --to \(options.from) --via evm` brings some")
    }
    return (amount, found)
  }

  private func parse(_ text: String) throws -> (UInt256, String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let name = String(text.dropFirst(digits.count))
    // An address begins with a digit of its own: 250x12… is 25 of 0x12….
    if digits.last == "0", name.hasPrefix("x"), let amount = UInt256(decimal: String(digits.dropLast())),
      amount > .zero
    {
      return (amount, "0" + name)
    }
    guard let amount = UInt256(decimal: String(digits)), amount > .zero else {
      throw Complaint(
        "'\(text)' is no amount: give a whole number of smallest units, such as 25 or 25\(origin.feeDenom)")
    }
    return (amount, name)
  }

  // MARK: Calls

  func call(_ program: String, _ message: String, funds: [String], gas: UInt64) async throws {
    let target: [UInt8]
    let input: [UInt8]
    if messages.destination.kind == .evm {
      target = try contract(program).array
      input = try SolidityCall.calldata(message)
    } else {
      guard let address = Programs.names[program] ?? (try? AccountAddress(text: program)) else {
        throw Complaint(
          "'\(program)' is neither a program (\(Programs.names.keys.sorted().joined(separator: ", "))) nor an address"
        )
      }
      target = address.bytes
      input = [UInt8](message.utf8)
    }
    switch person {
    case .ledger(let sender, let address):
      var given: [(UInt256, TokenPath)] = []
      for text in funds {
        let token = try await token(text)
        given.append((token.amount, token.path))
      }
      let payloads: [Payload]
      do {
        payloads = try messages.call(
          target, input: input, gasLimit: gas, funds: given, through: try await actsThrough(address),
          by: address)
      } catch let error as SendingError { throw Complaint(SendText.text(error, origin.name)) }
      try await follow(try await send(payloads, sender, address))
    case .evm(let user):
      guard funds.isEmpty else {
        throw Complaint(
          "from \(origin.name) a call takes no funds along: send a transfer, or let a contract do both")
      }
      guard let called = try? InteroperableAddress(domain: messages.destination.id, address: target) else {
        throw Complaint("'\(program)' is no address of \(messages.destination.name)")
      }
      let sent = try await devnet.onReef { () async throws(EVMSideError) in
        try await user.call(
          called, input: input, gasLimit: gas, over: messages.sourceClient, within: options.timeout.duration)
      }
      try await follow(sent)
    }
  }

  private func contract(_ name: String) throws -> Bytes20 {
    if let address = devnet.network.contracts?[name] { return address }
    do { return try EthereumAddress.parse(name) } catch {
      let names = devnet.network.contracts?.addresses.keys.sorted().joined(separator: ", ") ?? ""
      throw Complaint(
        "'\(name)' is neither a contract of \(messages.destination.name) (\(names)) nor an address")
    }
  }

  /// The account that the sender has at the destination, which holds what a call takes along.
  private func actsThrough(_ address: AccountAddress) async throws -> String {
    guard let owner = try? InteroperableAddress(domain: origin.id, address: address.bytes) else {
      throw Complaint("\(origin.name) is not a domain whose accounts have a name elsewhere")
    }
    guard messages.destination.kind == .evm else {
      return ExecutionApplication.account(of: owner, over: messages.destinationClient).text
    }
    let user = try await devnet.reefUser(options.from)
    let account = try await devnet.onReef { () async throws(EVMSideError) in
      try await user.executionAccount(of: owner, over: messages.destinationClient)
    }
    return account.description
  }

  // MARK: On its way

  private func send(
    _ payloads: [Payload], _ sender: AccountSender, _ address: AccountAddress
  ) async throws -> Sent {
    do {
      return try await messages.send(
        payloads, timeout: options.timeout.duration, as: sender, at: address, through: devnet.access(origin))
    } catch { throw Complaint(SendText.text(error, origin.name), code: 1) }
  }

  private func follow(_ sent: Sent) async throws {
    let key = PacketKey(LaneEnd(origin.id, sent.packet.sourceClient), sent.packet.sequence)
    let id = try CrossingID(sent.packet, origin: origin.id)
    if !options.devnet.json {
      Terminal.print("\(Terminal.paint("sent", 32))  \(PayloadText.line(sent.packet, devnet.network))")
      Terminal.print("  id     \(id)")
      Terminal.print(
        "  lane   \(messages.lane.kind.rawValue), \(origin.name)/\(sent.packet.sourceClient) #\(sent.packet.sequence)"
      )
      Terminal.print(
        "  block  \(origin.name) \(sent.transaction.height), transaction \(sent.transaction.hash)")
    }
    let follower = CrossingFollower(devnet.reader, prints: !options.devnet.json)
    let crossing =
      options.wait
      ? try await devnet.find(id.description) { () async throws(CrossingLookupError) in
        try await follower.follow(key, until: .seconds(options.timeout.duration.components.seconds + 60))
      }
      : try await devnet.find(id.description) { () async throws(CrossingLookupError) in
        try await devnet.reader.crossing(key)
      }
    if options.devnet.json {
      Terminal.print(CrossingText.json(crossing).text(pretty: true))
    } else if let ending = crossing.ending {
      let time = crossing.duration.map { " in \(Show.duration($0))" } ?? ""
      Terminal.print("  " + CrossingText.ending(ending, failure: crossing.failure) + time)
      for result in CrossingText.results(crossing) { Terminal.print("  result \(result)") }
    } else if options.wait {
      Terminal.complain("  not ended yet: `causeway trace \(Show.short(id).dropLast())` says why")
    } else {
      Terminal.print("  see    causeway trace \(id.description.prefix(14))")
    }
    switch crossing.ending {
    case .success: return
    case .refundedAfterError, .refundedAfterTimeout: throw ExitCode(1)
    case nil: if options.wait { throw ExitCode(3) }
    }
  }
}
