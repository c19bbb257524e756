public import WireBytes

/// Why bytes are no message of a signing.
public enum SigningMessageError: Error, Hashable, Sendable {
  case wire(WireError)
  case identifierZero
  case element(GroupElementError)
  case scalar(ScalarError)
  case tooMany(Int, limit: Int)
}

/// The public halves of one participant's nonces.
public struct NonceCommitment: Hashable, Sendable {
  public static let encodedCount = 66

  public let identifier: ParticipantIdentifier
  public let hiding: GroupElement
  public let binding: GroupElement

  public init(identifier: ParticipantIdentifier, hiding: GroupElement, binding: GroupElement) {
    self.identifier = identifier
    self.hiding = hiding
    self.binding = binding
  }

  /// Layout: `[identifier: 2, big-endian][hiding: 32][binding: 32]`.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: identifier.number)
    bytes.append(hiding.bytes)
    bytes.append(binding.bytes)
    return bytes
  }

  /// - Throws: ``SigningMessageError``. The input is untrusted.
  public init(decoding bytes: Span<UInt8>) throws(SigningMessageError) {
    guard bytes.count == Self.encodedCount else {
      throw .wire(.length(expected: Self.encodedCount, actual: bytes.count))
    }
    guard let identifier = ParticipantIdentifier(UInt16(bytes[0]) << 8 | UInt16(bytes[1])) else {
      throw .identifierZero
    }
    do {
      self.init(
        identifier: identifier, hiding: try GroupElement(Bytes32(bytes, at: 2)),
        binding: try GroupElement(Bytes32(bytes, at: 34)))
    } catch {
      throw .element(error)
    }
  }

  /// A list as the coordinator sends it to those who sign: `[count: 1]`, then each.
  ///
  /// - Parameter list: at most ``GroupPublicKey/participantsMax``.
  public static func encoded(_ list: [NonceCommitment]) -> [UInt8] {
    precondition(list.count <= GroupPublicKey.participantsMax)
    return [UInt8(list.count)] + list.flatMap { $0.encoded() }
  }

  /// Reads a list; whether it is one to sign with is ``SigningSession``'s to say.
  ///
  /// - Throws: ``SigningMessageError``. The input is untrusted.
  public static func list(decoding bytes: Span<UInt8>) throws(SigningMessageError) -> [NonceCommitment] {
    guard bytes.count > 0 else { throw .wire(.truncated(offset: 0, needed: 1)) }
    let count = Int(bytes[0])
    guard count <= GroupPublicKey.participantsMax else {
      throw .tooMany(count, limit: GroupPublicKey.participantsMax)
    }
    guard bytes.count == 1 + count * encodedCount else {
      throw .wire(.length(expected: 1 + count * encodedCount, actual: bytes.count))
    }
    var list: [NonceCommitment] = []
    for index in 0..<count {
      let start = 1 + index * encodedCount
      list.append(try NonceCommitment(decoding: bytes.extracting(start..<(start + encodedCount))))
    }
    return list
  }
}

/// One participant's share of a signature.
public struct SignatureShare: Hashable, Sendable {
  public static let encodedCount = 34

  public let identifier: ParticipantIdentifier
  let response: Scalar

  init(identifier: ParticipantIdentifier, response: Scalar) {
    self.identifier = identifier
    self.response = response
  }

  /// Layout: `[identifier: 2, big-endian][response: 32, little-endian]`.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: identifier.number)
    bytes.append(response.bytes)
    return bytes
  }

  /// - Throws: ``SigningMessageError``. The input is untrusted.
  public init(decoding bytes: Span<UInt8>) throws(SigningMessageError) {
    guard bytes.count == Self.encodedCount else {
      throw .wire(.length(expected: Self.encodedCount, actual: bytes.count))
    }
    guard let identifier = ParticipantIdentifier(UInt16(bytes[0]) << 8 | UInt16(bytes[1])) else {
      throw .identifierZero
    }
    do {
      self.init(identifier: identifier, response: try Scalar(canonical: Bytes32(bytes, at: 2)))
    } catch {
      throw .scalar(error)
    }
  }
}
