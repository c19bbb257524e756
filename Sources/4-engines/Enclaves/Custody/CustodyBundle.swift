public import Attestation
public import Encodings
public import Messages
import WireBytes

/// Why text is no custody bundle. `path` leads to the member, dotted.
public enum CustodyBundleError: Error, Hashable, Sendable {
  case json(JSONError)
  case schema(String?)
  /// A member is absent or not of its form.
  case member(path: String)
  case unknownMember(path: String)
  /// The text is not the one canonical text of what it says.
  case notCanonical
  case count(path: String, max: Int, actual: Int)
  case format(path: String, EnclaveFormatError)
  case address(path: String, InteroperableAddressError)
  case block(LedgerBlockError)
  case evidence(AttestationEvidenceError)
  case attestationPolicy(AttestationPolicyError)
  case enclavePolicy(EnclavePolicyError)
}

/// Everything that happened to a case, in one file that is checked without asking anyone; payloads are not among it.
///
/// Canonical JSON, schema `causeway-custody/1`: members sorted, no white space, bytes as lower-case hex.
public struct CustodyBundle: Hashable, Sendable {
  public static let schema = "causeway-custody/1"
  public static let textSizeMax = 16 << 20

  /// A value of the ledger's store with the ICS-23 proof that it is under the block's root.
  public struct Proven<Value: EnclaveContainer>: Hashable, Sendable {
    public let value: Value
    /// `CommitmentProof`, protobuf.
    public let proof: [UInt8]

    public init(_ value: Value, proof: [UInt8]) {
      self.value = value
      self.proof = proof
    }
  }

  /// A container and a signature over its digest.
  public struct Signed<Value: EnclaveContainer>: Hashable, Sendable {
    public let value: Value
    public let signature: [UInt8]

    public init(_ value: Value, signature: [UInt8]) {
      self.value = value
      self.signature = signature
    }
  }

  /// How a settled case was settled.
  public struct Settlement: Hashable, Sendable {
    public let registration: Proven<RegistrationRecord>
    /// How the registration ended, if it did, before the block.
    public let end: RegistrationEnd?
    public let evidence: AttestationEvidence
    public let attestationPolicy: AttestationPolicy
    public let enclavePolicy: EnclavePolicy
    public let token: Signed<Token>
    public let receipt: Signed<Receipt>
    public let update: Update

    public init(
      registration: Proven<RegistrationRecord>, end: RegistrationEnd?, evidence: AttestationEvidence,
      attestationPolicy: AttestationPolicy, enclavePolicy: EnclavePolicy, token: Signed<Token>,
      receipt: Signed<Receipt>, update: Update
    ) {
      self.registration = registration
      self.end = end
      self.evidence = evidence
      self.attestationPolicy = attestationPolicy
      self.enclavePolicy = enclavePolicy
      self.token = token
      self.receipt = receipt
      self.update = update
    }
  }

  /// The ledger's domain: chain alone.
  public let domain: InteroperableAddress
  /// The block whose root the proofs are under.
  public let block: LedgerBlock
  public let record: Proven<CaseRecord>
  public let opening: CaseOpening
  public let inputs: [CaseInput]
  /// Nil for a case that is open or reclaimed.
  public let settlement: Settlement?

  /// - Throws: ``CustodyBundleError/count(path:max:actual:)``.
  public init(
    domain: InteroperableAddress, block: LedgerBlock, record: Proven<CaseRecord>, opening: CaseOpening,
    inputs: [CaseInput], settlement: Settlement?
  ) throws(CustodyBundleError) {
    guard inputs.count <= CaseInputs.countMax else {
      throw .count(path: "inputs", max: CaseInputs.countMax, actual: inputs.count)
    }
    self.domain = domain
    self.block = block
    self.record = record
    self.opening = opening
    self.inputs = inputs
    self.settlement = settlement
  }

  // MARK: Text

  public var json: JSONValue {
    var settled = JSONValue.null
    if let settlement {
      settled = [
        "registration": Self.json(settlement.registration),
        "end": settlement.end.map { Self.hex($0.encoded()) } ?? .null,
        "evidence": Self.hex(settlement.evidence.encoded()),
        "attestationPolicy": .string(settlement.attestationPolicy.text),
        "enclavePolicy": .string(settlement.enclavePolicy.text), "token": Self.json(settlement.token),
        "receipt": Self.json(settlement.receipt), "update": Self.hex(settlement.update.encoded()),
      ]
    }
    return [
      "schema": .string(Self.schema), "domain": Self.hex(domain.encoded()),
      "block": Self.hex(block.encoded()), "record": Self.json(record),
      "opening": Self.hex(opening.encoded()), "inputs": .array(inputs.map { Self.hex($0.encoded()) }),
      "settlement": settled,
    ]
  }

  /// The canonical text.
  public var text: String { json.text() }

  private static func hex(_ bytes: [UInt8]) -> JSONValue { .string(Hex.encode(bytes)) }
  private static func json<Value>(_ proven: Proven<Value>) -> JSONValue {
    ["value": hex(proven.value.encoded()), "proof": hex(proven.proof)]
  }
  private static func json<Value>(_ signed: Signed<Value>) -> JSONValue {
    ["value": hex(signed.value.encoded()), "signature": hex(signed.signature)]
  }

