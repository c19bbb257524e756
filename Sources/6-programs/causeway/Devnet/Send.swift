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
        causeway send transfer 25 --from alice --to bob --via evm
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
  @Option(help: ArgumentHelp("The domain it is sent from: harbor, island, or reef (an EVM chain).", valueName: "domain"))
  var on = DevnetNames.harbor
  @Option(
    name: .customLong("via"),
    help: ArgumentHelp(
      "The lane: attested (a quorum of attesters is believed; without it this one), light (headers and state proofs), or "
        + "evm (between harbor and reef; from reef there is no other).",
      valueName: "lane"))
  var viaGiven: Network.Lane.Kind?
  @Option(
    help: ArgumentHelp("How long the destination has; then it is refunded. At most 24h.", valueName: "time"))
  var timeout = Span(.seconds(60))
  @Flag(inversion: .prefixedNo, help: "Wait for the end.")
  var wait = true
  @OptionGroup var devnet: DevnetArguments

  var via: Network.Lane.Kind { viaGiven ?? (isFromReef ? .evm : .attested) }
  var isFromReef: Bool { on == DevnetNames.reef }
  /// Whether what is called is a contract of the EVM chain.
  var isToReef: Bool { via == .evm && !isFromReef }

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
      escrow and vouchers stand for them; sent back over the same lane, vouchers are burnt and the escrow pays out. On reef \
      tokens are ERC-20 contracts: harbor's token there when none is named, or an address.

        causeway send transfer 25 --from alice --to bob
        causeway send transfer 25uharbor --on island --from bob --to alice
        causeway send transfer 25 --from alice --to bob --via evm
        causeway send transfer 10uharbor --on reef --from bob --to alice
      """)
  @Argument(help: ArgumentHelp("How much, such as 25 or 25uharbor.", valueName: "amount[token]"))
  var amount: String
  @Option(help: ArgumentHelp("Who gets it: a user or an address.", valueName: "user"))
  var to: String
  @OptionGroup var send: SendArguments

  func run() async throws {
    let devnet = try send.devnet.connect()
    let dispatch = try await Dispatch(send, devnet)
    try await dispatch.transfer(amount, to: to)
  }
}

struct SendCall: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "call",
    abstract: "Call a program in the other domain; get its answer, or the refund.",
    discussion: """
      PROGRAM is a name (\(Programs.names.keys.sorted().joined(separator: ", "))) or an address; MESSAGE is its JSON. \
      Funds travel in the same packet: all of it happens, or nothing. On reef PROGRAM is a contract (its name in network.json, \
      or its address) and MESSAGE a function with a JSON list of arguments, or calldata in hex.

        causeway send call counter '{"add":{"by":5}}' --from alice
        causeway send call counter '{"fail":{}}' --from alice --funds 100
        causeway send call Counter 'add(uint256) [5]' --from alice --via evm
        causeway send call counter '{"add":{"by":5}}' --from bob --on reef
      """)
  @Argument(help: "The program's name or address.")
  var program: String
  @Argument(help: "What it is called with: JSON, or a function and its arguments.")
  var message: String
  @Option(help: ArgumentHelp("Tokens that the call gets.", valueName: "amount[token]"))
  var funds: [String] = []
  @Option(help: ArgumentHelp("What the call may use at the destination.", valueName: "gas"))
  var gas: UInt64 = 200_000
  @OptionGroup var send: SendArguments

  func validate() throws {
    guard send.isToReef || (try? JSONValue(decoding: [UInt8](message.utf8))) != nil else {
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
    try await dispatch.call(program, message, funds: funds, gas: gas)
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
