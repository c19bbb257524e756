public import Encodings
public import WireBytes

/// Why text is no interchange file.
public enum SlashingInterchangeError: Error, Hashable, Sendable {
  case json(JSONError)
  /// Missing, not known, or not in the form that EIP-3076 gives it.
  case member(path: String)
  case version(String)
  case tooManyRecords(max: Int)
}

/// A block that a validator signed.
public struct SignedBlock: Hashable, Sendable {
  public let slot: UInt64
  /// Nil when the writer did not keep it: then no other block of the slot is the same one.
  public let signingRoot: [UInt8]?

  public init(slot: UInt64, signingRoot: [UInt8]?) {
    self.slot = slot
    self.signingRoot = signingRoot
  }
}

/// An attestation of a beacon chain that a validator signed.
public struct SignedAttestation: Hashable, Sendable {
  public let sourceEpoch: UInt64
  public let targetEpoch: UInt64
  /// Nil when the writer did not keep it.
  public let signingRoot: [UInt8]?

  public init(sourceEpoch: UInt64, targetEpoch: UInt64, signingRoot: [UInt8]?) {
    self.sourceEpoch = sourceEpoch
    self.targetEpoch = targetEpoch
    self.signingRoot = signingRoot
  }
}

/// What validators signed, in the file that clients of Ethereum's beacon chain exchange (EIP-3076, version 5).
///
/// Numbers are decimal text. Members that the EIP does not name are refused, as Lighthouse refuses them; a signing root
/// may be `null`, which is the same as none, and has 1 to 32 bytes, as Web3Signer takes it.
///
/// - SeeAlso: https://eips.ethereum.org/EIPS/eip-3076
public struct SlashingInterchange: Hashable, Sendable {
  public static let version = "5"
  public static let sizeMax = 256 << 20
  /// Validators, blocks and attestations together.
  public static let recordsMax = 1 << 20

  /// The entries of one public key; a key may come more than once.
  public struct Validator: Hashable, Sendable {
    public let publicKey: FixedBytes<48>
    public let blocks: [SignedBlock]
    public let attestations: [SignedAttestation]

    public init(publicKey: FixedBytes<48>, blocks: [SignedBlock], attestations: [SignedAttestation]) {
      self.publicKey = publicKey
      self.blocks = blocks
      self.attestations = attestations
    }
  }

  public let genesisValidatorsRoot: Bytes32
  public let validators: [Validator]

  public init(genesisValidatorsRoot: Bytes32, validators: [Validator]) {
    self.genesisValidatorsRoot = genesisValidatorsRoot
    self.validators = validators
  }

  /// Reads a file.
  ///
  /// - Throws: ``SlashingInterchangeError``. No input traps.
  public init(decoding text: [UInt8]) throws(SlashingInterchangeError) {
    let json: JSONValue
    do {
      json = try JSONValue(decoding: text, limits: JSONLimits(sizeBytes: Self.sizeMax, depth: 8))
    } catch { throw .json(error) }
    try self.init(json: json)
  }

  /// Reads the document.
  ///
  /// - Throws: ``SlashingInterchangeError``. No input traps.
  public init(json: JSONValue) throws(SlashingInterchangeError) {
    let root = try Members(json, "", ["metadata", "data"])
    let metadata = try Members(
      try root.value("metadata"), "metadata", ["interchange_format_version", "genesis_validators_root"])
    let version = try metadata.text("interchange_format_version")
    guard version == Self.version else { throw .version(version) }
    genesisValidatorsRoot = try metadata.fixed("genesis_validators_root")
    let entries = try root.array("data")
    var left = Self.recordsMax - entries.count
    var validators: [Validator] = []
    for (index, entry) in entries.enumerated() {
      let validator = try Members(
        entry, "data.\(index)", ["pubkey", "signed_blocks", "signed_attestations"])
      let publicKey: FixedBytes<48> = try validator.fixed("pubkey")
      let blocks = try validator.array("signed_blocks")
      let attestations = try validator.array("signed_attestations")
      left -= blocks.count + attestations.count
      guard left >= 0 else { throw .tooManyRecords(max: Self.recordsMax) }
      var signedBlocks: [SignedBlock] = []
      for (place, block) in blocks.enumerated() {
        let members = try Members(block, "data.\(index).signed_blocks.\(place)", ["slot", "signing_root"])
        signedBlocks.append(
          SignedBlock(slot: try members.number("slot"), signingRoot: try members.root()))
      }
      var signedAttestations: [SignedAttestation] = []
      for (place, attestation) in attestations.enumerated() {
        let members = try Members(
          attestation, "data.\(index).signed_attestations.\(place)",
          ["source_epoch", "target_epoch", "signing_root"])
        signedAttestations.append(
          SignedAttestation(
            sourceEpoch: try members.number("source_epoch"), targetEpoch: try members.number("target_epoch"),
            signingRoot: try members.root()))
      }
      validators.append(
        Validator(publicKey: publicKey, blocks: signedBlocks, attestations: signedAttestations))
    }
    guard left >= 0 else { throw .tooManyRecords(max: Self.recordsMax) }
    self.validators = validators
  }

