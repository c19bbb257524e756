import Digests
public import Encodings
public import WireBytes

/// Why JSON is no attestation policy. `path` leads to the member, from the root, dotted.
public enum AttestationPolicyError: Error, Hashable, Sendable {
  case json(JSONError)
  /// A member is absent or not of the wanted form.
  case member(path: String, wanted: Form)
  /// A member that is not known: it might be a condition that we would not check.
  case unknownMember(path: String)
  /// Another schema than ``AttestationPolicy/schema``.
  case schema
  /// A list is longer than its maximum.
  case count(path: String, limit: Int, actual: Int)
  /// Bytes of another length.
  case length(path: String, expected: Int, actual: Int)
  /// A number outside of what it may be.
  case range(path: String, least: Int64, most: Int64)
  /// An element that came before.
  case duplicate(path: String)
  /// A condition that names nothing would be met by anything.
  case empty(path: String)
  /// A policy for production names the simulated platform.
  case simulatedInProduction

  /// What was wanted.
  public enum Form: String, Hashable, Sendable {
    case object
    case array
    case string
    case boolean
    /// `0x` and an even number of lower-case digits.
    case hex
    /// A number without sign, fraction, exponent or leading zero.
    case integer
    /// One of a few words.
    case word
  }
}

/// What is demanded of evidence, as data: the hash of its canonical JSON names it.
///
/// A platform that has no member is refused, and so is everything under an empty list of allowed measurements.
/// Schema in docs/spec/attestation-policy.md.
public struct AttestationPolicy: Hashable, Sendable {
  public static let schema = "causeway-attestation-policy/1"
  /// A longer text is refused.
  public static let textSizeMax = 256 << 10
  /// How far a statement's clock may run ahead of ours.
  public static let clockDriftSecondsMax: Int64 = 300

  /// Refuses simulated evidence by name, whatever else the policy says.
  public let isProduction: Bool
  /// How old a statement may be in live verification; nil asks nothing.
  public let ageMaxSeconds: Int64?
  /// How far ahead a statement's time may lie.
  public let driftMaxSeconds: Int64
  /// What must be bound, byte for byte; nil leaves it to the caller, who reads it from the result.
  public let reportData: [UInt8]?
  /// The challenge that must be answered; nil leaves it to the caller.
  public let nonce: [UInt8]?
  public let nitro: NitroPolicy?
  public let sgx: IntelPolicy?
  public let tdx: IntelPolicy?
  public let sevSNP: SEVSNPPolicy?
  public let tpm: TPMPolicy?
  public let azure: AzurePolicy?
  public let token: TokenPolicy?
  public let simulated: SimulatedPolicy?

  /// - Throws: ``AttestationPolicyError/simulatedInProduction``, `.range`.
  public init(
    isProduction: Bool, ageMaxSeconds: Int64? = nil, driftMaxSeconds: Int64 = 0, reportData: [UInt8]? = nil,
    nonce: [UInt8]? = nil, nitro: NitroPolicy? = nil, sgx: IntelPolicy? = nil, tdx: IntelPolicy? = nil,
    sevSNP: SEVSNPPolicy? = nil, tpm: TPMPolicy? = nil, azure: AzurePolicy? = nil, token: TokenPolicy? = nil,
    simulated: SimulatedPolicy? = nil
  ) throws(AttestationPolicyError) {
    if isProduction, simulated != nil { throw .simulatedInProduction }
    if let ageMaxSeconds, !(0...Self.ageSecondsMax).contains(ageMaxSeconds) {
      throw .range(path: "maximumAgeSeconds", least: 0, most: Self.ageSecondsMax)
    }
    guard (0...Self.clockDriftSecondsMax).contains(driftMaxSeconds) else {
      throw .range(path: "maximumDriftSeconds", least: 0, most: Self.clockDriftSecondsMax)
    }
    self.isProduction = isProduction
    self.ageMaxSeconds = ageMaxSeconds
    self.driftMaxSeconds = driftMaxSeconds
    self.reportData = reportData
    self.nonce = nonce
    self.nitro = nitro
    self.sgx = sgx
    self.tdx = tdx
    self.sevSNP = sevSNP
    self.tpm = tpm
    self.azure = azure
    self.token = token
    self.simulated = simulated
  }

  /// A hundred years: a greater age means that none is asked for.
  private static let ageSecondsMax: Int64 = 3_155_760_000

