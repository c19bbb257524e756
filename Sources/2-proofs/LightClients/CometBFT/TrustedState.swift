public import SignatureSchemes
public import WireBytes

extension CometBFT {
  /// How a light client decides.
  public struct ClientOptions: Hashable, Sendable {
    /// How long after its time a header may be built upon: less than validators' stake stays bonded.
    public let trustingPeriod: Duration
    /// How much of the trusted set must have signed a header that does not follow directly.
    public let trustLevel: TrustThreshold
    /// How far ahead of our clock a header's time may be.
    public let clockDriftMax: Duration
    /// The rule for Ed25519. Consensus itself accepts by ZIP-215; anything stricter can fork this client away from
    /// the chain it follows.
    public let signatureRule: Ed25519.Rule
    /// The block protocol a header must have; nil takes any, for recordings of old chains.
    public let blockProtocol: UInt64?

    public init(
      trustingPeriod: Duration, trustLevel: TrustThreshold = .oneThird,
      clockDriftMax: Duration = .seconds(10),
      signatureRule: Ed25519.Rule = .zip215, blockProtocol: UInt64? = CometBFT.blockProtocol
    ) {
      self.trustingPeriod = trustingPeriod
      self.trustLevel = trustLevel
      self.clockDriftMax = clockDriftMax
      self.signatureRule = signatureRule
      self.blockProtocol = blockProtocol
    }
  }

  /// What is asked to be believed: a header, its commit, and the set that is said to have signed it.
  public struct UncheckedLightBlock: Hashable, Sendable {
    public var signedHeader: SignedHeader
    public var validators: ValidatorSet
    /// The set of the next height, needed to go on from this header by skipping; nil when it is not known.
    public var nextValidators: ValidatorSet?

    public init(signedHeader: SignedHeader, validators: ValidatorSet, nextValidators: ValidatorSet? = nil) {
      self.signedHeader = signedHeader
      self.validators = validators
      self.nextValidators = nextValidators
    }
  }

  /// What later headers are verified against.
  public struct TrustedState: Hashable, Sendable {
    public let chainID: String
    public let height: Int64
    public let time: Timestamp
    /// The hash of the set that signs the next height.
    public let nextValidatorsHash: Bytes32?
    /// Nil where only a consensus state was kept.
    public let headerHash: Bytes32?

    /// A state the caller vouches for: a client's creation, a consensus state of its own store.
    public init(
      vouchedChainID chainID: String, height: Int64, time: Timestamp, nextValidatorsHash: Bytes32?,
      headerHash: Bytes32? = nil
    ) {
      self.chainID = chainID
      self.height = height
      self.time = time
      self.nextValidatorsHash = nextValidatorsHash
      self.headerHash = headerHash
    }

    /// A header the caller vouches for.
    public init(vouched header: Header) {
      self.init(
        vouchedChainID: header.chainID, height: header.height, time: header.time,
        nextValidatorsHash: header.nextValidatorsHash, headerHash: header.hash())
    }

    /// The state after a verified header.
    public init(_ verified: VerifiedHeader) {
      self.init(vouched: verified.header)
    }
  }

  /// A header that the rules led to; only verification makes one.
  public struct VerifiedHeader: Hashable, Sendable {
    public let header: Header
    public let hash: Bytes32
    public let blockID: BlockID
    /// What of the trusted set signed; nil when the header follows the trusted one directly, for then its set is known.
    public let trustedPower: CommitTally?
    /// What of the header's own set signed.
    public let ownPower: CommitTally
    /// When the state that this rests on leaves its trusting period, since 1970: nothing vouches for it after that.
    public let premiseExpires: Duration
    /// When this header leaves its own trusting period, since 1970.
    public let expires: Duration

    init(
      header: Header, hash: Bytes32, blockID: BlockID, trustedPower: CommitTally?, ownPower: CommitTally,
      premiseExpires: Duration, expires: Duration
    ) {
      self.header = header
      self.hash = hash
      self.blockID = blockID
      self.trustedPower = trustedPower
      self.ownPower = ownPower
      self.premiseExpires = premiseExpires
      self.expires = expires
    }
  }
}
