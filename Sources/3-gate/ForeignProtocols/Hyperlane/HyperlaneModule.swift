public import WireBytes

/// An interchain security module as data: what a recipient demands before a message is delivered to it.
///
/// The EVM keeps modules as contracts that call each other; here the tree is written out, so that a configuration can be
/// read, bounded and judged off chain.
public indirect enum HyperlaneModule: Hashable, Sendable {
  /// Types 4 and 5.
  case multisig(HyperlaneMultisig)
  /// Types 9 and 10.
  case weightedMultisig(HyperlaneWeightedMultisig)
  /// Type 2: exactly `threshold` of `modules` must be given metadata, and each of those must pass.
  case aggregation([HyperlaneModule], threshold: UInt8)
  /// Type 1: by origin domain, with an optional fallback (DefaultFallbackRoutingIsm).
  case routing([UInt32: HyperlaneModule], fallback: HyperlaneModule?)

  /// Limits of the relayer (metadata/base_builder.rs), kept here.
  public static let depthMax = 13
  public static let countMax = 100
}

/// What validators sign for.
public enum HyperlaneProofKind: String, Hashable, Sendable {
  /// The checkpoint of the very message.
  case messageID
  /// A later checkpoint and a Merkle branch of the message to its root.
  case merkleRoot
}

/// `threshold` of `validators`, in their order.
public struct HyperlaneMultisig: Hashable, Sendable {
  public let kind: HyperlaneProofKind
  public let validators: [Bytes20]
  public let threshold: UInt8

  public init(kind: HyperlaneProofKind, validators: [Bytes20], threshold: UInt8) {
    self.kind = kind
    self.validators = validators
    self.threshold = threshold
  }
}

/// Validators whose weights must add up to `thresholdWeight`.
public struct HyperlaneWeightedMultisig: Hashable, Sendable {
  public struct Validator: Hashable, Sendable {
    public let address: Bytes20
    public let weight: UInt64

    public init(address: Bytes20, weight: UInt64) {
      self.address = address
      self.weight = weight
    }
  }

  /// The weight of all validators together (IWeightedMultisigIsm, TOTAL_WEIGHT).
  public static let totalWeight: UInt64 = 10_000_000_000

  public let kind: HyperlaneProofKind
  public let validators: [Validator]
  public let thresholdWeight: UInt64

  public init(kind: HyperlaneProofKind, validators: [Validator], thresholdWeight: UInt64) {
    self.kind = kind
    self.validators = validators
    self.thresholdWeight = thresholdWeight
  }
}

/// Why a security module does not let a message through. ``revertReason`` is what the EVM contract says.
public enum HyperlaneRefusal: Error, Hashable, Sendable {
  case metadata(HyperlaneMetadataError)
  /// The message stands behind the checkpoint that was signed.
  case merkleIndex(message: UInt32, signed: UInt32)
  case noThreshold
  /// Signature `position` cannot be recovered.
  case signature(position: Int, HyperlaneSignatureError)
  /// Signature `position` is of nobody among the validators that are left after the signers before it.
  case threshold(position: Int, recovered: Bytes20, needed: Int)
  /// The weight to reach is zero or above the whole.
  case thresholdWeight(UInt64, total: UInt64)
  /// The bytes of signatures do not divide by 65.
  case signaturesLength(Int)
  /// As ``threshold(position:recovered:needed:)``, of a weighted module.
  case invalidSigner(position: Int, recovered: Bytes20)
  case insufficientWeight(reached: UInt64, needed: UInt64)
  /// Metadata for more modules than the threshold; the EVM's subtraction underflows.
  case tooManyModules(given: Int, needed: Int)
  case tooFewModules(given: Int, needed: Int)
  /// The header of an aggregation points outside the metadata.
  case aggregationRange(module: Int, start: UInt32, end: UInt32, size: Int)
  /// Module `module` of an aggregation refused.
  indirect case module(Int, HyperlaneRefusal)
  /// No module is set for the origin.
  case noRoute(origin: UInt32)
  /// The tree of modules is larger than ``HyperlaneModule/depthMax`` or ``HyperlaneModule/countMax``.
  case treeTooLarge

  /// The revert reason; empty where the EVM reverts without one, nil where the limit is ours.
  public var revertReason: String? {
    switch self {
    case .metadata(.truncated), .aggregationRange, .tooManyModules: ""
    case .metadata(.tooLarge), .treeTooLarge: nil
    case .merkleIndex: "Invalid merkle index metadata"
    case .noThreshold: "No MultisigISM threshold present for message"
    case .signature(_, .highS): "ECDSA: invalid signature 's' value"
    case .signature(_, .invalid): "ECDSA: invalid signature"
    case .threshold, .tooFewModules: "!threshold"
    case .thresholdWeight: "Invalid threshold weight"
    case .signaturesLength: "Invalid signatures length"
    case .invalidSigner: "Invalid signer"
    case .insufficientWeight: "Insufficient validator weight"
    case .module(_, let refusal): refusal.revertReason
    case .noRoute(let origin): "No ISM found for origin: \(origin)"
    }
  }

  /// The case name: stable, for programs.
  public var code: String {
    switch self {
    case .metadata: "metadata"
    case .merkleIndex: "merkleIndex"
    case .noThreshold: "noThreshold"
    case .signature(_, .highS): "highS"
    case .signature(_, .invalid): "invalidSignature"
    case .threshold: "threshold"
    case .thresholdWeight: "thresholdWeight"
    case .signaturesLength: "signaturesLength"
    case .invalidSigner: "invalidSigner"
    case .insufficientWeight: "insufficientWeight"
    case .tooManyModules: "tooManyModules"
    case .tooFewModules: "tooFewModules"
    case .aggregationRange: "aggregationRange"
    case .module(_, let refusal): refusal.code
    case .noRoute: "noRoute"
    case .treeTooLarge: "treeTooLarge"
    }
  }
}
