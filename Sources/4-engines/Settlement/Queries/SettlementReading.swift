import Enclaves
import Encodings
public import Ledger
import Messages
public import PacketHost
import WireBytes

extension SettlementModule {
  public func query(
    path: String, request: [UInt8], on state: any StateReading, at moment: BlockMoment
  ) throws(ModuleQueryRefusal) -> [UInt8]? {
    guard let path = SettlementQuery.Path(rawValue: path) else { return nil }
    let query = try SettlementQuery(path: path, decoding: request)
    do { return try answer(query, from: state) } catch let refusal as ModuleQueryRefusal {
      throw refusal
    } catch { throw .state }
  }

  private func answer(_ query: SettlementQuery, from state: any StateReading) throws -> [UInt8] {
    var writer = ProtobufWriter()
    switch query {
    case .caseByNumber(let number):
      guard let bytes = try state.value(for: SettlementKeys.number(number)) else {
        throw ModuleQueryRefusal.notFound
      }
      return try answer(.caseByID(try Bytes32(bytes)), from: state)
    case .caseByID(let id):
      return SettlementAnswers.Case(
        id: id, record: try record(CaseRecord.self, CaseKeys.record(id), from: state),
        opening: try record(CaseOpening.self, CaseKeys.opening(id), from: state), escrow: Self.escrow(of: id)
      ).encoded()
    case .openCases(let after, let limit):
      let entries = try state.entries(
        prefix: SettlementKeys.openCases, after: SettlementKeys.openCase(after), limit: limit)
      for entry in entries {
        let number = entry.key.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        writer.message(1) { writer in
          writer.varint(1, number)
          writer.bytes(2, entry.value)
        }
      }
    case .inputs(let id):
      let record = try record(CaseRecord.self, CaseKeys.record(id), from: state)
      for index in 0..<UInt32(record.inputCount) {
        guard let input = try state.value(for: CaseKeys.input(id, index)) else { throw StateFailure.unreadable }
        writer.alwaysBytes(1, input)
      }
    case .registration(let id):
      return SettlementAnswers.Registration(
        record: try self.record(RegistrationRecord.self, SettlementKeys.registration(id), from: state),
        evidence: try state.value(for: SettlementKeys.evidence(id)) ?? []
      ).encoded()
    case .registrations(let after, let limit):
      let entries = try state.entries(
        prefix: SettlementKeys.registrations, after: after.map { SettlementKeys.registration($0) }, limit: limit)
      for entry in entries { writer.alwaysBytes(1, entry.value) }
    case .links(let subject):
      let entries = try state.entries(prefix: SettlementKeys.links(subject), after: nil, limit: 1 << 9)
      guard !entries.isEmpty else { throw ModuleQueryRefusal.notFound }
      for entry in entries { writer.alwaysBytes(1, entry.value) }
    case .policy(let hash):
      guard let text = try state.value(for: SettlementKeys.policy(hash)) else {
        throw ModuleQueryRefusal.notFound
      }
      writer.bytes(1, text)
    case .result(let id):
      guard let result = try state.value(for: SettlementKeys.result(id)) else {
        throw ModuleQueryRefusal.notFound
      }
      return result
    }
    return writer.bytes
  }

  private func record<Record: EnclaveContainer>(
    _ type: Record.Type, _ key: [UInt8], from state: any StateReading
  ) throws -> Record {
    guard let bytes = try state.value(for: key) else { throw ModuleQueryRefusal.notFound }
    guard let record = try? Record(decoding: bytes) else { throw StateFailure.unreadable }
    return record
  }
}
