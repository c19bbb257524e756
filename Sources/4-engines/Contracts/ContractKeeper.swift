public import ContractHost
import Digests
import Encodings
public import Ledger
public import Messages
public import PacketHost
import WireBytes

/// Contracts of a domain: stores their code, makes them, calls them, and does what they ask; by the rules of wasmd.
///
/// A value without state of its own: everything lies in the domain's, under ``ContractKeys``. Copies that are deeper
/// inside calls know how deep they are.
///
/// - SeeAlso: docs/spec/contracts.md; CosmWasm/wasmd `x/wasm/keeper`.
public struct ContractKeeper: ContractModule {
  let engine: ContractEngine
  let domain: DomainID
  let natives: LedgerPrograms
  let settings: ContractSettings
  /// Messages inside messages, and questions inside questions, above this copy.
  private(set) var callDepth = 0
  private(set) var queryDepth = 0
  let bank = Bank()
  let accounts = Accounts()

  /// - Parameters:
  ///   - domain: as senders elsewhere name it, for instance `cosmos:harbor-1`; contracts are told the part behind the
  ///     colon.
  ///   - programs: what contracts can call by `MsgCall` beside each other.
  public init(
    engine: ContractEngine, domain: DomainID, programs: LedgerPrograms, settings: ContractSettings = .standard
  ) {
    self.engine = engine
    self.domain = domain
    natives = programs
    self.settings = settings
  }

  /// The host for packets that contracts make: it knows how deep they are.
  var host: PacketHost { .ledger(domain: domain, programs: natives.with(contracts: self)) }

  /// A copy for what a contract's answer asks for (CWA-2024-005, CWA-2025-007).
  func deeper() throws(ContractFailure) -> ContractKeeper {
    guard callDepth < settings.callDepthMax else { throw ContractFailure(.callDepth) }
    var copy = self
    copy.callDepth += 1
    return copy
  }

  /// A copy for a question to a contract (CWA-2022-004).
  func asking() throws(ContractFailure) -> ContractKeeper {
    guard queryDepth < settings.queryStackMax else { throw ContractFailure(.queryStack) }
    var copy = self
    copy.queryDepth += 1
    return copy
  }

  // MARK: Transactions

  public var name: String { "contracts" }

  public func handles(_ typeURL: String) -> Bool { WasmMessage.TypeURL(rawValue: typeURL) != nil }

  public func signer(of message: AnyMessage) throws(Ledger.MessageRefusal) -> AccountAddress {
    let decoded = try WasmMessage(decoding: message)
    do { try decoded.check() } catch { throw .module(error.module) }
    return decoded.sender
  }

  public func handle(
    _ message: AnyMessage, in context: inout HostContext
  ) throws(AttemptFailure<ModuleRefusal>) -> AnyMessage {
    let decoded: WasmMessage
    do { decoded = try WasmMessage(decoding: message) } catch {
      throw .failure(ContractFailure(error).module)
    }
    do { return try perform(decoded, in: &context).encoded(to: decoded.typeURL) } catch {
      throw error.mapped { $0.module }
    }
  }

  /// Does what a message asks, on behalf of its sender, whoever vouches for that.
  func perform(_ message: WasmMessage, in context: inout HostContext) throws(ContractStop) -> WasmAnswer {
    do { try message.check() } catch { throw .failure(error) }
    switch message {
    case .storeCode(let sender, let code, let permission):
      let (id, checksum) = try store(code, permission: permission, by: sender, in: &context)
      return .storeCode(codeID: id, checksum: checksum.array)
    case .instantiate(let sender, let admin, let codeID, let label, let message, let funds):
      let order = Instantiation(
        codeID: codeID, creator: sender, admin: admin, label: label, message: message, funds: funds,
        salt: nil,
        fixesMessage: false)
      let (contract, result) = try instantiate(order, in: &context)
      return .instantiate(contract: contract, result: result ?? [])
    case .instantiate2(
      let sender, let admin, let codeID, let label, let message, let funds, let salt, let fixes):
      let order = Instantiation(
        codeID: codeID, creator: sender, admin: admin, label: label, message: message, funds: funds,
        salt: salt,
        fixesMessage: fixes)
      let (contract, result) = try instantiate(order, in: &context)
      return .instantiate(contract: contract, result: result ?? [])
    case .execute(let sender, let contract, let message, let funds):
      let result = try execute(contract, message: message, funds: funds, by: sender, in: &context)
      return .executed(result: result ?? [])
    case .migrate(let sender, let contract, let codeID, let message):
      let result = try migrate(contract, to: codeID, message: message, by: sender, in: &context)
      return .executed(result: result ?? [])
    case .updateAdmin(let sender, let admin, let contract):
      try change(contract, by: sender, in: &context) { $0.admin = admin }
      try emit("update_contract_admin", contract, [("new_admin_address", admin.text)], in: &context)
      return .empty
    case .clearAdmin(let sender, let contract):
      try change(contract, by: sender, in: &context) { $0.admin = nil }
      try emit("update_contract_admin", contract, [("new_admin_address", "")], in: &context)
      return .empty
    case .updateLabel(let sender, let label, let contract):
      try change(contract, by: sender, in: &context) { $0.label = label }
      try emit("update_contract_label", contract, [("new_label", label)], in: &context)
      return .empty
    case .updateInstantiateConfig(let sender, let codeID, let permission):
      try setAccess(of: codeID, permission, by: sender, in: &context)
      return .empty
    case .sudo(let authority, let contract, let message):
      try check(authority: authority)
      return .executed(result: try sudo(contract, message: message, in: &context) ?? [])
    case .pinCodes(let authority, let ids):
      try check(authority: authority)
      for id in ids { try pin(id, true, in: &context) }
      return .empty
    case .unpinCodes(let authority, let ids):
      try check(authority: authority)
      for id in ids { try pin(id, false, in: &context) }
      return .empty
    }
  }

  private func check(authority: AccountAddress) throws(ContractStop) {
    guard settings.authority == authority else {
      let expected = settings.authority?.text ?? "nobody"
      throw .failure(
        ContractFailure(
          .unauthorized, "invalid authority; expected \(expected), got \(authority.text)"))
    }
  }

  func emit(
    _ type: String, _ contract: AccountAddress, _ attributes: [(String, String)] = [],
    in context: inout HostContext
  ) throws(ContractStop) {
    let event = Event(
      type,
      [Event.Attribute("_contract_address", contract.text)]
        + attributes.map { Event.Attribute($0.0, $0.1) })
    try halting { () throws(ExecutionHalt) in try context.emit(event) }
  }

  // MARK: Calls from programs and packets

  public func call(
    _ contract: AccountAddress, input: [UInt8], funds: [Coin], by caller: AccountAddress,
    in context: inout HostContext
  ) throws(AttemptFailure<ProgramRefusal>) -> [UInt8] {
    do throws(ContractStop) {
      do throws(ContractFailure) { try WasmMessage.check(message: input, "payload msg") } catch {
        throw .failure(error)
      }
      return try execute(
        contract, message: input, funds: funds, by: caller, fundsMoved: true, in: &context) ?? []
    } catch { throw error.mapped { ProgramRefusal(program: "contract", code: $0.code) } }
  }
}

/// All that a new contract is made from.
struct Instantiation {
  let codeID: UInt64
  let creator: AccountAddress
  let admin: AccountAddress?
  let label: String
  let message: [UInt8]
  let funds: [Coin]
  /// Nil for an address from counters.
  let salt: [UInt8]?
  let fixesMessage: Bool
}
