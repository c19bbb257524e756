public import Attestation
import Digests
import Enclaves
import Encodings
public import Ledger
public import Messages
public import PacketHost
public import WireBytes

/// Settlement of what attested enclaves compute: who may compute, what was submitted, and each result once.
///
/// A value without state of its own: everything lies in the domain's, under ``SettlementKeys``.
///
/// - SeeAlso: docs/spec/settlement.md.
public struct SettlementModule: LedgerModule {
  public static let name = "settlement"

  /// As senders elsewhere name the domain, for instance `cosmos:harbor-1`.
  public let domain: DomainID
  /// The domain as what enclaves sign names it.
  let chain: InteroperableAddress
  /// The vendors' keys that evidence must lead back to: part of the domain's rules.
  let roots: AttestationRoots
  let bank = Bank()

  /// - Parameter roots: the vendors' own; tests hand in theirs.
  /// - Throws: `InteroperableAddressError` for a domain that no address can name.
  public init(
    domain: DomainID, roots: AttestationRoots = .production
  ) throws(InteroperableAddressError) {
    chain = try InteroperableAddress(chain: domain)
    self.domain = domain
    self.roots = roots
  }

  public var name: String { Self.name }

  public func handles(_ typeURL: String) -> Bool { SettlementMessage.TypeURL(rawValue: typeURL) != nil }

  public func signer(of message: AnyMessage) throws(Ledger.MessageRefusal) -> AccountAddress {
    try SettlementMessage(decoding: message).sender
  }

  public func handle(
    _ message: AnyMessage, in context: inout HostContext
  ) throws(AttemptFailure<ModuleRefusal>) -> AnyMessage {
    let decoded: SettlementMessage
    do { decoded = try SettlementMessage(decoding: message) } catch {
      // The ledger has decoded it before; contracts may hand over anything.
      let (codespace, number) = error.code
      throw .failure(ModuleRefusal(codespace: codespace, number: number, text: "\(error)"))
    }
    do { return try perform(decoded, in: &context).encoded(to: decoded.type) } catch {
      throw error.mapped { $0.module }
    }
  }

  /// Does what a message asks, on behalf of its sender.
  func perform(
    _ message: SettlementMessage, in context: inout HostContext
  ) throws(SettlementStop) -> SettlementAnswer {
    switch message {
    case .storePolicy(_, let text): .policy(try store(policy: text, in: &context))
    case .registerEnclave(let sender, let keys, let evidence, let policy):
      try register(keys: keys, evidence: evidence, policy: policy, by: sender, in: &context)
    case .invalidateEnclave(_, let registration, let collateral):
      try invalidate(registration, collateral: collateral, in: &context)
    case .openCase(let sender, let terms): try open(terms, by: sender, in: &context)
    case .submit(let sender, let id, let commitment, let nonce, let coins):
      try submit(commitment, nonce: nonce, coins: coins, to: id, by: sender, in: &context)
    case .settle(_, let id, let result): try settle(id, by: result, in: &context)
    case .reclaim(_, let id): try reclaim(id, in: &context)
    }
  }

  /// Remembers the hash of the block before, for keys that are anchored at it.
  public func begin(after previous: PreviousBlock?, in context: inout HostContext) throws(ExecutionHalt) {
    guard let previous else { return }
    try context.write(
      SettlementKeys.bigEndian(previous.height) + previous.hash.array, to: SettlementKeys.block(previous.height))
  }

  /// The account that holds a case's coins; no key opens it.
  public static func escrow(of id: Bytes32) -> AccountAddress {
    AccountAddress(module: "settlement/\(Hex.encode(id.array, prefix: ""))")
  }

  /// An account of the domain as enclaves know it.
  public func address(of account: AccountAddress) -> InteroperableAddress {
    // The chain alone was encoded before, and an account has 20 or 32 bytes.
    guard let address = try? InteroperableAddress(domain: domain, address: account.bytes) else {
      preconditionFailure("an account of \(domain) has an address")
    }
    return address
  }

  /// The account that an address of this domain names; nil for any other.
  func account(of address: InteroperableAddress) -> AccountAddress? {
    address.domain == domain ? AccountAddress(bytes: address.address) : nil
  }

