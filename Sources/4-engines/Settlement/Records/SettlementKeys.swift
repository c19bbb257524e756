import Enclaves
public import Messages
public import WireBytes

/// Where the module keeps its state, in the ledger's one store; all of it can be proven.
///
/// - SeeAlso: `CaseKeys` for what enclaves read; docs/spec/settlement.md section 5.
public enum SettlementKeys {
  private static func key(_ name: StaticString, _ parts: [UInt8]...) -> [UInt8] {
    var key = CaseKeys.prefix + [UInt8](name.description.utf8)
    for part in parts { key += part }
    return key
  }

  static func bigEndian<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: value)
    return bytes
  }

  /// The number that the next case gets: u64.
  public static let nextNumber = key("next")
  /// Open cases by number: `openCase(number)` holds the case's id.
  public static let openCases = key("open/")
  public static func openCase(_ number: UInt64) -> [UInt8] { openCases + bigEndian(number) }
  /// Cases by number, whatever became of them.
  public static func number(_ number: UInt64) -> [UInt8] { key("numbers/", bigEndian(number)) }
  /// Text of an attestation policy.
  public static func policy(_ hash: Bytes32) -> [UInt8] { key("policies/", hash.array) }
  public static let registrations = key("registrations/")
  /// `RegistrationRecord`.
  public static func registration(_ id: Bytes32) -> [UInt8] { registrations + id.array }
  /// The evidence that a registration was made with.
  public static func evidence(_ id: Bytes32) -> [UInt8] { key("evidence/", id.array) }
  /// `RegistrationEnd`, and the evidence with newer collateral that ended the registration, if it took any.
  public static func end(_ id: Bytes32) -> [UInt8] { key("ends/", id.array) }
  public static func endEvidence(_ id: Bytes32) -> [UInt8] { key("end-evidence/", id.array) }
  /// The newest sequence of an operator's keys: u64.
  public static func sequence(_ account: AccountAddress) -> [UInt8] { key("sequences/", account.bytes) }
  /// ``SettledResult`` of a case.
  public static func result(_ id: Bytes32) -> [UInt8] { key("results/", id.array) }
  /// The case that a receipt settled, by its digest.
  public static func receipt(_ digest: Bytes32) -> [UInt8] { key("receipts/", digest.array) }
  /// The case that goes on from a settled one.
  public static func successor(_ id: Bytes32) -> [UInt8] { key("successors/", id.array) }
  /// One link of a custody chain, from 0: u8 kind ‖ hash of the content ‖ link. `subject` is a case or a registration.
  public static func link(_ subject: Bytes32, _ index: UInt32) -> [UInt8] {
    links(subject) + bigEndian(index)
  }
  static func links(_ subject: Bytes32) -> [UInt8] { key("links/", subject.array) }
  static func inputs(_ id: Bytes32) -> [UInt8] { Array(CaseKeys.input(id, 0).dropLast(4)) }
  /// Whether a sender has used a nonce in a case.
  static func nonce(_ id: Bytes32, _ sender: AccountAddress, _ nonce: UInt64) -> [UInt8] {
    key("nonces/", id.array, [UInt8(sender.count)], sender.bytes, bigEndian(nonce))
  }
  /// The place of a commitment in a case: u32.
  static func commitment(_ id: Bytes32, _ commitment: Bytes32) -> [UInt8] {
    key("commitments/", id.array, commitment.array)
  }
  /// The roots of the full subtrees over a case's commitments; see ``InputsFrontier``.
  static func frontier(_ id: Bytes32) -> [UInt8] { key("frontiers/", id.array) }
  /// A recent block: u64 height ‖ hash. One of ``SettlementLimits/anchorCount`` places.
  public static func block(_ height: UInt64) -> [UInt8] {
    key("blocks/", bigEndian(UInt16(height % SettlementLimits.anchorCount)))
  }
}
