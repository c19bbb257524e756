import Encodings
import Ledger
import Messages
import PacketHost
import WireBytes

/// Counts how often each tag was seen: a witness of executions that no engine keeps books of.
struct ObserverProgram: LedgerProgram {
  var name: String { "observer" }

  func call(
    _ input: [UInt8], funds: [Coin], by caller: ProgramCaller, in context: inout HostContext
  ) throws(AttemptFailure<ProgramRefusal>) -> [UInt8] {
    guard (1...64).contains(input.count) else {
      throw .failure(ProgramRefusal(program: name, code: "input"))
    }
    let key = stateKey("") + input
    do {
      let seen = try context.read(key)?.first ?? 0
      try context.write([seen &+ 1], to: key)
      return [seen &+ 1]
    } catch { throw .halt(error) }
  }
}

/// Told how executions ended: keeps count, and fails or burns all its gas for some.
struct ObservedCallbacks: SettlementCallbacks {
  static func key(_ client: ClientID, _ sequence: Sequence) -> [UInt8] {
    [UInt8]("callbacks/\(client)/\(sequence)".utf8)
  }

  static func fails(_ sequence: Sequence) -> Bool { sequence.rawValue % 4 < 2 }

  func settled(
    _ settlement: ExecutionSettlement, of envelope: ExecutionEnvelope, at place: PacketPlace,
    in context: inout HostContext
  ) throws(AttemptFailure<CallRefusal>) {
    do {
      let key = Self.key(place.sourceClient, place.sequence)
      let seen = try context.read(key)?.first ?? 0
      try context.write([seen &+ 1], to: key)
      if place.sequence.rawValue % 4 == 0 { try context.charge(1 << 40) }
    } catch { throw .halt(error) }
    if place.sequence.rawValue % 4 == 1 { throw .failure(CallRefusal(code: "asked")) }
  }
}

/// Transfers whose settlement is broken on purpose.
struct BrokenTransfers: PacketApplication {
  let inner: TransferApplication
  let defect: Defect

  var port: PortID { inner.port }

  func gasNeeded(by payload: Payload) -> UInt64 { inner.gasNeeded(by: payload) }

  func send(
    _ payload: Payload, at place: PacketPlace, by sender: AccountAddress, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    try inner.send(payload, at: place, by: sender, in: &context)
  }

  func receive(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) -> [UInt8] {
    try inner.receive(payload, at: place, in: &context)
  }

  func acknowledge(
    _ payload: Payload, result: [UInt8]?, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) {
    switch defect {
    case .errorTakenAsSuccess:
      try inner.acknowledge(payload, result: result ?? TransferApplication.success, at: place, in: &context)
    case .successRefunded: try inner.acknowledge(payload, result: nil, at: place, in: &context)
    default: try inner.acknowledge(payload, result: result, at: place, in: &context)
    }
  }

  func timeOut(
    _ payload: Payload, at place: PacketPlace, in context: inout HostContext
  ) throws(AttemptFailure<ApplicationRefusal>) { try inner.timeOut(payload, at: place, in: &context) }
}

/// Targets that answer for a call that has failed, so that the calls beside it stay done.
struct ForgivingTargets: CallTargets {
  let inner: ProgramTargets

  func account(of target: InteroperableAddress) -> AccountAddress? { inner.account(of: target) }

  func call(
    _ target: AccountAddress, input: [UInt8], funds: [TokenAmount], by caller: AccountAddress,
    in context: inout HostContext
  ) throws(AttemptFailure<CallRefusal>) -> [UInt8] {
    do { return try inner.call(target, input: input, funds: funds, by: caller, in: &context) } catch {
      guard case .failure = error else { throw error }
      return [0]
    }
  }
}

extension PacketHost {
  /// The host of a ledger with an observer of settlements, and with the part that `defect` breaks.
  static func simulated(domain: DomainID, programs: LedgerPrograms, defect: Defect?) -> PacketHost {
    let transfers = TransferApplication(
      tokens: Bank(), accounts: AccountNames(), blocked: [LedgerRules.feeCollector])
    let targets = ProgramTargets(domain: domain, programs: programs)
    let execution =
      defect == .partialExecution
      ? ExecutionApplication(
        domain: domain, targets: ForgivingTargets(inner: targets), tokens: Bank(),
        callbacks: ObservedCallbacks())
      : ExecutionApplication(
        domain: domain, targets: targets, tokens: Bank(), callbacks: ObservedCallbacks())
    let first: any PacketApplication =
      switch defect {
      case .errorTakenAsSuccess, .successRefunded:
        BrokenTransfers(inner: transfers, defect: defect ?? .successRefunded)
      default: transfers
      }
    return PacketHost(applications: [first, execution], clients: HostClients())
  }
}