  // MARK: Reading and writing

  func read<Record: EnclaveContainer>(
    _ type: Record.Type, _ key: [UInt8], in context: inout HostContext
  ) throws(ExecutionHalt) -> Record? {
    guard let bytes = try context.read(key) else { return nil }
    guard let record = try? Record(decoding: bytes) else { throw .state(.unreadable) }
    return record
  }

  func number(
    _ key: [UInt8], in context: inout HostContext
  ) throws(ExecutionHalt) -> UInt64? {
    guard let bytes = try context.read(key) else { return nil }
    var reader = ByteReader(bytes.span)
    guard let number = try? reader.readBigEndian(UInt64.self), reader.isAtEnd else {
      throw .state(.unreadable)
    }
    return number
  }

  func hash(_ key: [UInt8], in context: inout HostContext) throws(ExecutionHalt) -> Bytes32? {
    guard let bytes = try context.read(key) else { return nil }
    guard let hash = try? Bytes32(bytes) else { throw .state(.unreadable) }
    return hash
  }

  /// Pays for reading bytes that somebody else made.
  func charge(for bytes: [UInt8], in context: inout HostContext) throws(SettlementStop) {
    try halting { () throws(ExecutionHalt) in
      try context.charge(SettlementGas.perByte * UInt64(bytes.count))
    }
  }

  func emit(
    _ name: String, _ attributes: [(String, String)], in context: inout HostContext
  ) throws(ExecutionHalt) {
    try context.emit(Event("settlement_\(name)", attributes.map { Event.Attribute($0.0, $0.1) }))
  }
}

extension Bytes32 {
  /// As events and texts name it.
  var name: String { Hex.encode(array, prefix: "0x") }
}

/// What a message of the module answers.
public enum SettlementAnswer: Hashable, Sendable {
  case policy(Bytes32)
  case registration(Bytes32, expires: UInt64)
  case opened(case: Bytes32, number: UInt64)
  case submitted(index: UInt32)
  case empty

  func encoded(to type: SettlementMessage.TypeURL) -> AnyMessage {
    var writer = ProtobufWriter()
    switch self {
    case .policy(let hash): writer.bytes(1, hash)
    case .registration(let id, let expires):
      writer.bytes(1, id)
      writer.varint(2, expires)
    case .opened(let id, let number):
      writer.bytes(1, id)
      writer.varint(2, number)
    case .submitted(let index): writer.varint(1, UInt64(index))
    case .empty: break
    }
    return AnyMessage(typeURL: type.rawValue + "Response", value: writer.bytes)
  }

  /// Reads one answer of a transaction.
  ///
  /// - Throws: `MessageRefusal`: a type that is no answer of the module, or bytes that are none.
  public init(decoding answer: AnyMessage) throws(Ledger.MessageRefusal) {
    let suffix = "Response"
    guard answer.typeURL.hasSuffix(suffix),
      let type = SettlementMessage.TypeURL(rawValue: String(answer.typeURL.dropLast(suffix.count)))
    else { throw .typeUnknown(answer.typeURL) }
    let span = answer.value.span
    var hash: Bytes32?
    var numbers: [UInt32: UInt64] = [:]
    do throws(ProtobufError) {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
      while let field = try reader.next(in: span) {
        if case .varint(let value) = field.value {
          numbers[field.number] = value
        } else {
          hash = try field.fixed(in: span)
        }
      }
    } catch { throw .protobuf(error) }
    switch type {
    case .storePolicy:
      guard let hash else { throw .form(field: 1) }
      self = .policy(hash)
    case .registerEnclave:
      guard let hash else { throw .form(field: 1) }
      self = .registration(hash, expires: numbers[2] ?? 0)
    case .openCase:
      guard let hash else { throw .form(field: 1) }
      self = .opened(case: hash, number: numbers[2] ?? 0)
    case .submit:
      guard let index = UInt32(exactly: numbers[1] ?? 0) else { throw .form(field: 1) }
      self = .submitted(index: index)
    case .invalidateEnclave, .settle, .reclaim: self = .empty
    }
  }
}
