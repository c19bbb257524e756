public import Messages
public import WireBytes

/// Why the Eureka attestation client refuses; each case is an error of the contract, with its arguments.
///
/// - SeeAlso: `IAttestationLightClientErrors.sol` and OpenZeppelin's `ECDSA.sol`, as deployed by cosmos/ibc.
public enum EurekaRefusal: Error, Hashable, Sendable {
  case noAttestors
  case badQuorum(required: UInt8, attestors: Int)
  case duplicateSigner(Bytes20)
  case frozenClientState
  case accessControlUnauthorizedAccount(Bytes20, role: Bytes32)
  case emptySignatures
  case thresholdNotMet(given: Int, required: UInt8)
  case invalidSignatureLength([UInt8])
  case invalidSignature
  case invalidSignatureS(Bytes32)
  case unknownSigner(Bytes20)
  case invalidState(height: UInt64, timestamp: UInt64)
  case emptyValue
  case invalidPathLength(expected: Int, actual: Int)
  case consensusTimestampNotFound(height: UInt64)
  case heightMismatch(expected: UInt64, actual: UInt64)
  case emptyPackets
  case notMember
  case notNonMember
  case featureNotSupported
  /// The contract's ABI decoder reverts without data.
  case undecodable
  /// Ours: the contract would run out of gas.
  case overLimit(max: Int, actual: Int)

  /// The contract's own spelling, with arguments.
  public var contractError: String {
    switch self {
    case .noAttestors: "NoAttestors()"
    case .badQuorum(let required, let count): "BadQuorum(\(required), \(count))"
    case .duplicateSigner(let signer): "DuplicateSigner(\(signer))"
    case .frozenClientState: "FrozenClientState()"
    case .accessControlUnauthorizedAccount(let account, let role):
      "AccessControlUnauthorizedAccount(\(account), \(role))"
    case .emptySignatures: "EmptySignatures()"
    case .thresholdNotMet(let given, let required): "ThresholdNotMet(\(given), \(required))"
    case .invalidSignatureLength(let bytes): "InvalidSignatureLength(\(Hex.encode(bytes)))"
    case .invalidSignature: "ECDSAInvalidSignature()"
    case .invalidSignatureS(let s): "ECDSAInvalidSignatureS(\(s))"
    case .unknownSigner(let signer): "UnknownSigner(\(signer))"
    case .invalidState(let height, let timestamp): "InvalidState(\(height), \(timestamp))"
    case .emptyValue: "EmptyValue()"
    case .invalidPathLength(let expected, let actual): "InvalidPathLength(\(expected), \(actual))"
    case .consensusTimestampNotFound(let height): "ConsensusTimestampNotFound(\(height))"
    case .heightMismatch(let expected, let actual): "HeightMismatch(\(expected), \(actual))"
    case .emptyPackets: "EmptyPackets()"
    case .notMember: "NotMember()"
    case .notNonMember: "NotNonMember()"
    case .featureNotSupported: "FeatureNotSupported()"
    case .undecodable: "empty revert data"
    case .overLimit: "out of gas"
    }
  }
}

/// An attestation with signatures, as the Eureka client takes it: `abi.encode` of one tuple `(bytes, bytes[])`.
public struct EurekaProof: Hashable, Sendable {
  public static let sizeMax = 1 << 20
  public static let signatureCountMax = 256

  /// What is signed: an encoded state or packet attestation.
  public let attestation: [UInt8]
  public let signatures: [[UInt8]]

  public init(attestation: [UInt8], signatures: [[UInt8]]) {
    self.attestation = attestation
    self.signatures = signatures
  }

