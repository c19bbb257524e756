import Encodings
public import WireBytes

extension Tendermint {
  /// What a client stores about the chain it follows, as read: ``check()`` says whether a client may start from it.
  public struct ClientState: Hashable, Sendable {
    public var chainID: String
    public var trustLevelNumerator: UInt64
    public var trustLevelDenominator: UInt64
    public var trustingPeriod: Duration
    public var unbondingPeriod: Duration
    public var clockDriftMax: Duration
    public var frozenHeight: Height
    public var latestHeight: Height
    /// Encoded ICS-23 `ProofSpec` messages, from the lowest tree to the highest.
    public var proofSpecs: [[UInt8]]
    public var upgradePath: [String]
    /// Unused by ibc-go.
    public var allowsUpdateAfterExpiry: Bool
    /// Unused by ibc-go.
    public var allowsUpdateAfterMisbehaviour: Bool

    /// More proof specs or path elements are refused; every known client has two of each.
    public static let listMax = 16

    public init(
      chainID: String, trustLevelNumerator: UInt64, trustLevelDenominator: UInt64, trustingPeriod: Duration,
      unbondingPeriod: Duration, clockDriftMax: Duration, frozenHeight: Height, latestHeight: Height,
      proofSpecs: [[UInt8]], upgradePath: [String], allowsUpdateAfterExpiry: Bool = false,
      allowsUpdateAfterMisbehaviour: Bool = false
    ) {
      self.chainID = chainID
      self.trustLevelNumerator = trustLevelNumerator
      self.trustLevelDenominator = trustLevelDenominator
      self.trustingPeriod = trustingPeriod
      self.unbondingPeriod = unbondingPeriod
      self.clockDriftMax = clockDriftMax
      self.frozenHeight = frozenHeight
      self.latestHeight = latestHeight
      self.proofSpecs = proofSpecs
      self.upgradePath = upgradePath
      self.allowsUpdateAfterExpiry = allowsUpdateAfterExpiry
      self.allowsUpdateAfterMisbehaviour = allowsUpdateAfterMisbehaviour
    }
  }

  /// Why no client may start from a client state (`ClientState.Validate`).
  public enum ClientStateError: Error, Hashable, Sendable {
    case emptyChainID
    case chainIDLength(limit: Int, actual: Int)
    case trustLevel(CometBFT.TrustThreshold.RangeError)
    case trustingPeriod(Duration)
    case unbondingPeriod(Duration)
    case clockDrift(Duration)
    /// The chain id's revision is not a 64-bit number.
    case revision(chainID: String)
    case latestRevision(expected: UInt64, actual: UInt64)
    case latestHeightZero
    /// Stake must still be bonded when a header is no longer built upon.
    case trustingNotUnderUnbonding(trusting: Duration, unbonding: Duration)
    case noProofSpecs
    case emptyUpgradePathElement(index: Int)
  }

  /// What a client stores about one height.
  public struct ConsensusState: Hashable, Sendable {
    public var timestamp: CometBFT.Timestamp
    /// The application hash that proofs at this height lead to.
    public var root: [UInt8]
    public var nextValidatorsHash: Bytes32?

    public init(timestamp: CometBFT.Timestamp, root: [UInt8], nextValidatorsHash: Bytes32?) {
      self.timestamp = timestamp
      self.root = root
      self.nextValidatorsHash = nextValidatorsHash
    }
  }
}

