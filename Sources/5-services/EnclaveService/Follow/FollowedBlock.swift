public import Encodings
public import LightClients
internal import WireBytes

/// Why bytes are no block to follow.
public enum FollowedBlockError: Error, Hashable, Sendable {
  case protobuf(ProtobufError)
  case decoding(CometBFT.DecodingError)
  case missing(field: UInt32)
}

/// What an enclave is shown of a chain: a header with its commit, the set that signed it, and the set that the enclave's
/// trusted state names for the next height.
///
/// Canonical protobuf: SignedHeader 1, ValidatorSet 2, trusted ValidatorSet 3; the inner messages are CometBFT's.
public struct FollowedBlock: Hashable, Sendable {
  public static let sizeMax = 8 << 20

  public let signedHeader: CometBFT.SignedHeader
  public let validators: CometBFT.ValidatorSet
  public let trustedValidators: CometBFT.ValidatorSet

  public init(
    signedHeader: CometBFT.SignedHeader, validators: CometBFT.ValidatorSet,
    trustedValidators: CometBFT.ValidatorSet
  ) {
    self.signedHeader = signedHeader
    self.validators = validators
    self.trustedValidators = trustedValidators
  }

  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, signedHeader.encoded())
    writer.bytes(2, validators.encoded())
    writer.bytes(3, trustedValidators.encoded())
    return writer.bytes
  }

  /// - Throws: ``FollowedBlockError``; the input is untrusted.
  public init(decoding bytes: Span<UInt8>) throws(FollowedBlockError) {
    var parts: [UInt32: [UInt8]] = [:]
    do throws(ProtobufError) {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2, 3]), sizeBytesMax: Self.sizeMax)
      while let field = try reader.next(in: bytes) { parts[field.number] = try field.bytes(in: bytes) }
    } catch { throw .protobuf(error) }
    guard let header = parts[1] else { throw .missing(field: 1) }
    guard let own = parts[2] else { throw .missing(field: 2) }
    guard let trusted = parts[3] else { throw .missing(field: 3) }
    do throws(CometBFT.DecodingError) {
      signedHeader = try CometBFT.SignedHeader(decoding: header.span)
      validators = try CometBFT.ValidatorSet(decoding: own.span)
      trustedValidators = try CometBFT.ValidatorSet(decoding: trusted.span)
    } catch { throw .decoding(error) }
  }
}
