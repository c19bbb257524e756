import Encodings
import WireBytes

extension Tendermint {
  /// A header as a relayer brings it, with the sets needed to verify it.
  public struct Header: Hashable, Sendable {
    public var signedHeader: CometBFT.SignedHeader
    public var validators: CometBFT.ValidatorSet
    /// The stored height that this is verified against.
    public var trustedHeight: Height
    /// The set that signs the height after `trustedHeight`; nil when the message has none.
    public var trustedValidators: CometBFT.ValidatorSet?

    public init(
      signedHeader: CometBFT.SignedHeader, validators: CometBFT.ValidatorSet, trustedHeight: Height,
      trustedValidators: CometBFT.ValidatorSet?
    ) {
      self.signedHeader = signedHeader
      self.validators = validators
      self.trustedHeight = trustedHeight
      self.trustedValidators = trustedValidators
    }

    /// The type URL in an `Any`.
    public static let typeURL = "/ibc.lightclients.tendermint.v1.Header"

    /// The header's height in the revision of its chain id; nil when the revision is no 64-bit number.
    public var height: Height? {
      guard let revision = Tendermint.revision(ofChainID: signedHeader.header.chainID),
        let height = UInt64(exactly: signedHeader.header.height)
      else { return nil }
      return Height(revision: revision, height: height)
    }

    /// What a client stores once the header is verified.
    public var consensusState: ConsensusState {
      ConsensusState(
        timestamp: signedHeader.header.time, root: signedHeader.header.appHash,
        nextValidatorsHash: signedHeader.header.nextValidatorsHash)
    }
  }

  /// Two headers that are said to contradict each other.
  public struct Misbehaviour: Hashable, Sendable {
    /// Not used any more.
    public var clientID: String
    public var header1: Header
    public var header2: Header

    public init(clientID: String = "", header1: Header, header2: Header) {
      self.clientID = clientID
      self.header1 = header1
      self.header2 = header2
    }

    /// The type URL in an `Any`.
    public static let typeURL = "/ibc.lightclients.tendermint.v1.Misbehaviour"
  }
}

extension Tendermint.Header {
  /// Decodes {signed_header 1, validator_set 2, trusted_height 3, trusted_validators 4}.
  ///
  /// A set must have its proposer among its validators, as CometBFT asks of every decoded set.
  ///
  /// - Throws: ``CometBFT/DecodingError``. The input is untrusted; no input traps.
  public init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [1, 2, 3, 4])
    var signedHeader: CometBFT.SignedHeader?
    var validators: CometBFT.ValidatorSet?
    var trustedHeight: Tendermint.Height?
    var trustedValidators: CometBFT.ValidatorSet?
    while let field = try reader.next(in: message) {
      let inner = message.extracting(try field.message())
      switch field.number {
      case 1: signedHeader = try CometBFT.SignedHeader(decoding: inner)
      case 2: validators = try Self.set(inner, field: 2)
      case 3: trustedHeight = try Tendermint.Height(decoding: inner)
      default: trustedValidators = try Self.set(inner, field: 4)
      }
    }
    guard let signedHeader else { throw .missing(field: 1) }
    guard let validators else { throw .missing(field: 2) }
    guard let trustedHeight else { throw .missing(field: 3) }
    self.init(
      signedHeader: signedHeader, validators: validators, trustedHeight: trustedHeight,
      trustedValidators: trustedValidators)
  }

  private static func set(
    _ message: Span<UInt8>, field: UInt32
  ) throws(CometBFT.DecodingError) -> CometBFT.ValidatorSet {
    let (set, proposer) = try CometBFT.ValidatorSet.decode(message)
    guard !set.validators.isEmpty else { throw .emptySet(field: field) }
    guard let proposer, set.validators.contains(where: { $0.address == proposer }) else {
      throw .proposerNotInSet(field: field)
    }
    return set
  }

  /// The protobuf `Header`.
  ///
  /// - Parameter proposer: the index of the proposer stated for both sets.
  public func encoded(proposer: Int = 0, trustedProposer: Int = 0) -> [UInt8] {
    var writer = ProtobufWriter()
    writer.alwaysBytes(1, signedHeader.encoded())
    writer.alwaysBytes(2, validators.encoded(proposer: proposer))
    writer.message(3) { trustedHeight.write(to: &$0) }
    if let trustedValidators { writer.alwaysBytes(4, trustedValidators.encoded(proposer: trustedProposer)) }
    return writer.bytes
  }
}

extension Tendermint.Misbehaviour {
  /// Decodes {client_id 1, header_1 2, header_2 3}.
  public init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [1, 2, 3])
    var clientID = ""
    var header1: Tendermint.Header?
    var header2: Tendermint.Header?
    while let field = try reader.next(in: message) {
      switch field.number {
      case 1: clientID = try field.string(in: message)
      case 2: header1 = try Tendermint.Header(decoding: message.extracting(try field.message()))
      default: header2 = try Tendermint.Header(decoding: message.extracting(try field.message()))
      }
    }
    guard let header1 else { throw .missing(field: 2) }
    guard let header2 else { throw .missing(field: 3) }
    self.init(clientID: clientID, header1: header1, header2: header2)
  }

  /// The protobuf `Misbehaviour`.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.string(1, clientID)
    writer.alwaysBytes(2, header1.encoded())
    writer.alwaysBytes(3, header2.encoded())
    return writer.bytes
  }
}
