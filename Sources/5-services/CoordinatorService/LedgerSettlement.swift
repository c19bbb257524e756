public import ChainAccess
public import Enclaves
import Ledger
import LightClients
public import Messages
public import Settlement
public import WireBytes

/// A ledger of this project with its settlement module, over any access to it.
public struct LedgerSettlement: SettlementLedger {
  public let domain: InteroperableAddress
  private let access: any DomainAccess
  private let sender: AccountSender
  private let gasLimit: UInt64

  /// - Parameter sender: pays for what the coordinator sends; the messages need no authority.
  /// - Throws: for a domain that no address can name.
  public init(
    access: any DomainAccess, sender: AccountSender, gasLimit: UInt64 = 20_000_000
  ) throws(InteroperableAddressError) {
    domain = try InteroperableAddress(chain: access.domain)
    self.access = access
    self.sender = sender
    self.gasLimit = gasLimit
  }

  private static func fault(_ error: AccessError) -> LedgerFault { .unreachable(code: error.code) }

  private func value(_ key: [UInt8], at version: UInt64) async throws(LedgerFault) -> [UInt8]? {
    do { return try await access.values(of: [key], at: version, proven: false).first?.value } catch {
      throw Self.fault(error)
    }
  }

  private func newest() async throws(LedgerFault) -> ChainHead {
    do { return try await access.head() } catch { throw Self.fault(error) }
  }

  private static func moment(_ head: ChainHead) -> LedgerMoment {
    LedgerMoment(height: head.height, time: UInt64(max(0, head.time.seconds)))
  }

  public func moment() async throws(LedgerFault) -> LedgerMoment { Self.moment(try await newest()) }

  public func moment(above height: UInt64, patience: Duration) async throws(LedgerFault) -> LedgerMoment {
    do { return Self.moment(try await access.head(above: height, patience: patience)) } catch {
      throw Self.fault(error)
    }
  }

  public func nextNumber() async throws(LedgerFault) -> UInt64 {
    let bytes = try await value(SettlementKeys.nextNumber, at: try await newest().height)
    guard let bytes else { return 1 }
    var reader = ByteReader(bytes.span)
    guard let number = try? reader.readBigEndian(UInt64.self), reader.isAtEnd else {
      throw .unreadable(.empty(.number))
    }
    return number
  }

  private static func record<Record: EnclaveContainer>(
    _ type: Record.Type, _ bytes: [UInt8]
  ) throws(LedgerFault) -> Record {
    do { return try Record(decoding: bytes) } catch { throw .unreadable(error) }
  }

  public func read(case id: Bytes32) async throws(LedgerFault) -> LedgerCase? {
    let version = try await newest().height
    guard let bytes = try await value(CaseKeys.record(id), at: version),
      let opening = try await value(CaseKeys.opening(id), at: version)
    else { return nil }
    let record = try Self.record(CaseRecord.self, bytes)
    let keys = (0..<UInt32(record.inputCount)).map { CaseKeys.input(id, $0) }
    var inputs: [CaseInput] = []
    if !keys.isEmpty {
      let entries: [StateEntry]
      do { entries = try await access.values(of: keys, at: version, proven: false) } catch {
        throw Self.fault(error)
      }
      for entry in entries {
        guard let bytes = entry.value else { throw .unreadable(.empty(.inputs)) }
        inputs.append(try Self.record(CaseInput.self, bytes))
      }
    }
    return LedgerCase(
      id: id, opening: try Self.record(CaseOpening.self, opening), record: record, inputs: inputs)
  }

  public func registration(_ id: Bytes32) async throws(LedgerFault) -> RegistrationRecord? {
    guard let bytes = try await value(SettlementKeys.registration(id), at: try await newest().height) else {
      return nil
    }
    return try Self.record(RegistrationRecord.self, bytes)
  }

  public func proof(of id: Bytes32, notBefore time: UInt64) async throws(LedgerFault) -> CaseProof? {
    let head = try await newest()
    // The newest header proves the state of the version before it.
    guard let version = access.version(provenAt: head.height), version > 0 else { return nil }
    let block: LightBlock
    let entries: [StateEntry]
    do {
      block = try await access.signedHeader(at: head.height)
      entries = try await access.values(of: [CaseKeys.record(id)], at: version, proven: true)
    } catch {
      // The commit of the newest block may be one block behind.
      if case .heightUnknown = error { return nil }
      throw Self.fault(error)
    }
    guard UInt64(max(0, block.signedHeader.header.time.seconds)) >= time, let entry = entries.first,
      let record = entry.value, case .ics23(let proof) = entry.proof
    else { return nil }
    return CaseProof(block: block, record: record, proof: proof)
  }

  public func settle(_ id: Bytes32, by result: SettlementResult) async throws(LedgerFault) {
    try await send(.settle(sender: sender.address, case: id, result))
  }

  public func reclaim(_ id: Bytes32) async throws(LedgerFault) {
    try await send(.reclaim(sender: sender.address, case: id))
  }

  /// The name of a refusal: the module's own, where it is the module's.
  public static func refusal(_ error: SendError) -> String {
    let (codespace, log) =
      switch error {
      case .refused(_, let codespace, _, let log): (codespace, log)
      case .failed(let transaction): (transaction.result.codespace, transaction.result.log)
      default: ("", "")
      }
    return name(codespace: codespace, log: log) ?? error.code
  }

  /// The ledger writes `message…: message 0: name: details` of what a module refuses; nil for what another part has
  /// refused.
  public static func name(codespace: String, log: String) -> String? {
    guard codespace == SettlementRefusal.codespace else { return nil }
    let parts = log.split(separator: ":").map { $0.drop { $0 == " " } }
    return parts.dropFirst().first { !$0.hasPrefix("message ") }.map(String.init)
  }

  private func send(_ message: SettlementMessage) async throws(LedgerFault) {
    do { _ = try await sender.send([message.ledgerMessage], gasLimit: gasLimit, memo: "coordinator") } catch {
      switch error {
      case .refused, .failed: throw .refused(code: Self.refusal(error))
      default: throw .unreachable(code: error.code)
      }
    }
  }
}