  /// The file: members by name, two spaces a level.
  public var text: String { json.text(pretty: true) + "\n" }

  /// The document.
  public var json: JSONValue {
    func root(_ bytes: [UInt8]?, _ members: [String: JSONValue]) -> JSONValue {
      guard let bytes else { return .object(members) }
      return .object(members.merging(["signing_root": .string(Hex.encode(bytes))]) { $1 })
    }
    return [
      "metadata": [
        "interchange_format_version": .string(Self.version),
        "genesis_validators_root": .string(genesisValidatorsRoot.description),
      ],
      "data": .array(
        validators.map { validator in
          [
            "pubkey": .string(validator.publicKey.description),
            "signed_blocks": .array(
              validator.blocks.map { root($0.signingRoot, ["slot": .string(String($0.slot))]) }),
            "signed_attestations": .array(
              validator.attestations.map {
                root(
                  $0.signingRoot,
                  [
                    "source_epoch": .string(String($0.sourceEpoch)),
                    "target_epoch": .string(String($0.targetEpoch)),
                  ])
              }),
          ]
        }),
    ]
  }

  /// The members of one object, each read in its one form.
  private struct Members {
    private let members: [String: JSONValue]
    private let path: String

    init(_ json: JSONValue, _ path: String, _ known: Set<String>) throws(SlashingInterchangeError) {
      guard let members = json.object else { throw .member(path: path) }
      self.members = members
      self.path = path
      if let stranger = members.keys.filter({ !known.contains($0) }).sorted().first {
        throw .member(path: join(stranger))
      }
    }

    private func join(_ name: String) -> String { path.isEmpty ? name : path + "." + name }

    func value(_ name: String) throws(SlashingInterchangeError) -> JSONValue {
      guard let value = members[name] else { throw .member(path: join(name)) }
      return value
    }

    func text(_ name: String) throws(SlashingInterchangeError) -> String {
      guard let text = members[name]?.string else { throw .member(path: join(name)) }
      return text
    }

    func array(_ name: String) throws(SlashingInterchangeError) -> [JSONValue] {
      guard let array = members[name]?.array else { throw .member(path: join(name)) }
      return array
    }

    func number(_ name: String) throws(SlashingInterchangeError) -> UInt64 {
      let text = try text(name)
      guard let value = UInt64(text), String(value) == text else { throw .member(path: join(name)) }
      return value
    }

    func fixed<let count: Int>(_ name: String) throws(SlashingInterchangeError) -> FixedBytes<count> {
      let text = try text(name)
      guard text.hasPrefix("0x"), let value = try? FixedBytes<count>(hex: text) else {
        throw .member(path: join(name))
      }
      return value
    }

    func root() throws(SlashingInterchangeError) -> [UInt8]? {
      guard let value = members["signing_root"], !value.isNull else { return nil }
      guard let text = value.string, text.hasPrefix("0x"), let bytes = try? Hex.decode(text),
        (1...32).contains(bytes.count)
      else { throw .member(path: join("signing_root")) }
      return bytes
    }
  }
}