  /// Decodes as the contract does: extra bytes at the end are not looked at.
  ///
  /// - Throws: ``EurekaRefusal/undecodable`` and ``EurekaRefusal/overLimit(max:actual:)``.
  public init(decoding bytes: Span<UInt8>) throws(EurekaRefusal) {
    guard bytes.count <= Self.sizeMax else { throw .overLimit(max: Self.sizeMax, actual: bytes.count) }
    let decoder = SolidityDecoder(0..<bytes.count)
    let attestation: Range<Int>
    var ranges: [Range<Int>] = []
    var count = 0
    do {
      let tuple = try decoder.follow(bytes, at: 0, from: 0)
      guard bytes.count - tuple >= 64 else { throw SolidityRevert() }
      attestation = try decoder.byteString(bytes, at: try decoder.follow(bytes, at: tuple, from: tuple))
      let list = try decoder.follow(bytes, at: tuple + 32, from: tuple)
      count = try decoder.count(bytes, at: list, elementSize: 32)
      let first = list + 32
      for index in 0..<min(count, Self.signatureCountMax) {
        let position = try decoder.follow(bytes, at: first + index * 32, from: first)
        ranges.append(try decoder.byteString(bytes, at: position))
      }
    } catch { throw .undecodable }
    guard count <= Self.signatureCountMax else {
      throw .overLimit(max: Self.signatureCountMax, actual: count)
    }
    // Offsets may all point at the same long bytes: the sum is bounded before it is copied.
    let size = ranges.reduce(attestation.count) { $0 + $1.count }
    guard size <= Self.sizeMax * 2 else { throw .overLimit(max: Self.sizeMax * 2, actual: size) }
    self.attestation = [UInt8](copying: bytes.extracting(attestation))
    signatures = ranges.map { [UInt8](copying: bytes.extracting($0)) }
  }

  /// `abi.encode` of the tuple.
  public func encoded() -> [UInt8] {
    func word(_ value: Int) -> [UInt8] { Bytes32(bigEndian: UInt64(value)).array }
    func string(_ bytes: [UInt8]) -> [UInt8] {
      word(bytes.count) + bytes + [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
    }
    let first = string(attestation)
    var heads: [UInt8] = []
    var tails: [UInt8] = []
    for signature in signatures {
      heads += word(signatures.count * 32 + tails.count)
      tails += string(signature)
    }
    return word(32) + word(64) + word(64 + first.count) + first + word(signatures.count) + heads + tails
  }
}

/// A height and its time: `abi.encode(uint64, uint64)`.
public struct EurekaState: Hashable, Sendable {
  public let height: UInt64
  public let timestampSeconds: UInt64

  public init(height: UInt64, timestampSeconds: UInt64) {
    self.height = height
    self.timestampSeconds = timestampSeconds
  }

  /// - Throws: ``EurekaRefusal/undecodable``.
  public init(decoding bytes: Span<UInt8>) throws(EurekaRefusal) {
    let decoder = SolidityDecoder(0..<bytes.count)
    do {
      height = try decoder.uint64(bytes, at: 0)
      timestampSeconds = try decoder.uint64(bytes, at: 32)
    } catch { throw .undecodable }
  }

  public func encoded() -> [UInt8] {
    EurekaStatement.state(height: height, timestamp: timestampSeconds).attestation
  }
}

/// Paths at a height: `abi.encode` of one tuple `(uint64, (bytes32 path, bytes32 commitment)[])`.
public struct EurekaPackets: Hashable, Sendable {
  public let height: UInt64
  public let entries: [StoredEntry]

  public init(height: UInt64, entries: [StoredEntry]) {
    self.height = height
    self.entries = entries
  }

  /// - Throws: ``EurekaRefusal/undecodable`` and ``EurekaRefusal/overLimit(max:actual:)``.
  public init(decoding bytes: Span<UInt8>) throws(EurekaRefusal) {
    let decoder = SolidityDecoder(0..<bytes.count)
    let first: Int
    let count: Int
    do {
      let tuple = try decoder.follow(bytes, at: 0, from: 0)
      guard bytes.count - tuple >= 64 else { throw SolidityRevert() }
      height = try decoder.uint64(bytes, at: tuple)
      let list = try decoder.follow(bytes, at: tuple + 32, from: tuple)
      count = try decoder.count(bytes, at: list, elementSize: 64)
      first = list + 32
    } catch { throw .undecodable }
    guard count <= PacketsClaim.entryCountMax else {
      throw .overLimit(max: PacketsClaim.entryCountMax, actual: count)
    }
    entries = (0..<count).map {
      StoredEntry(
        pathHash: Bytes32(bytes, at: first + $0 * 64), commitment: Bytes32(bytes, at: first + $0 * 64 + 32))
    }
  }

  public func encoded() -> [UInt8] {
    EurekaStatement.packets(height: height, entries).attestation
  }
}
