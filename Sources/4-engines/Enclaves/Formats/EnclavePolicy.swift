import Digests
public import Encodings
public import WireBytes

/// Why text is no enclave policy. `path` leads to the member, dotted.
public enum EnclavePolicyError: Error, Hashable, Sendable {
  case json(JSONError)
  case schema(String?)
  /// A member is absent or not of its form.
  case member(path: String)
  /// A member that is not known: it might be a condition that we would not check.
  case unknownMember(path: String)
  case range(path: String, min: UInt64, max: UInt64, actual: UInt64)
}

/// The rules an enclave measures along with its program: what it computes, and on whose word a case counts as closed.
public struct EnclavePolicy: Hashable, Sendable {
  public static let schema = "causeway-enclave-policy/1"
  public static let textSizeMax = 16 << 10
  public static let gasMax: UInt64 = 1 << 53

  /// The ledger whose proof of a closed case the enclave asks for before it opens anything.
  public struct Ledger: Hashable, Sendable {
    public let chainID: String
    /// The hash of the only validator set whose commits count.
    public let validatorsHash: Bytes32

    /// - Throws: ``EnclavePolicyError/range(path:min:max:actual:)`` for a chain id of no or over 50 bytes (CometBFT's limit).
    public init(chainID: String, validatorsHash: Bytes32) throws(EnclavePolicyError) {
      guard (1...50).contains(chainID.utf8.count) else {
        throw .range(path: "ledger.chainId", min: 1, max: 50, actual: UInt64(chainID.utf8.count))
      }
      self.chainID = chainID
      self.validatorsHash = validatorsHash
    }
  }

  /// 1 to 256.
  public let maximumInputs: UInt64
  /// Bytes of one input's body and fields, 1 to 131,056.
  public let maximumInputSize: UInt64
  /// Gas of one case.
  public let gas: UInt64
  /// Nil when the caller of the enclave is believed; such a result proves no order or completeness of inputs.
  public let ledger: Ledger?

  /// - Throws: ``EnclavePolicyError/range(path:min:max:actual:)``.
  public init(
    maximumInputs: UInt64, maximumInputSize: UInt64, gas: UInt64, ledger: Ledger?
  ) throws(EnclavePolicyError) {
    try Self.check(maximumInputs, "maximumInputs", max: UInt64(CaseInputs.countMax))
    try Self.check(maximumInputSize, "maximumInputSize", max: UInt64(SealedInput.sizeMax))
    try Self.check(gas, "gas", max: Self.gasMax)
    self.maximumInputs = maximumInputs
    self.maximumInputSize = maximumInputSize
    self.gas = gas
    self.ledger = ledger
  }

  private static func check(_ value: UInt64, _ path: String, max: UInt64) throws(EnclavePolicyError) {
    guard value >= 1, value <= max else { throw .range(path: path, min: 1, max: max, actual: value) }
  }

  /// Canonical: members sorted by name, no white space, lower-case hex.
  public var text: String { json.text() }

  public var json: JSONValue {
    var pinned = JSONValue.null
    if let ledger {
      pinned = [
        "chainId": .string(ledger.chainID), "validatorsHash": .string(Hex.encode(ledger.validatorsHash.span)),
      ]
    }
    return [
      "schema": .string(Self.schema), "maximumInputs": .number(String(maximumInputs)),
      "maximumInputSize": .number(String(maximumInputSize)), "gas": .number(String(gas)), "ledger": pinned,
    ]
  }

  /// SHA-256 of the canonical text.
  public var hash: Bytes32 { SHA256Hash.hash([UInt8](text.utf8)) }

  /// Decodes untrusted JSON text; white space and order of members are free, unknown members are not.
  ///
  /// - Throws: ``EnclavePolicyError``; no input traps.
  public init(decoding text: [UInt8]) throws(EnclavePolicyError) {
    let json: JSONValue
    do {
      json = try JSONValue(decoding: text, limits: JSONLimits(sizeBytes: Self.textSizeMax, depth: 4))
    } catch { throw .json(error) }
    let members = try Self.object(
      json, path: "", known: ["schema", "maximumInputs", "maximumInputSize", "gas", "ledger"])
    guard members["schema"]?.string == Self.schema else { throw .schema(members["schema"]?.string) }
    var ledger: Ledger?
    switch members["ledger"] {
    case .null?: break
    case let pinned?:
      let parts = try Self.object(pinned, path: "ledger", known: ["chainId", "validatorsHash"])
      guard let chainID = parts["chainId"]?.string else { throw .member(path: "ledger.chainId") }
      guard let hex = parts["validatorsHash"]?.string, hex.hasPrefix("0x"), hex == hex.lowercased(),
        let hash = try? Bytes32(hex: hex)
      else { throw .member(path: "ledger.validatorsHash") }
      ledger = try Ledger(chainID: chainID, validatorsHash: hash)
    case nil: throw .member(path: "ledger")
    }
    try self.init(
      maximumInputs: try Self.integer(members, "maximumInputs"),
      maximumInputSize: try Self.integer(members, "maximumInputSize"), gas: try Self.integer(members, "gas"),
      ledger: ledger)
  }

  private static func object(
    _ json: JSONValue, path: String, known: Set<String>
  ) throws(EnclavePolicyError) -> [String: JSONValue] {
    guard let members = json.object else { throw .member(path: path) }
    if let stranger = members.keys.filter({ !known.contains($0) }).sorted().first {
      throw .unknownMember(path: path.isEmpty ? stranger : path + "." + stranger)
    }
    return members
  }

  private static func integer(
    _ members: [String: JSONValue], _ name: String
  ) throws(EnclavePolicyError) -> UInt64 {
    guard case .number(let text)? = members[name], text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let value = UInt64(text)
    else { throw .member(path: name) }
    return value
  }
}
