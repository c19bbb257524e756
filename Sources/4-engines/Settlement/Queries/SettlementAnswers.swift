public import Enclaves
public import Encodings
public import Ledger
public import Messages
public import WireBytes

/// Why bytes are no answer of the module.
public enum SettlementAnswerError: Error, Hashable, Sendable {
  case protobuf(ProtobufError)
  case part(field: UInt32, EnclaveFormatError)
  /// A field is absent, or not in the form that is read.
  case form(field: UInt32)
  case account(AccountTextError)
}

/// Answers of the module's queries, as clients read them. What they say is only as good as who says it; proofs of the
/// store say it for certain.
public enum SettlementAnswers {
  /// A case and what lies under it.
  public struct Case: Hashable, Sendable {
    public let id: Bytes32
    public let record: CaseRecord
    public let opening: CaseOpening
    /// The account that holds the case's coins.
    public let escrow: AccountAddress

    public init(id: Bytes32, record: CaseRecord, opening: CaseOpening, escrow: AccountAddress) {
      self.id = id
      self.record = record
      self.opening = opening
      self.escrow = escrow
    }

    /// {case 1, record 2, opening 3, account 4}.
    public func encoded() -> [UInt8] {
      var writer = ProtobufWriter()
      writer.bytes(1, id)
      writer.bytes(2, record.encoded())
      writer.bytes(3, opening.encoded())
      writer.string(4, escrow.text)
      return writer.bytes
    }

    public init(decoding bytes: [UInt8]) throws(SettlementAnswerError) {
      let parts = try AnswerParts(bytes, singular: [1, 2, 3, 4])
      id = try parts.hash(1)
      record = try parts.container(2)
      opening = try parts.container(3)
      guard let text = String(validating: parts.bytes(4), as: UTF8.self) else { throw .form(field: 4) }
      do { escrow = try AccountAddress(text: text) } catch { throw .account(error) }
      // Bech32 may be all upper case, which is its only other spelling.
      guard escrow.text == text else { throw .form(field: 4) }
    }
  }

  /// A registration and the evidence that it was made with.
  public struct Registration: Hashable, Sendable {
    public let record: RegistrationRecord
    /// `AttestationEvidence` in its canonical bytes.
    public let evidence: [UInt8]

    public init(record: RegistrationRecord, evidence: [UInt8]) {
      self.record = record
      self.evidence = evidence
    }

    /// {record 1, evidence 2}.
    public func encoded() -> [UInt8] {
      var writer = ProtobufWriter()
      writer.bytes(1, record.encoded())
      writer.bytes(2, evidence)
      return writer.bytes
    }

    public init(decoding bytes: [UInt8]) throws(SettlementAnswerError) {
      let parts = try AnswerParts(bytes, singular: [1, 2])
      record = try parts.container(1)
      evidence = parts.bytes(2)
    }
  }

  /// One link of a custody chain.
  public struct Link: Hashable, Sendable {
    public let kind: CustodyKind
    /// SHA-256 of the content's SSZ.
    public let content: Bytes32
    public let link: Bytes32

    public init(kind: CustodyKind, content: Bytes32, link: Bytes32) {
      self.kind = kind
      self.content = content
      self.link = link
    }

    /// As the store keeps it: u8 kind ‖ content ‖ link; nil for anything else.
    public init?(stored bytes: [UInt8]) {
      guard bytes.count == 65, let kind = CustodyKind(rawValue: bytes[0]) else { return nil }
      self.init(kind: kind, content: Bytes32 { bytes[1 + $0] }, link: Bytes32 { bytes[33 + $0] })
    }

    var stored: [UInt8] { [kind.rawValue] + content.array + link.array }
  }

  /// {links 1: as the store keeps each}.
  public static func links(decoding bytes: [UInt8]) throws(SettlementAnswerError) -> [Link] {
    let parts = try AnswerParts(bytes, singular: [], list: 1)
    var links: [Link] = []
    for element in parts.list(1) {
      guard let link = Link(stored: element) else { throw .form(field: 1) }
      links.append(link)
    }
    return links
  }

  /// {inputs 1: SSZ of each}.
  public static func inputs(decoding bytes: [UInt8]) throws(SettlementAnswerError) -> [CaseInput] {
    let parts = try AnswerParts(bytes, singular: [], list: 1)
    var inputs: [CaseInput] = []
    for element in parts.list(1) {
      do { inputs.append(try CaseInput(decoding: element)) } catch { throw .part(field: 1, error) }
    }
    return inputs
  }

  /// {cases 1 repeated: {number 1, case 2}}.
  public static func openCases(
    decoding bytes: [UInt8]
  ) throws(SettlementAnswerError) -> [(number: UInt64, id: Bytes32)] {
    let parts = try AnswerParts(bytes, singular: [], list: 1)
    var cases: [(number: UInt64, id: Bytes32)] = []
    for element in parts.list(1) {
      let inner = try AnswerParts(element, singular: [1, 2], numbered: [1])
      cases.append((inner.number(1), try inner.hash(2)))
    }
    return cases
  }

  /// {registrations 1 repeated: SSZ of each record}.
  public static func registrations(
    decoding bytes: [UInt8]
  ) throws(SettlementAnswerError) -> [RegistrationRecord] {
    let parts = try AnswerParts(bytes, singular: [], list: 1)
    var records: [RegistrationRecord] = []
    for element in parts.list(1) {
      do { records.append(try RegistrationRecord(decoding: element)) } catch { throw .part(field: 1, error) }
    }
    return records
  }

  /// {text 1}.
  public static func policy(decoding bytes: [UInt8]) throws(SettlementAnswerError) -> [UInt8] {
    try AnswerParts(bytes, singular: [1]).bytes(1)
  }
}

/// The fields of one answer by number.
struct AnswerParts {
  private var values: [UInt32: [[UInt8]]] = [:]
  private var numbers: [UInt32: UInt64] = [:]

  /// - Parameter numbered: fields that hold numbers; all others hold bytes.
  init(
    _ bytes: [UInt8], singular: [UInt32], list: UInt32? = nil, numbered: Set<UInt32> = []
  ) throws(SettlementAnswerError) {
    let span = bytes.span
    do throws(ProtobufError) {
      let rules = ProtobufRules(singular: singular, repeated: list.map { [$0] } ?? [])
      var reader = ProtobufReader(rules, sizeBytesMax: 4 << 20)
      while let field = try reader.next(in: span) {
        if numbered.contains(field.number) {
          numbers[field.number] = try field.uint64()
        } else {
          values[field.number, default: []].append([UInt8](copying: span.extracting(try field.message())))
        }
      }
    } catch { throw .protobuf(error) }
  }

  func number(_ field: UInt32) -> UInt64 { numbers[field] ?? 0 }
  func bytes(_ field: UInt32) -> [UInt8] { values[field]?.first ?? [] }
  func list(_ field: UInt32) -> [[UInt8]] { values[field] ?? [] }

  func hash(_ field: UInt32) throws(SettlementAnswerError) -> Bytes32 {
    guard let hash = try? Bytes32(bytes(field)) else { throw .form(field: field) }
    return hash
  }

  func container<Part: EnclaveContainer>(_ field: UInt32) throws(SettlementAnswerError) -> Part {
    do { return try Part(decoding: bytes(field)) } catch { throw .part(field: field, error) }
  }
}