  /// Reads untrusted text; only the canonical text of a bundle is one.
  ///
  /// - Throws: ``CustodyBundleError``; no input traps.
  public init(decoding text: [UInt8]) throws(CustodyBundleError) {
    let json: JSONValue
    do {
      json = try JSONValue(decoding: text, limits: JSONLimits(sizeBytes: Self.textSizeMax, depth: 6))
    } catch { throw .json(error) }
    let read = BundleMembers(path: "")
    let members = try read.object(
      json, known: ["schema", "domain", "block", "record", "opening", "inputs", "settlement"])
    guard members["schema"]?.string == Self.schema else { throw .schema(members["schema"]?.string) }
    let domainBytes = try read.bytes(members, "domain")
    let domain: InteroperableAddress
    do { domain = try InteroperableAddress(decoding: domainBytes.span) } catch {
      throw .address(path: "domain", error)
    }
    let block: LedgerBlock
    do { block = try LedgerBlock(decoding: try read.bytes(members, "block")) } catch {
      throw Self.blockFailure(error)
    }
    guard let list = members["inputs"]?.array else { throw .member(path: "inputs") }
    guard list.count <= CaseInputs.countMax else {
      throw .count(path: "inputs", max: CaseInputs.countMax, actual: list.count)
    }
    var inputs: [CaseInput] = []
    for (index, element) in list.enumerated() {
      inputs.append(try BundleMembers(path: "inputs.").container(["\(index)": element], "\(index)"))
    }
    try self.init(
      domain: domain, block: block, record: try read.proven(members, "record"),
      opening: try read.container(members, "opening"), inputs: inputs,
      settlement: try Self.settlement(members["settlement"]))
    guard [UInt8](self.text.utf8) == text else { throw .notCanonical }
  }

  private static func blockFailure(_ error: any Error) -> CustodyBundleError {
    switch error {
    case let error as LedgerBlockError: .block(error)
    case let error as CustodyBundleError: error
    default: .member(path: "block")
    }
  }

  private static func settlement(_ json: JSONValue?) throws(CustodyBundleError) -> Settlement? {
    guard let json else { throw .member(path: "settlement") }
    if json.isNull { return nil }
    let read = BundleMembers(path: "settlement.")
    let members = try read.object(
      json,
      known: [
        "registration", "end", "evidence", "attestationPolicy", "enclavePolicy", "token", "receipt", "update",
      ])
    guard let ending = members["end"] else { throw .member(path: "settlement.end") }
    let end: RegistrationEnd? = ending.isNull ? nil : try read.container(members, "end")
    let evidenceBytes = try read.bytes(members, "evidence")
    let evidence: AttestationEvidence
    do { evidence = try AttestationEvidence(decoding: evidenceBytes) } catch { throw .evidence(error) }
    guard let attestationText = members["attestationPolicy"]?.string else {
      throw .member(path: "settlement.attestationPolicy")
    }
    let attestationPolicy: AttestationPolicy
    do { attestationPolicy = try AttestationPolicy(decoding: [UInt8](attestationText.utf8)) } catch {
      throw .attestationPolicy(error)
    }
    guard let enclaveText = members["enclavePolicy"]?.string else {
      throw .member(path: "settlement.enclavePolicy")
    }
    let enclavePolicy: EnclavePolicy
    do { enclavePolicy = try EnclavePolicy(decoding: [UInt8](enclaveText.utf8)) } catch {
      throw .enclavePolicy(error)
    }
    return Settlement(
      registration: try read.proven(members, "registration"), end: end, evidence: evidence,
      attestationPolicy: attestationPolicy, enclavePolicy: enclavePolicy,
      token: try read.signed(members, "token"), receipt: try read.signed(members, "receipt"),
      update: try read.container(members, "update"))
  }
}

/// Reads members of a bundle strictly.
private struct BundleMembers {
  /// With a dot behind it, or empty.
  let path: String

  func object(_ json: JSONValue, known: Set<String>) throws(CustodyBundleError) -> [String: JSONValue] {
    guard let members = json.object else { throw .member(path: String(path.dropLast())) }
    if let stranger = members.keys.filter({ !known.contains($0) }).sorted().first {
      throw .unknownMember(path: path + stranger)
    }
    return members
  }

  func bytes(_ members: [String: JSONValue], _ name: String) throws(CustodyBundleError) -> [UInt8] {
    guard let text = members[name]?.string, text.hasPrefix("0x"), let bytes = try? Hex.decode(text) else {
      throw .member(path: path + name)
    }
    return bytes
  }

  func container<Value: EnclaveContainer>(
    _ members: [String: JSONValue], _ name: String
  ) throws(CustodyBundleError) -> Value {
    let bytes = try bytes(members, name)
    do { return try Value(decoding: bytes) } catch { throw .format(path: path + name, error) }
  }

  func proven<Value>(
    _ members: [String: JSONValue], _ name: String
  ) throws(CustodyBundleError) -> CustodyBundle.Proven<Value> {
    guard let json = members[name] else { throw .member(path: path + name) }
    let inner = BundleMembers(path: path + name + ".")
    let parts = try inner.object(json, known: ["value", "proof"])
    return CustodyBundle.Proven(try inner.container(parts, "value"), proof: try inner.bytes(parts, "proof"))
  }

  func signed<Value>(
    _ members: [String: JSONValue], _ name: String
  ) throws(CustodyBundleError) -> CustodyBundle.Signed<Value> {
    guard let json = members[name] else { throw .member(path: path + name) }
    let inner = BundleMembers(path: path + name + ".")
    let parts = try inner.object(json, known: ["value", "signature"])
    return CustodyBundle.Signed(
      try inner.container(parts, "value"), signature: try inner.bytes(parts, "signature"))
  }
}
