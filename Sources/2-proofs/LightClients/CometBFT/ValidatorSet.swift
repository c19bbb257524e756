import Digests
import Encodings
public import WireBytes

extension CometBFT {
  /// A validator with an Ed25519 key: the key type of nearly every CometBFT chain.
  ///
  /// secp256k1 and BLS12-381 keys, which the format knows, are refused when decoding: their addresses and signatures
  /// are not verified here.
  public struct Validator: Hashable, Sendable {
    public let publicKey: Bytes32
    public let power: Int64
    /// Which of the validators proposes next; covered by no hash.
    public var proposerPriority: Int64
    /// The first 20 bytes of the key's SHA-256 (crypto/ed25519).
    public let address: Bytes20

    public init(publicKey: Bytes32, power: Int64, proposerPriority: Int64 = 0) {
      self.publicKey = publicKey
      self.power = power
      self.proposerPriority = proposerPriority
      address = Self.address(of: publicKey)
    }

    public static func address(of publicKey: Bytes32) -> Bytes20 {
      let digest = SHA256Hash.hash(publicKey.span)
      return Bytes20 { digest[$0] }
    }

    /// What stands under the set's hash: `SimpleValidator` {pub_key 1, voting_power 2}.
    public func leaf() -> [UInt8] {
      var writer = ProtobufWriter()
      writer.message(1) { $0.bytes(1, publicKey) }
      writer.int64(2, power)
      return writer.bytes
    }
  }

  /// Why validators are no set.
  public enum ValidatorSetError: Error, Hashable, Sendable {
    case count(limit: Int, actual: Int)
    case negativePower(validator: Int, power: Int64)
    /// The total up to and including `validator` is over the limit.
    case totalPower(validator: Int, limit: Int64)
    /// Two entries have one key.
    case duplicate(first: Int, second: Int)
  }

  /// Validators in the order that their hash and their commits keep. May be empty; then nothing can be verified by it.
  public struct ValidatorSet: Hashable, Sendable {
    public let validators: [Validator]
    /// The sum of all power, at most ``CometBFT/powerMax``.
    public let totalPower: Int64

    /// Keeps the given order.
    public init(_ validators: [Validator]) throws(ValidatorSetError) {
      guard validators.count <= validatorsMax else {
        throw .count(limit: validatorsMax, actual: validators.count)
      }
      var total: Int64 = 0
      var seen: [Bytes20: Int] = [:]
      seen.reserveCapacity(validators.count)
      for (index, validator) in validators.enumerated() {
        guard validator.power >= 0 else { throw .negativePower(validator: index, power: validator.power) }
        guard validator.power <= powerMax - total else {
          throw .totalPower(validator: index, limit: powerMax)
        }
        total += validator.power
        if let first = seen.updateValue(index, forKey: validator.address) {
          throw .duplicate(first: first, second: index)
        }
      }
      self.validators = validators
      totalPower = total
    }

    /// Puts the validators into the order of consensus first: power descending, then address ascending.
    public init(sorting validators: [Validator]) throws(ValidatorSetError) {
      try self.init(
        validators.sorted { $0.power != $1.power ? $0.power > $1.power : $0.address < $1.address })
    }

    /// What headers hold as `validators_hash`.
    public func hash() -> Bytes32 { merkleRoot(validators.map { $0.leaf() }) }
  }
}

// MARK: Protobuf

extension CometBFT.Validator {
  /// Decodes {address 1, pub_key 2, voting_power 3, proposer_priority 4}; `index` names it in an error.
  init(decoding message: Span<UInt8>, index: Int) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [1, 2, 3, 4])
    var address: Bytes20?
    var publicKey: Bytes32?
    var (power, priority): (Int64, Int64) = (0, 0)
    while let field = try reader.next(in: message) {
      switch field.number {
      case 1: address = try field.fixed(in: message)
      case 2: publicKey = try Self.key(message.extracting(try field.message()))
      case 3: power = try field.int64()
      default: priority = try field.int64()
      }
    }
    guard let publicKey else { throw .missing(field: 2) }
    self.init(publicKey: publicKey, power: power, proposerPriority: priority)
    guard address == self.address else { throw .address(validator: index) }
  }

  private static func key(_ message: Span<UInt8>) throws(CometBFT.DecodingError) -> Bytes32 {
    var reader = MessageReader(explicit: [1, 2, 3])
    var key: Bytes32?
    while let field = try reader.next(in: message) {
      guard field.number == 1 else { throw .keyType(field: field.number) }
      key = try field.fixed(in: message)
    }
    guard let key else { throw .missing(field: 1) }
    return key
  }

  func write(to writer: inout ProtobufWriter) {
    writer.bytes(1, address)
    writer.message(2) { $0.bytes(1, publicKey) }
    writer.int64(3, power)
    writer.int64(4, proposerPriority)
  }
}

extension CometBFT.ValidatorSet {
  /// Decodes {validators 1, proposer 2, total_voting_power 3}.
  ///
  /// The proposer is checked to be well-formed and dropped: it decides nothing here. The stated total is dropped too,
  /// as CometBFT does: it may be anything, and the sum counts.
  public init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    self = try Self.decode(message).set
  }

  /// The set, and the address of the stated proposer.
  static func decode(
    _ message: Span<UInt8>
  ) throws(CometBFT.DecodingError) -> (set: CometBFT.ValidatorSet, proposer: Bytes20?) {
    var reader = MessageReader(singular: [2, 3], repeated: [1])
    var validators: [CometBFT.Validator] = []
    var proposer: Bytes20?
    while let field = try reader.next(in: message) {
      switch field.number {
      case 1:
        guard validators.count < CometBFT.validatorsMax else {
          throw .count(field: 1, limit: CometBFT.validatorsMax)
        }
        validators.append(
          try CometBFT.Validator(
            decoding: message.extracting(try field.message()), index: validators.count))
      case 2:
        proposer =
          try CometBFT.Validator(decoding: message.extracting(try field.message()), index: -1).address
      default:
        _ = try field.int64()
      }
    }
    do { return (try CometBFT.ValidatorSet(validators), proposer) } catch { throw .validators(error) }
  }

  /// {validators 1, proposer 2, total_voting_power 3}.
  ///
  /// - Parameter proposer: an index into the set; left out when nil.
  public func encoded(proposer: Int? = nil) -> [UInt8] {
    var writer = ProtobufWriter()
    for validator in validators { writer.message(1) { validator.write(to: &$0) } }
    if let proposer { writer.message(2) { validators[proposer].write(to: &$0) } }
    writer.int64(3, totalPower)
    return writer.bytes
  }
}
