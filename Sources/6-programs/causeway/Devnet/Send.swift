import ArgumentParser
import ChainAccess
import Devnet
import Encodings
import Ledger
import Messages
import PacketHost
import RelayEngine
import WireBytes

/// `causeway send`: a transfer or a call to the other domain.
struct Send: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Send tokens or a call to the other domain, and see what becomes of it.",
    discussion: """
      Waits for the end unless told otherwise: done, or refunded with the reason. Ends with 0 when it was executed, 1 \
      when it was refused or refunded, 3 when it is still on its way.

        causeway send transfer 25 --from alice --to bob
        causeway send call counter '{"add":{"by":5}}' --from alice --via light
      """,
    subcommands: [SendTransfer.self, SendCall.self])

  /// Nothing was named: help, and the exit code of wrong usage.
  func run() async throws {
    Terminal.complain(Self.helpMessage())
    throw ExitCode(2)
  }
}

/// What both kinds take.
struct SendArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Who sends, and pays.", valueName: "user"))
  var from: String
  @Option(help: ArgumentHelp("The domain it is sent from: harbor or island.", valueName: "domain"))
  var on = DevnetNames.harbor
  @Option(
    help: ArgumentHelp(
      "The lane: attested (a quorum of attesters is believed) or light (headers and state proofs).",
      valueName: "lane"))
  var via = Network.Lane.Kind.attested
  @Option(
    help: ArgumentHelp("How long the destination has; then it is refunded. At most 24h.", valueName: "time"))
  var timeout = Span(.seconds(60))
  @Flag(inversion: .prefixedNo, help: "Wait for the end.")
  var wait = true
  @OptionGroup var devnet: DevnetArguments

  func validate() throws {
    guard timeout.duration >= .seconds(1), timeout.duration <= .seconds(Packet.timeoutDeltaMaxSeconds) else {
      throw ValidationError("A timeout lies between 1s and 24h.")
    }
  }
}

struct SendTransfer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer",
    abstract: "Move tokens to an account in the other domain.",
    discussion: """
      AMOUNT counts smallest units; without a token it is the domain's own. On the way out tokens wait in the lane's \
      escrow and vouchers stand for them; sent back over the same lane, vouchers are burnt and the escrow pays out.

        causeway send transfer 25 --from alice --to bob
        causeway send transfer 25uharbor --on island --from bob --to alice
      """)
  @Argument(help: ArgumentHelp("How much, such as 25 or 25uharbor.", valueName: "amount[token]"))
  var amount: String
  @Option(help: ArgumentHelp("Who gets it: a user or an address.", valueName: "user"))
  var to: String
  @OptionGroup var send: SendArguments

  func run() async throws {
    let devnet = try send.devnet.connect()
    let dispatch = try await Dispatch(send, devnet)
    let token = try await dispatch.token(amount)
    let receiver = try devnet.account(to)
    let payload: Payload
    do {
      payload = try dispatch.messages.transfer(
        token.amount, of: token.path, from: dispatch.address, to: receiver)
    } catch { throw Complaint(SendText.text(error, dispatch.origin.name)) }
    try await dispatch.send([payload])
  }
}

struct SendCall: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "call",
    abstract: "Call a program in the other domain; get its answer, or the refund.",
    discussion: """
      PROGRAM is a name (\(Programs.names.keys.sorted().joined(separator: ", "))) or an address; MESSAGE is its JSON. \
      Funds travel in the same packet: all of it happens, or nothing.

        causeway send call counter '{"add":{"by":5}}' --from alice
        causeway send call counter '{"fail":{}}' --from alice --funds 100
      """)
  @Argument(help: "The program's name or address.")
  var program: String
  @Argument(help: "What it is called with, as JSON.")
  var message: String
  @Option(help: ArgumentHelp("Tokens that the call gets.", valueName: "amount[token]"))
  var funds: [String] = []
  @Option(help: ArgumentHelp("What the call may use at the destination.", valueName: "gas"))
  var gas: UInt64 = 200_000
  @OptionGroup var send: SendArguments

  func validate() throws {
    guard (try? JSONValue(decoding: [UInt8](message.utf8))) != nil else {
      throw ValidationError("MESSAGE is no JSON: quote it for the shell, such as '{\"get\":{}}'.")
    }
    guard funds.count <= ExecutionEnvelope.Call.coinCountMax else {
      throw ValidationError("At most \(ExecutionEnvelope.Call.coinCountMax) kinds of tokens.")
    }
    guard (1...50_000_000).contains(gas) else { throw ValidationError("Gas lies between 1 and 50000000.") }
  }

  func run() async throws {
    let devnet = try send.devnet.connect()
    let dispatch = try await Dispatch(send, devnet)
    guard let target = Programs.names[program] ?? (try? AccountAddress(text: program)) else {
      throw Complaint(
        "'\(program)' is neither a program (\(Programs.names.keys.sorted().joined(separator: ", "))) nor an address"
      )
    }
    var given: [(UInt256, TokenPath)] = []
    for text in funds {
      let token = try await dispatch.token(text)
      given.append((token.amount, token.path))
    }
    let payloads: [Payload]
    do {
      payloads = try dispatch.messages.call(
        target, input: [UInt8](message.utf8), gasLimit: gas, funds: given, by: dispatch.address)
    } catch { throw Complaint(SendText.text(error, dispatch.origin.name)) }
    try await dispatch.send(payloads)
  }
}