  private static let members: Set<String> = [
    "schema", "production", "maximumAgeSeconds", "maximumDriftSeconds", "reportData", "nonce", "nitro", "sgx",
    "tdx", "sev-snp", "tpm", "azure", "token", "simulated",
  ]

  /// Reads a policy from untrusted JSON text; white space and order of members are free, unknown members are not.
  ///
  /// - Throws: ``AttestationPolicyError``; no input traps.
  public init(decoding text: Span<UInt8>) throws(AttestationPolicyError) {
    let json: JSONValue
    do {
      json = try JSONValue(decoding: text, limits: JSONLimits(sizeBytes: Self.textSizeMax, depth: 16))
    } catch { throw .json(error) }
    try self.init(json: json)
  }

  /// Reads a policy from untrusted JSON text.
  public init(decoding text: [UInt8]) throws(AttestationPolicyError) { try self.init(decoding: text.span) }

  /// Reads a policy from JSON.
  public init(json: JSONValue) throws(AttestationPolicyError) {
    typealias Read = PolicyMembers
    let object = try Read.object(json, path: "", known: Self.members)
    guard try Read.string(object, "schema", path: "") == Self.schema else { throw .schema }
    try self.init(
      isProduction: Read.boolean(object, "production", path: ""),
      ageMaxSeconds: Read.optional(object, "maximumAgeSeconds") { (name) throws(AttestationPolicyError) in
        try Read.integer(object, name, path: "", in: 0...Self.ageSecondsMax)
      },
      driftMaxSeconds: Read.optional(object, "maximumDriftSeconds") { (name) throws(AttestationPolicyError) in
        try Read.integer(object, name, path: "", in: 1...Self.clockDriftSecondsMax)
      } ?? 0,
      reportData: Read.optional(object, "reportData") { (name) throws(AttestationPolicyError) in
        try Read.hex(object, name, path: "", lengths: 1...1024)
      },
      nonce: Read.optional(object, "nonce") { (name) throws(AttestationPolicyError) in
        try Read.hex(object, name, path: "", lengths: 1...1024)
      },
      nitro: Read.part(object, "nitro") { (json, path) throws(AttestationPolicyError) in
        try NitroPolicy(json: json, path: path)
      },
      sgx: Read.part(object, "sgx") { (json, path) throws(AttestationPolicyError) in
        try IntelPolicy(json: json, path: path)
      },
      tdx: Read.part(object, "tdx") { (json, path) throws(AttestationPolicyError) in
        try IntelPolicy(json: json, path: path)
      },
      sevSNP: Read.part(object, "sev-snp") { (json, path) throws(AttestationPolicyError) in
        try SEVSNPPolicy(json: json, path: path)
      },
      tpm: Read.part(object, "tpm") { (json, path) throws(AttestationPolicyError) in
        try TPMPolicy(json: json, path: path)
      },
      azure: Read.part(object, "azure") { (json, path) throws(AttestationPolicyError) in
        try AzurePolicy(json: json, path: path)
      },
      token: Read.part(object, "token") { (json, path) throws(AttestationPolicyError) in
        try TokenPolicy(json: json, path: path)
      },
      simulated: Read.part(object, "simulated") { (json, path) throws(AttestationPolicyError) in
        try SimulatedPolicy(json: json, path: path)
      })
  }

  /// The same as JSON; what is not asked for is left out.
  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "schema": .string(Self.schema), "production": .boolean(isProduction),
    ]
    members["maximumAgeSeconds"] = ageMaxSeconds.map { .number(String($0)) }
    if driftMaxSeconds > 0 { members["maximumDriftSeconds"] = .number(String(driftMaxSeconds)) }
    members["reportData"] = reportData.map { .string(Hex.encode($0)) }
    members["nonce"] = nonce.map { .string(Hex.encode($0)) }
    members["nitro"] = nitro?.json
    members["sgx"] = sgx?.json
    members["tdx"] = tdx?.json
    members["sev-snp"] = sevSNP?.json
    members["tpm"] = tpm?.json
    members["azure"] = azure?.json
    members["token"] = token?.json
    members["simulated"] = simulated?.json
    return .object(members)
  }

  /// The canonical JSON: members sorted by name, no white space, lower-case hex.
  public var text: String { json.text() }

  /// SHA-256 of `causeway/attestation-policy/v1` and the canonical JSON.
  public var hash: Bytes32 {
    SHA256Hash.hash([UInt8]("causeway/attestation-policy/v1".utf8) + [UInt8](text.utf8))
  }
}
