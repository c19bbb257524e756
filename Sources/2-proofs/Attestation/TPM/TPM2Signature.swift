import WireBytes

extension TPM2 {
  /// A signature with its algorithms (TPMT_SIGNATURE; part 2, section 11.3.4).
  public enum Signature: Hashable, Sendable {
    /// Two big-endian numbers, which may come without leading zeroes.
    case ecdsa(Hash, r: [UInt8], s: [UInt8])
    /// PKCS #1 v1.5, as long as the modulus.
    case rsassa(Hash, [UInt8])
    /// PSS, as long as the modulus.
    case rsapss(Hash, [UInt8])

    /// The longest: RSA of 4096 bits.
    public static let sizeMax = 6 + 512
    static let integerMax = 66

    /// Decodes all of `bytes`.
    ///
    /// - Throws: ``TPM2/DecodingError`` and nothing else. The input is untrusted; no input traps.
    public init(decoding bytes: Span<UInt8>) throws(DecodingError) {
      guard bytes.count <= Self.sizeMax else {
        throw .wire(.overLimit(limit: Self.sizeMax, actual: bytes.count))
      }
      var reader = ByteReader(bytes)
      let identifier = try TPM2Reading.integer(&reader, UInt16.self)
      guard let scheme = SigningScheme(rawValue: identifier) else { throw .algorithm(.signature, identifier) }
      let hash = try TPM2Reading.hash(&reader, .hash)
      switch scheme {
      case .ecdsa:
        let r = try TPM2Reading.sized(&reader, max: Self.integerMax, .signature)
        self = .ecdsa(hash, r: r, s: try TPM2Reading.sized(&reader, max: Self.integerMax, .signature))
      case .rsassa: self = .rsassa(hash, try TPM2Reading.sized(&reader, max: 512, .signature))
      case .rsapss: self = .rsapss(hash, try TPM2Reading.sized(&reader, max: 512, .signature))
      }
      try TPM2Reading.finish(reader)
    }

    public var scheme: SigningScheme {
      switch self {
      case .ecdsa: .ecdsa
      case .rsassa: .rsassa
      case .rsapss: .rsapss
      }
    }

    /// The hash of what is signed.
    public var hash: Hash {
      switch self {
      case .ecdsa(let hash, _, _), .rsassa(let hash, _), .rsapss(let hash, _): hash
      }
    }

    /// The bytes it was decoded from.
    public func encoded() -> [UInt8] {
      var bytes: [UInt8] = []
      bytes.append(bigEndian: scheme.rawValue)
      bytes.append(bigEndian: hash.rawValue)
      switch self {
      case .ecdsa(_, let r, let s):
        bytes.append(sized: r)
        bytes.append(sized: s)
      case .rsassa(_, let signature), .rsapss(_, let signature): bytes.append(sized: signature)
      }
      return bytes
    }
  }

  /// TPM_ALG_ID of a scheme that signs quotes.
  public enum SigningScheme: UInt16, Hashable, Sendable {
    case rsassa = 0x0014
    case rsapss = 0x0016
    case ecdsa = 0x0018
  }
}
