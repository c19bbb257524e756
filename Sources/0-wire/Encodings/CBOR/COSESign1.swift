/// Why bytes are no COSE_Sign1 message.
public enum COSEError: Error, Hashable, Sendable {
  case cbor(CBORError)
  /// The protected header, which is CBOR inside of a byte string.
  case protectedHeader(CBORError)
  /// Tag 18 is missing, or stands where it should not.
  case tag
  /// Not an array of protected bytes, a map, bytes or null, and bytes.
  case structure
  /// A label of a header parameter is neither an integer nor text.
  case label
  /// A label stands in both headers.
  case duplicateLabel(CBORValue)
  /// The payload is not in the message and was not given, or both.
  case payload
}

/// A message with one signature (RFC 9052, section 4.2), parsed and not verified.
public struct COSESign1: Hashable, Sendable {
  public enum Tagging: Hashable, Sendable {
    /// Tag 18 in front.
    case required
    case refused
    case either
  }

  /// The tag of COSE_Sign1 (RFC 9052, section 2).
  public static let tag: UInt64 = 18

  /// The protected header as it was signed.
  public let protectedBytes: [UInt8]
  /// Parameters of the protected header.
  public let protected: [CBORValue.Entry]
  public let unprotected: [CBORValue.Entry]
  /// Nil when the payload is carried elsewhere.
  public let payload: [UInt8]?
  public let signature: [UInt8]

  /// - Parameter rules: how strictly the message and its protected header are read.
  public init(decoding bytes: Span<UInt8>, rules: CBORRules, tagging: Tagging) throws(COSEError) {
    var message: CBORValue
    do { message = try CBORValue(decoding: bytes, rules: rules) } catch { throw .cbor(error) }
    if case .tag(let number, let inner) = message {
      guard number == Self.tag, tagging != .refused else { throw .tag }
      message = inner
    } else if tagging == .required {
      throw .tag
    }
    guard case .array(let parts) = message, parts.count == 4, case .bytes(let protectedBytes) = parts[0],
      case .map(let unprotected) = parts[1], case .bytes(let signature) = parts[3]
    else { throw .structure }
    switch parts[2] {
    case .bytes(let content): payload = content
    case .null: payload = nil
    default: throw .structure
    }
    if protectedBytes.isEmpty {
      protected = []
    } else {
      let header: CBORValue
      do { header = try CBORValue(decoding: protectedBytes.span, rules: rules) } catch {
        throw .protectedHeader(error)
      }
      guard case .map(let entries) = header else { throw .structure }
      protected = entries
    }
    for entry in protected + unprotected {
      switch entry.key {
      case .unsigned, .negative, .text: break
      default: throw .label
      }
    }
    let labels = Set(protected.map(\.key))
    for entry in unprotected where labels.contains(entry.key) { throw .duplicateLabel(entry.key) }
    self.protectedBytes = protectedBytes
    self.unprotected = unprotected
    self.signature = signature
  }

  /// Label 1 of the protected header: an algorithm of the IANA COSE registry; nil when there is none.
  public var algorithm: Int64? { protected.first { $0.key == .unsigned(1) }?.value.int64 }

  /// `Sig_structure`: what the signature is over (RFC 9052, section 4.4).
  ///
  /// - Parameters:
  ///   - externalAAD: bytes that both sides know and the message does not carry.
  ///   - detachedPayload: the payload when the message does not carry it.
  /// - Throws: ``COSEError/payload``.
  public func signedBytes(
    externalAAD: [UInt8] = [], detachedPayload: [UInt8]? = nil
  ) throws(COSEError) -> [UInt8] {
    let content: [UInt8]
    switch (payload, detachedPayload) {
    case (let carried?, nil): content = carried
    case (nil, let detached?): content = detached
    default: throw .payload
    }
    return CBORValue.array([
      .text("Signature1"), .bytes(protectedBytes), .bytes(externalAAD), .bytes(content),
    ]).encoded()
  }
}
