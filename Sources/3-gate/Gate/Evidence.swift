public import LightClients
public import Messages
public import WireBytes

/// What somebody presents so that a policy be satisfied; nothing in it is believed before it was checked.
public indirect enum Evidence: Hashable, Sendable {
  case attested(AttestedEvidence)
  case eureka(EurekaProof)
  case cometBFT(CometBFTEvidence)
  case enclave(EnclaveEvidence)
  /// For `all`, `any` and `threshold`: one for each part, in order; nil where none is given.
  case parts([Evidence?])

  /// Which kind of evidence this is.
  public var kind: Kind {
    switch self {
    case .attested: .attested
    case .eureka: .eureka
    case .cometBFT: .cometBFT
    case .enclave: .enclave
    case .parts: .parts
    }
  }

  public enum Kind: String, Hashable, Sendable {
    case attested
    case eureka
    case cometBFT
    case enclave
    case parts
  }
}

/// A statement about an origin with the signatures of some attesters, over our digest.
public struct AttestedEvidence: Hashable, Sendable {
  /// More signatures than this are not looked at.
  public static let signatureCountMax = AttestedPolicy.attesterCountMax

  /// A signature, and whose it is: the attester's position in the policy.
  public struct Signature: Hashable, Sendable {
    public let attester: Int
    public let bytes: [UInt8]

    public init(attester: Int, bytes: [UInt8]) {
      self.attester = attester
      self.bytes = bytes
    }
  }

  public let height: Height
  public let timestamp: UnixTime
  public let body: AttestedBody
  public let signatures: [Signature]

  public init(height: Height, timestamp: UnixTime, body: AttestedBody, signatures: [Signature]) {
    self.height = height
    self.timestamp = timestamp
    self.body = body
    self.signatures = signatures
  }
}

/// Facts about the destination and the message that a policy may ask for.
public struct GateContext: Hashable, Sendable {
  /// The destination's own time: never a local clock.
  public let now: UnixTime
  /// What the message moves; nil when that is not known.
  public let value: UInt256?
  public let recipient: InteroperableAddress?
  /// When the destination first heard of the message.
  public let firstSeen: UnixTime?
  /// When claims were recorded here, for policies that wait.
  public let recorded: [Claim: UnixTime]
  /// Headers that the destination's client already trusts.
  public let trusted: [CometBFT.TrustedState]
  /// What the destination's client remembers of enclaves, by ``EnclaveTierPolicy/identifier``.
  public let enclaves: [Bytes32: EnclaveMemory]

  public init(
    now: UnixTime, value: UInt256? = nil, recipient: InteroperableAddress? = nil, firstSeen: UnixTime? = nil,
    recorded: [Claim: UnixTime] = [:], trusted: [CometBFT.TrustedState] = [],
    enclaves: [Bytes32: EnclaveMemory] = [:]
  ) {
    self.now = now
    self.value = value
    self.recipient = recipient
    self.firstSeen = firstSeen
    self.recorded = recorded
    self.trusted = trusted
    self.enclaves = enclaves
  }
}
