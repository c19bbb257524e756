import ContractHost
import Encodings
public import Ledger
import Messages
public import PacketHost
import WireBytes

/// Answers of wasmd's query service (`x/wasm/keeper/querier.go`).
extension ContractKeeper {
  public func query(
    path: String, request: [UInt8], on state: any StateReading, at moment: BlockMoment
  ) throws(ModuleQueryRefusal) -> [UInt8]? {
    guard let name = ContractQuery.Path(rawValue: path) else { return nil }
    // What wasmd gives a smart query; reading a list costs nothing here, and is bounded by its page.
    let limit = name == .smartContractState ? settings.queryGasLimit : .max
    var context = HostContext(moment: moment, state: WorkingState(state), gas: GasMeter(limit: limit))
    do {
      let request = try QueryRequestFields(request)
      return try answer(name, request, in: &context)
    } catch let refusal as ModuleQueryRefusal {
      throw refusal
    } catch let stop as ContractStop {
      switch stop {
      case .failure(let failure): throw .refused(failure.module)
      case .halt(.outOfGas(let shortage)):
        throw .refused(
          ContractFailure(.outOfGas, "gasWanted: \(shortage.limit), gasUsed: \(shortage.wanted)").module)
      case .halt: throw .state
      }
    } catch { throw .request }
  }

  private func answer(
    _ name: ContractQuery.Path, _ request: QueryRequestFields, in context: inout HostContext
  ) throws -> [UInt8] {
    var writer = ProtobufWriter()
    switch name {
    case .contractInfo:
      let (contract, record) = try contract(request, in: &context)
      writer.string(1, contract.text)
      writer.message(2) { record.write(to: &$0) }
    case .contractHistory:
      let prefix = ContractKeys.history(try request.account(1))
      let (entries, next) = try entries(prefix, try request.page(2), in: &context)
      for entry in entries { writer.alwaysBytes(1, entry.value) }
      Self.write(next: next, 2, to: &writer)
    case .contractsByCode, .contractsByCreator:
      let prefix =
        name == .contractsByCode
        ? ContractKeys.byCode(try request.codeID(1)) : ContractKeys.byCreator(try request.account(1))
      let (entries, next) = try entries(prefix, try request.page(2), in: &context)
      for entry in entries {
        // The order, then the address.
        guard let contract = AccountAddress(bytes: Array(entry.key.dropFirst(8))) else {
          throw ModuleQueryRefusal.state
        }
        writer.alwaysString(1, contract.text)
      }
      Self.write(next: next, 2, to: &writer)
    case .allContractState:
      let (contract, _) = try contract(request, in: &context)
      let (entries, next) = try entries(
        ContractKeys.storage(contract), try request.page(2), in: &context)
      for entry in entries {
        writer.message(1) { writer in
          writer.bytes(1, entry.key)
          writer.bytes(2, entry.value)
        }
      }
      Self.write(next: next, 2, to: &writer)
    case .rawContractState:
      let (contract, _) = try contract(request, in: &context)
      let key = request.bytes(2)
      let value = key.isEmpty ? nil : try context.read(ContractKeys.storage(contract) + key)
      writer.bytes(1, value ?? [])
    case .smartContractState:
      let contract = try request.account(1)
      do { try WasmMessage.check(message: request.bytes(2), "query data") } catch {
        throw ModuleQueryRefusal.refused(error.module)
      }
      writer.bytes(1, try ask(contract, request.bytes(2), in: &context))
    case .code:
      let id = try request.codeID(1)
      let record = try codeRecord(id, in: &context)
      Self.write(record, id, summary: 1, to: &writer)
      writer.bytes(2, try binary(record, in: &context))
    case .codeInfo:
      let id = try request.codeID(1)
      let record = try codeRecord(id, in: &context)
      writer.varint(1, id)
      writer.string(2, record.creator.text)
      writer.bytes(3, record.checksum)
      writer.alwaysBytes(4, record.access.encoded())
    case .codes:
      let (entries, next) = try entries(ContractKeys.codes, try request.page(1), in: &context)
      for entry in entries {
        guard let record = CodeRecord(stored: entry.value) else { throw ModuleQueryRefusal.state }
        Self.write(record, try ContractKeys.number(stored: entry.key), summary: 1, to: &writer)
      }
      Self.write(next: next, 2, to: &writer)
    case .pinnedCodes:
      let (entries, next) = try entries(ContractKeys.pinned, try request.page(2), in: &context)
      writer.packed(
        1, try entries.map { (entry) throws(ExecutionHalt) in try ContractKeys.number(stored: entry.key) })
      Self.write(next: next, 2, to: &writer)
    case .parameters:
      let settings = settings
      let usual: UInt64
      switch settings.instantiateDefault {
      case .nobody: usual = 1
      case .everybody: usual = 3
      case .anyOf: usual = 4
      }
      writer.message(1) { writer in
        writer.alwaysBytes(1, settings.upload.encoded())
        writer.varint(2, usual)
      }
    case .buildAddress:
      guard let checksum = try? Bytes32(try Hex.decode(try request.text(1))),
        let salt = try? Hex.decode(try request.text(3))
      else { throw ModuleQueryRefusal.request }
      let message = request.bytes(4)
      let address = try ContractAddresses.predictable(
        checksum: checksum, creator: try request.account(2).bytes, salt: salt,
        message: message.isEmpty ? nil : message)
      writer.string(1, AccountAddress(address).text)
    }
    return writer.bytes
  }