/// One crossing from the command line: sent, then followed to its end.
struct Dispatch {
  let devnet: DevnetConnection
  let origin: Network.Domain
  let messages: CrossingMessages
  let address: AccountAddress
  private let sender: AccountSender
  private let options: SendArguments

  init(_ options: SendArguments, _ devnet: DevnetConnection) async throws {
    self.options = options
    self.devnet = devnet
    origin = try devnet.domain(options.on)
    messages = CrossingMessages(devnet.network, lane: try devnet.lane(options.via), from: origin)
    let (account, sender) = try await devnet.sender(options.from, on: origin)
    address = account.key.address
    self.sender = sender
  }

  /// An amount and the token's whole path: the domain's own when none is named, a voucher that came over the lane when the
  /// name is the other domain's.
  func token(_ text: String) async throws -> (amount: UInt256, path: TokenPath) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let amount = UInt256(decimal: String(digits)), amount > .zero else {
      throw Complaint(
        "'\(text)' is no amount: give a whole number of smallest units, such as 25 or 25\(origin.feeDenom)")
    }
    let name = String(text.dropFirst(digits.count))
    if name.isEmpty || name == origin.feeDenom.text { return (amount, TokenPath(origin.feeDenom.text)) }
    if name == messages.destination.feeDenom.text {
      return (amount, TokenPath(name).adding(.transfer, messages.sourceClient))
    }
    guard let denom = try? Denom(name) else { throw Complaint("'\(name)' is no token") }
    guard name.hasPrefix("ibc/") else { return (amount, TokenPath(name)) }
    do { return (amount, try await ValueAudit.path(of: denom, on: origin, devnet.access(origin))) } catch {
      throw Complaint("\(origin.name) does not say what \(name) is: \(error)", code: 3)
    }
  }

  func send(_ payloads: [Payload]) async throws {
    let access = devnet.access(origin)
    let sent: (packet: Packet, transaction: ObservedTransaction)
    do {
      sent = try await messages.send(
        payloads, timeout: options.timeout.duration, as: sender, at: address, through: access)
    } catch { throw Complaint(SendText.text(error, origin.name), code: 1) }
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

/// Why something was not sent, in words.
enum SendText {
  static func text(_ error: SendingError, _ domain: String) -> String {
    switch error {
    case .token(let cause): "this is no transfer: \(cause)"
    case .envelope(let cause): "this is no call: \(cause)"
    case .address(let cause): "an address has no right form: \(cause)"
    case .packet(let cause): "this does not fit a packet: \(cause)"
    case .access(let cause): DevnetText.text(cause, domain)
    case .send(.refused(let code, _, _, let log)):
      "\(domain) refused the transaction: \(log.isEmpty ? code : log)"
    case .send(.access(let cause)): DevnetText.text(cause, domain)
    case .send(.accountUnknown): "\(domain) does not know the sender: it has never received anything there"
    case .send(let cause):
      "\(domain) did not take the transaction (\(cause.code)): `causeway status` says whether it runs"
    case .refused(let log): "\(domain) refused it: \(log)"
    case .noPacket: "\(domain) took the transaction, and shows no packet of it"
    }
  }
}

/// Watches one crossing over both domains' RPC until it has ended.
struct CrossingFollower {
  private let reader: CrossingReader
  private let prints: Bool

  init(_ reader: CrossingReader, prints: Bool) {
    self.reader = reader
    self.prints = prints
  }

  /// The crossing when it has ended, or as it is after `patience`.
  func follow(_ key: PacketKey, until patience: Duration) async throws(CrossingLookupError) -> Crossing {
    let clock = ContinuousClock()
    let end = clock.now + patience
    var shown: Set<String> = []
    while true {
      let crossing = try await reader.crossing(key)
      show(crossing, &shown)
      if crossing.ending != nil || clock.now >= end { return crossing }
      try? await Task.sleep(for: .milliseconds(100))
      if Task.isCancelled { return crossing }
    }
  }

  private func show(_ crossing: Crossing, _ shown: inout Set<String>) {
    guard prints else { return }
    func tell(_ name: String, _ mark: ChainMark?, _ words: String) {
      guard let mark, shown.insert(name).inserted else { return }
      Terminal.print(
        "  \(name)\(String(repeating: " ", count: 13 - name.count))\(mark.domain) \(mark.height), \(words)")
    }
    tell("committed", crossing.committed, "final at the origin")
    tell(
      "executed", crossing.executed,
      crossing.failure == nil ? "at the destination" : "refused at the destination")
    tell("acknowledged", crossing.acknowledged, "final at the destination")
    tell("settled", crossing.settled, "at the origin")
  }
}