extension Tendermint.ClientState {
  /// Checks what `ClientState.Validate` checks, in its order.
  ///
  /// - Returns: the trust level.
  public func check() throws(Tendermint.ClientStateError) -> CometBFT.TrustThreshold {
    guard !chainID.allSatisfy(\.isWhitespace) else { throw .emptyChainID }
    guard chainID.utf8.count <= CometBFT.chainIDBytesMax else {
      throw .chainIDLength(limit: CometBFT.chainIDBytesMax, actual: chainID.utf8.count)
    }
    let level: CometBFT.TrustThreshold
    do { level = try CometBFT.TrustThreshold(trustLevelNumerator, trustLevelDenominator) } catch {
      throw .trustLevel(error)
    }
    guard trustingPeriod > .zero else { throw .trustingPeriod(trustingPeriod) }
    guard unbondingPeriod > .zero else { throw .unbondingPeriod(unbondingPeriod) }
    guard clockDriftMax > .zero else { throw .clockDrift(clockDriftMax) }
    guard let revision = Tendermint.revision(ofChainID: chainID) else { throw .revision(chainID: chainID) }
    guard latestHeight.revision == revision else {
      throw .latestRevision(expected: revision, actual: latestHeight.revision)
    }
    guard latestHeight.height != 0 else { throw .latestHeightZero }
    guard trustingPeriod < unbondingPeriod else {
      throw .trustingNotUnderUnbonding(trusting: trustingPeriod, unbonding: unbondingPeriod)
    }
    guard !proofSpecs.isEmpty else { throw .noProofSpecs }
    for (index, element) in upgradePath.enumerated() where element.allSatisfy(\.isWhitespace) {
      throw .emptyUpgradePathElement(index: index)
    }
    return level
  }
}

// MARK: Protobuf

extension Tendermint {
  /// Decodes {seconds 1, nanos 2}: a duration that Go's 64-bit nanoseconds hold.
  static func duration(_ message: Span<UInt8>) throws(CometBFT.DecodingError) -> Duration {
    var reader = MessageReader(singular: [1, 2])
    var seconds: Int64 = 0
    var nanoseconds: Int32 = 0
    while let field = try reader.next(in: message) {
      if field.number == 1 { seconds = try field.int64() } else { nanoseconds = try field.int32() }
    }
    // Int64.max nanoseconds are 9,223,372,036.85 s.
    guard seconds.magnitude <= 9_223_372_035, nanoseconds.magnitude < 1_000_000_000,
      seconds == 0 || nanoseconds == 0 || (seconds < 0) == (nanoseconds < 0)
    else { throw .duration(seconds: seconds, nanoseconds: nanoseconds) }
    return .seconds(seconds) + .nanoseconds(Int64(nanoseconds))
  }

  static func write(_ duration: Duration, to writer: inout ProtobufWriter) {
    writer.int64(1, duration.components.seconds)
    writer.int64(2, duration.components.attoseconds / 1_000_000_000)
  }
}

extension Tendermint.ClientState {
  /// The type URL in an `Any`.
  public static let typeURL = "/ibc.lightclients.tendermint.v1.ClientState"