  private func contract(
    _ request: QueryRequestFields, in context: inout HostContext
  ) throws -> (AccountAddress, ContractRecord) {
    let address = try request.account(1)
    guard let record = try knownContract(address, in: &context) else {
      throw ContractStop.failure(.noSuchContract(address.text))
    }
    return (address, record)
  }

  /// `CodeInfoResponse` {code_id 1, creator 2, data_hash 3, instantiate_permission 6}.
  private static func write(
    _ record: CodeRecord, _ id: UInt64, summary field: UInt32, to writer: inout ProtobufWriter
  ) {
    writer.message(field) { writer in
      writer.varint(1, id)
      writer.string(2, record.creator.text)
      writer.bytes(3, record.checksum)
      writer.alwaysBytes(6, record.access.encoded())
    }
  }

  /// One page of what lies under `prefix`, keys without it; the next key is the first that is not told.
  private func entries(
    _ prefix: [UInt8], _ page: ContractPage, in context: inout HostContext
  ) throws(ExecutionHalt) -> (entries: [(key: [UInt8], value: [UInt8])], next: [UInt8]) {
    var (start, end) = (prefix, ContractKeys.end(of: prefix))
    if !page.key.isEmpty {
      // A page begins with its key, also from behind.
      if page.isDescending { end = prefix + page.key + [0] } else { start = prefix + page.key }
    }
    let found = try context.range(
      from: start, until: end, descending: page.isDescending, limit: page.limit + 1)
    let entries = found.map { (key: Array($0.key.dropFirst(prefix.count)), value: $0.value) }
    return (Array(entries.prefix(page.limit)), entries.count > page.limit ? entries[page.limit].key : [])
  }

  private static func write(next: [UInt8], _ field: UInt32, to writer: inout ProtobufWriter) {
    writer.message(field) { $0.bytes(1, next) }
  }
}

/// A request of texts, numbers and one page, from any protobuf writer.
private struct QueryRequestFields {
  static let sizeBytesMax = 1 << 20

  private var parts: [UInt32: [UInt8]] = [:]
  private var numbers: [UInt32: UInt64] = [:]

  init(_ request: [UInt8]) throws(ProtobufError) {
    let span = request.span
    let rules = ProtobufRules(singular: [1, 2, 3, 4, 5], form: .foreign, unknown: .skip)
    var reader = ProtobufReader(rules, sizeBytesMax: Self.sizeBytesMax)
    while let field = try reader.next(in: span) {
      if case .varint(let value) = field.value {
        numbers[field.number] = value
      } else {
        parts[field.number] = [UInt8](copying: span.extracting(try field.message()))
      }
    }
  }

  func bytes(_ field: UInt32) -> [UInt8] { parts[field] ?? [] }

  func text(_ field: UInt32) throws(ModuleQueryRefusal) -> String {
    guard let text = String(validating: bytes(field), as: UTF8.self) else { throw .request }
    return text
  }

  func account(_ field: UInt32) throws(ModuleQueryRefusal) -> AccountAddress {
    guard let account = AccountNames().account(named: try text(field)) else { throw .request }
    return account
  }

  func codeID(_ field: UInt32) throws(ModuleQueryRefusal) -> UInt64 {
    guard let id = numbers[field], id > 0 else {
      throw .refused(ContractFailure(.invalid, "code id").module)
    }
    return id
  }

  /// `PageRequest {key 1, offset 2, limit 3, count_total 4, reverse 5}`; offsets are refused, nothing is counted.
  func page(_ field: UInt32) throws(ModuleQueryRefusal) -> ContractPage {
    guard let bytes = parts[field] else { return .first }
    guard let page = try? QueryRequestFields(bytes), page.numbers[2] ?? 0 == 0 else { throw .request }
    let limit = page.numbers[3] ?? 0
    return ContractPage(
      key: page.bytes(1), limit: limit == 0 ? ContractPage.limitMax : Int(clamping: limit),
      isDescending: page.numbers[5] ?? 0 != 0)
  }
}
