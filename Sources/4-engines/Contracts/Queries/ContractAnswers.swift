public import Encodings
import Ledger
public import Messages
public import WireBytes

/// Code as the query service tells of it.
public struct CodeDetails: Hashable, Sendable {
  public let codeID: UInt64
  public let creator: AccountAddress
  public let checksum: Bytes32
  public let access: AccessConfig
  /// The binary, where the whole code was asked for.
  public let code: [UInt8]?
}

/// A contract as the query service tells of it.
public struct ContractDetails: Hashable, Sendable {
  public let address: AccountAddress
  public let record: ContractRecord
}

/// Why bytes are not the answer that was expected.
public enum ContractAnswerError: Error, Hashable, Sendable {
  case protobuf(ProtobufError)
  /// A field is absent, or not in its form.
  case form(field: UInt32)
}

/// Reads answers of the query service. The node that answered is trusted for them.
public enum ContractAnswers {
  /// A list, and where it goes on; the next key is empty at its end.
  public struct List<Element: Hashable & Sendable>: Hashable, Sendable {
    public let elements: [Element]
    public let nextKey: [UInt8]
  }

  /// Answers `SmartContractState` and `RawContractState`.
  public static func bytes(_ answer: [UInt8]) throws(ContractAnswerError) -> [UInt8] {
    part(try fields(answer), 1)
  }

  /// Answers `ContractInfo`.
  public static func contract(_ answer: [UInt8]) throws(ContractAnswerError) -> ContractDetails {
    let fields = try fields(answer)
    guard let text = fields.first(where: { $0.number == 1 })?.text,
      let address = AccountNames().account(named: text)
    else { throw .form(field: 1) }
    guard let stored = fields.first(where: { $0.number == 2 })?.bytes,
      let record = ContractRecord(stored: stored.span)
    else { throw .form(field: 2) }
    return ContractDetails(address: address, record: record)
  }

  /// Answers `ContractsByCode` and `ContractsByCreator`.
  public static func contracts(_ answer: [UInt8]) throws(ContractAnswerError) -> List<AccountAddress> {
    try list(answer) { AccountNames().account(named: $0.text ?? "") }
  }

  /// Answers `ContractHistory`.
  public static func history(_ answer: [UInt8]) throws(ContractAnswerError) -> List<ContractHistoryEntry> {
    try list(answer) { ContractHistoryEntry(decoding: $0.bytes.span) }
  }

  /// One stored key.
  public struct Model: Hashable, Sendable {
    public let key: [UInt8]
    public let value: [UInt8]
  }

  /// Answers `AllContractState`.
  public static func state(_ answer: [UInt8]) throws(ContractAnswerError) -> List<Model> {
    try list(answer) { field in
      guard let parts = try? fields(field.bytes) else { return nil }
      return Model(
        key: part(parts, 1), value: part(parts, 2))
    }
  }

  /// Answers `Codes`.
  public static func codes(_ answer: [UInt8]) throws(ContractAnswerError) -> List<CodeDetails> {
    try list(answer) { code($0.bytes, access: 6, code: nil) }
  }

  /// Answers `Code`.
  public static func code(_ answer: [UInt8]) throws(ContractAnswerError) -> CodeDetails {
    let fields = try fields(answer)
    guard let summary = fields.first(where: { $0.number == 1 })?.bytes,
      let details = code(summary, access: 6, code: part(fields, 2))
    else { throw .form(field: 1) }
    return details
  }

  /// Answers `CodeInfo`.
  public static func codeInfo(_ answer: [UInt8]) throws(ContractAnswerError) -> CodeDetails {
    guard let details = code(answer, access: 4, code: nil) else { throw .form(field: 1) }
    return details
  }

  /// Answers `PinnedCodes`.
  public static func pinnedCodes(_ answer: [UInt8]) throws(ContractAnswerError) -> List<UInt64> {
    let fields = try fields(answer)
    let packed = part(fields, 1)
    var ids: [UInt64] = []
    var offset = 0
    while offset < packed.count {
      do { ids.append(try ProtobufReader.varint(packed.span, at: &offset, end: packed.count)) } catch {
        throw .protobuf(error)
      }
    }
    return List(elements: ids, nextKey: try nextKey(fields))
  }

  /// Answers `BuildAddress`.
  public static func address(_ answer: [UInt8]) throws(ContractAnswerError) -> AccountAddress {
    guard let text = try fields(answer).first(where: { $0.number == 1 })?.text,
      let account = AccountNames().account(named: text)
    else { throw .form(field: 1) }
    return account
  }

  // MARK: Parts

  private struct Field {
    let number: UInt32
    let value: UInt64
    let bytes: [UInt8]
    var text: String? { String(validating: bytes, as: UTF8.self) }
  }

  private static func fields(_ message: [UInt8]) throws(ContractAnswerError) -> [Field] {
    let span = message.span
    let rules = ProtobufRules(repeated: Array(1...8), form: .foreign, unknown: .skip)
    var found: [Field] = []
    do throws(ProtobufError) {
      var reader = ProtobufReader(rules)
      while let field = try reader.next(in: span) {
        if case .varint(let value) = field.value {
          found.append(Field(number: field.number, value: value, bytes: []))
        } else {
          let bytes = [UInt8](copying: span.extracting(try field.message()))
          found.append(Field(number: field.number, value: 0, bytes: bytes))
        }
      }
    } catch { throw .protobuf(error) }
    return found
  }

  /// The bytes of a field; empty when it is not there.
  private static func part(_ fields: [Field], _ number: UInt32) -> [UInt8] {
    guard let field = fields.first(where: { $0.number == number }) else { return [] }
    return field.bytes
  }

  private static func nextKey(_ fields: [Field]) throws(ContractAnswerError) -> [UInt8] {
    guard let page = fields.first(where: { $0.number == 2 }) else { return [] }
    return part(try self.fields(page.bytes), 1)
  }

  private static func list<Element: Hashable & Sendable>(
    _ answer: [UInt8], _ read: (Field) -> Element?
  ) throws(ContractAnswerError) -> List<Element> {
    let fields = try fields(answer)
    var elements: [Element] = []
    for field in fields where field.number == 1 {
      guard let element = read(field) else { throw .form(field: 1) }
      elements.append(element)
    }
    return List(elements: elements, nextKey: try nextKey(fields))
  }

  private static func code(_ message: [UInt8], access: UInt32, code: [UInt8]?) -> CodeDetails? {
    guard let fields = try? fields(message),
      let text = fields.first(where: { $0.number == 2 })?.text,
      let creator = AccountNames().account(named: text),
      let hash = fields.first(where: { $0.number == 3 })?.bytes, let checksum = try? Bytes32(hash),
      let permission = fields.first(where: { $0.number == access })?.bytes,
      let config = try? AccessConfig(decoding: permission.span)
    else { return nil }
    return CodeDetails(
      codeID: fields.first(where: { $0.number == 1 }).map(\.value) ?? 0, creator: creator, checksum: checksum,
      access: config,
      code: code)
  }
}