  /// Decodes the protobuf `ClientState`; fields 2 to 7 must be there, as every writer gives them.
  ///
  /// - Throws: ``CometBFT/DecodingError``. The input is untrusted; no input traps.
  public init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [1, 2, 3, 4, 5, 6, 7, 10, 11], repeated: [8, 9])
    var chainID = ""
    var level: (numerator: UInt64, denominator: UInt64)?
    var durations = [Duration?](repeating: nil, count: 3)
    var heights = [Tendermint.Height?](repeating: nil, count: 2)
    var proofSpecs: [[UInt8]] = []
    var upgradePath: [String] = []
    var (afterExpiry, afterMisbehaviour) = (false, false)
    while let field = try reader.next(in: message) {
      switch field.number {
      case 1: chainID = try field.chainID(in: message)
      case 2: level = try Self.fraction(message.extracting(try field.message()))
      case 3, 4, 5:
        durations[Int(field.number) - 3] = try Tendermint.duration(message.extracting(try field.message()))
      case 6, 7:
        heights[Int(field.number) - 6] =
          try Tendermint.Height(decoding: message.extracting(try field.message()))
      case 8:
        guard proofSpecs.count < Self.listMax else { throw .count(field: 8, limit: Self.listMax) }
        proofSpecs.append([UInt8](copying: message.extracting(try field.message())))
      case 9:
        guard upgradePath.count < Self.listMax else { throw .count(field: 9, limit: Self.listMax) }
        upgradePath.append(try field.string(in: message))
      case 10: afterExpiry = try field.boolean()
      default: afterMisbehaviour = try field.boolean()
      }
    }
    guard let level else { throw .missing(field: 2) }
    guard let trusting = durations[0] else { throw .missing(field: 3) }
    guard let unbonding = durations[1] else { throw .missing(field: 4) }
    guard let drift = durations[2] else { throw .missing(field: 5) }
    guard let frozen = heights[0] else { throw .missing(field: 6) }
    guard let latest = heights[1] else { throw .missing(field: 7) }
    self.init(
      chainID: chainID, trustLevelNumerator: level.numerator, trustLevelDenominator: level.denominator,
      trustingPeriod: trusting, unbondingPeriod: unbonding, clockDriftMax: drift, frozenHeight: frozen,
      latestHeight: latest, proofSpecs: proofSpecs, upgradePath: upgradePath,
      allowsUpdateAfterExpiry: afterExpiry, allowsUpdateAfterMisbehaviour: afterMisbehaviour)
  }

  private static func fraction(
    _ message: Span<UInt8>
  ) throws(CometBFT.DecodingError) -> (numerator: UInt64, denominator: UInt64) {
    var reader = MessageReader(singular: [1, 2])
    var fraction: (numerator: UInt64, denominator: UInt64) = (0, 0)
    while let field = try reader.next(in: message) {
      if field.number == 1 {
        fraction.numerator = try field.uint64()
      } else {
        fraction.denominator = try field.uint64()
      }
    }
    return fraction
  }

  /// The protobuf `ClientState`.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.string(1, chainID)
    writer.message(2) {
      $0.varint(1, trustLevelNumerator)
      $0.varint(2, trustLevelDenominator)
    }
    writer.message(3) { Tendermint.write(trustingPeriod, to: &$0) }
    writer.message(4) { Tendermint.write(unbondingPeriod, to: &$0) }
    writer.message(5) { Tendermint.write(clockDriftMax, to: &$0) }
    writer.message(6) { frozenHeight.write(to: &$0) }
    writer.message(7) { latestHeight.write(to: &$0) }
    for spec in proofSpecs { writer.alwaysBytes(8, spec) }
    for element in upgradePath { writer.alwaysString(9, element) }
    writer.boolean(10, allowsUpdateAfterExpiry)
    writer.boolean(11, allowsUpdateAfterMisbehaviour)
    return writer.bytes
  }
}

extension Tendermint.ConsensusState {
  /// The type URL in an `Any`.
  public static let typeURL = "/ibc.lightclients.tendermint.v1.ConsensusState"

  /// Decodes {timestamp 1, root 2 {hash 1}, next_validators_hash 3}.
  public init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [1, 2, 3])
    var timestamp: CometBFT.Timestamp?
    var root: [UInt8]?
    var nextValidatorsHash: Bytes32?
    while let field = try reader.next(in: message) {
      switch field.number {
      case 1: timestamp = try CometBFT.Timestamp(decoding: message.extracting(try field.message()))
      case 2: root = try Self.root(message.extracting(try field.message()))
      default: nextValidatorsHash = try field.fixed(in: message)
      }
    }
    guard let timestamp else { throw .missing(field: 1) }
    guard let root else { throw .missing(field: 2) }
    self.init(timestamp: timestamp, root: root, nextValidatorsHash: nextValidatorsHash)
  }

  private static func root(_ message: Span<UInt8>) throws(CometBFT.DecodingError) -> [UInt8] {
    var reader = MessageReader(singular: [1])
    var hash: [UInt8] = []
    while let field = try reader.next(in: message) {
      hash = try field.bytes(in: message)
      guard hash.count <= CometBFT.appHashBytesMax else {
        throw .appHashLength(limit: CometBFT.appHashBytesMax, actual: hash.count)
      }
    }
    return hash
  }

  /// The protobuf `ConsensusState`.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.message(1) { timestamp.write(to: &$0) }
    writer.message(2) { $0.bytes(1, root) }
    if let nextValidatorsHash { writer.bytes(3, nextValidatorsHash) }
    return writer.bytes
  }
}
