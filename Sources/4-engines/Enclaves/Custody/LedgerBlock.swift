import Encodings
public import LightClients
public import MerkleProofs
import Messages
public import WireBytes

/// Why a block is not the ledger's, or an entry not in its state.
public enum LedgerBlockError: Error, Hashable, Sendable {
  case size(max: Int, actual: Int)
  case protobuf(ProtobufFailure)
  case decoding(CometBFT.DecodingError)
  /// Header and commit do not belong together, or are of another chain.
  case header(CometBFT.HeaderRefusal)
  /// The validators are not those that are trusted.
  case validators(expected: Bytes32, actual: Bytes32)
  /// The header names other validators than those that came with it.
  case headerValidators(header: Bytes32?, actual: Bytes32)
  case commit(CometBFT.CommitRefusal)
  /// A time before 1970.
  case time(Int64)
  case noAppHash
  case proofDecoding(ICS23.DecodingError)
  case proof(ICS23.ChainError)

  /// How a message failed, without its offsets.
  public enum ProtobufFailure: Hashable, Sendable { case malformed, missing(field: Int) }
}

/// A header with its commit and the validators that made it.
///
/// Canonical protobuf: 1 signed header, 2 validator set, as CometBFT's `LightBlock`.
public struct LedgerBlock: Hashable, Sendable {
  public static let sizeMax = 1 << 20

  public let signedHeader: CometBFT.SignedHeader
  public let validators: CometBFT.ValidatorSet

  public init(signedHeader: CometBFT.SignedHeader, validators: CometBFT.ValidatorSet) {
    self.signedHeader = signedHeader
    self.validators = validators
  }

  private static let rules = ProtobufRules(singular: [1, 2])

  /// - Throws: ``LedgerBlockError``; the input is untrusted.
  public init(decoding bytes: Span<UInt8>) throws(LedgerBlockError) {
    guard bytes.count <= Self.sizeMax else { throw .size(max: Self.sizeMax, actual: bytes.count) }
    var header: [UInt8]?
    var set: [UInt8]?
    do throws(ProtobufError) {
      var reader = ProtobufReader(Self.rules, sizeBytesMax: Self.sizeMax)
      while let field = try reader.next(in: bytes) {
        if field.number == 1 { header = try field.bytes(in: bytes) } else { set = try field.bytes(in: bytes) }
      }
    } catch { throw .protobuf(.malformed) }
    guard let header else { throw .protobuf(.missing(field: 1)) }
    guard let set else { throw .protobuf(.missing(field: 2)) }
    do {
      signedHeader = try CometBFT.SignedHeader(decoding: header.span)
      validators = try CometBFT.ValidatorSet(decoding: set.span)
    } catch { throw .decoding(error) }
  }

  public init(decoding bytes: [UInt8]) throws(LedgerBlockError) { try self.init(decoding: bytes.span) }

  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.alwaysBytes(1, signedHeader.encoded())
    writer.alwaysBytes(2, validators.encoded())
    return writer.bytes
  }

  /// Checks that more than two thirds of the trusted validators committed to this block of the trusted chain.
  ///
  /// - Throws: ``LedgerBlockError``.
  public func verify(chainID: String, validatorsHash: Bytes32) throws(LedgerBlockError) -> VerifiedLedgerBlock
  {
    let header = signedHeader.header
    let hash: Bytes32
    do { hash = try CometBFT.checkForm(signedHeader, chainID: chainID) } catch { throw .header(error) }
    let actual = validators.hash()
    guard actual == validatorsHash else { throw .validators(expected: validatorsHash, actual: actual) }
    guard header.validatorsHash == actual else {
      throw .headerValidators(header: header.validatorsHash, actual: actual)
    }
    do {
      _ = try validators.verifyCommitLight(
        signedHeader.commit, chainID: chainID, blockID: signedHeader.commit.blockID, height: header.height)
    } catch { throw .commit(error) }
    guard let seconds = UInt64(exactly: header.time.seconds), let height = UInt64(exactly: header.height)
    else { throw .time(header.time.seconds) }
    guard !header.appHash.isEmpty else { throw .noAppHash }
    return VerifiedLedgerBlock(
      chainID: chainID, hash: hash, height: height, seconds: seconds, appHash: header.appHash)
  }
}

/// A block that the trusted validators committed to. Its app hash is the root of the state before the block.
public struct VerifiedLedgerBlock: Hashable, Sendable {
  public let chainID: String
  public let hash: Bytes32
  public let height: UInt64
  /// UNIX seconds, cut to the second.
  public let seconds: UInt64
  public let appHash: [UInt8]

  fileprivate init(chainID: String, hash: Bytes32, height: UInt64, seconds: UInt64, appHash: [UInt8]) {
    self.chainID = chainID
    self.hash = hash
    self.height = height
    self.seconds = seconds
    self.appHash = appHash
  }

  /// Checks that the state has `value` at `key`.
  ///
  /// - Parameter proof: an ICS-23 `CommitmentProof`, protobuf.
  /// - Throws: ``LedgerBlockError``.
  public func verify(key: [UInt8], value: [UInt8], proof: [UInt8]) throws(LedgerBlockError) {
    let decoded: ICS23.CommitmentProof
    do { decoded = try ICS23.CommitmentProof(decoding: proof.span) } catch { throw .proofDecoding(error) }
    do {
      try ICS23.MerkleProof(proofs: [decoded]).verifyMembership(
        specs: [.sparseMerkleTree], root: appHash.span, path: [key], value: value.span)
    } catch { throw .proof(error) }
  }
}
