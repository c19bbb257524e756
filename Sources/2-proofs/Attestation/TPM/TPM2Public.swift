import WireBytes

extension TPM2 {
  /// Attributes of a key (TPMA_OBJECT; part 2, section 8.3).
  public struct Attributes: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Never to leave this TPM, under any parent.
    public static let fixedTPM = Self(rawValue: 1 << 1)
    public static let stClear = Self(rawValue: 1 << 2)
    public static let fixedParent = Self(rawValue: 1 << 4)
    /// The TPM made the private part itself.
    public static let sensitiveDataOrigin = Self(rawValue: 1 << 5)
    public static let userWithAuth = Self(rawValue: 1 << 6)
    public static let adminWithPolicy = Self(rawValue: 1 << 7)
    public static let firmwareLimited = Self(rawValue: 1 << 8)
    public static let svnLimited = Self(rawValue: 1 << 9)
    public static let noDA = Self(rawValue: 1 << 10)
    public static let encryptedDuplication = Self(rawValue: 1 << 11)
    /// Signs only what the TPM made itself, and digests that the TPM hashed and found not to look like that.
    public static let restricted = Self(rawValue: 1 << 16)
    public static let decrypt = Self(rawValue: 1 << 17)
    public static let sign = Self(rawValue: 1 << 18)
    public static let x509Sign = Self(rawValue: 1 << 19)

    /// All that the specification defines; the others are zero.
    static let defined = Self(rawValue: 0x000f_0ff6)
    /// Without each of these a quote proves nothing: an unrestricted key signs a forged one, a key that was
    /// imported or may move signs anywhere.
    public static let attestationKey: Self = [
      .restricted, .sign, .fixedTPM, .fixedParent, .sensitiveDataOrigin,
    ]
  }

  /// Lengths of names (TPM2B_NAME).
  public enum Name {
    /// The algorithm and the longest digest.
    public static let sizeMax = 2 + 64
  }

  /// A scheme of a key with its hash.
  public struct KeyScheme: Hashable, Sendable {
    /// TPM_ALG_ID; 0x0010 for none.
    public let identifier: UInt16
    /// Nil for none and for RSAES, which have no hash.
    public let hash: Hash?
    /// ECDAA's count alone.
    public let count: UInt16?
  }

  /// The cipher of a storage key (TPMT_SYM_DEF_OBJECT).
  public struct Cipher: Hashable, Sendable {
    /// TPM_ALG_ID; 0x0010 for none, and then the others are zero.
    public let identifier: UInt16
    public let keyBits: UInt16
    public let mode: UInt16
  }

  /// The public area of an asymmetric key (TPMT_PUBLIC; part 2, section 12.2.4).
  public struct Public: Hashable, Sendable {
    public enum Curve: UInt16, Hashable, Sendable {
      case p256 = 0x0003
      case p384 = 0x0004
      case p521 = 0x0005

      /// Bytes of a coordinate.
      public var width: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
      }
    }

    /// What differs between RSA and elliptic curves.
    public enum Key: Hashable, Sendable {
      /// `exponent` zero stands for 65537.
      case rsa(bits: UInt16, exponent: UInt32, modulus: [UInt8])
      /// Coordinates as they came: leading zeroes may be missing.
      case elliptic(Curve, kdf: KeyScheme, x: [UInt8], y: [UInt8])
    }

    /// Longest encoding that is looked at, without the length before it.
    public static let sizeMax = 1024

    public let nameAlgorithm: Hash
    public let attributes: Attributes
    public let authPolicy: [UInt8]
    public let symmetric: Cipher
    public let scheme: KeyScheme
    public let key: Key

    /// Decodes TPM2B_PUBLIC: two bytes of length, then exactly as many.
    ///
    /// - Throws: ``TPM2/DecodingError`` and nothing else. The input is untrusted; no input traps.
    public init(decodingSized bytes: Span<UInt8>) throws(DecodingError) {
      var reader = ByteReader(bytes)
      let count = Int(try TPM2Reading.integer(&reader, UInt16.self))
      guard count <= reader.remaining else { throw .wire(.truncated(offset: 2, needed: count)) }
      guard count == reader.remaining else {
        throw .wire(.trailingBytes(offset: 2 + count, count: reader.remaining - count))
      }
      try self.init(decoding: bytes.extracting(2..<bytes.count))
    }

    /// Decodes TPMT_PUBLIC, all of `bytes`: an RSA key or one on a NIST curve.
    ///
    /// - Throws: ``TPM2/DecodingError`` and nothing else. The input is untrusted; no input traps.
    public init(decoding bytes: Span<UInt8>) throws(DecodingError) {
      guard bytes.count <= Self.sizeMax else {
        throw .wire(.overLimit(limit: Self.sizeMax, actual: bytes.count))
      }
      var reader = ByteReader(bytes)
      let type = try TPM2Reading.integer(&reader, UInt16.self)
      guard type == Self.rsa || type == Self.ecc else { throw .algorithm(.publicArea, type) }
      nameAlgorithm = try TPM2Reading.hash(&reader, .nameAlgorithm)
      attributes = Attributes(rawValue: try TPM2Reading.integer(&reader, UInt32.self))
      let reserved = attributes.subtracting(.defined)
      guard reserved.isEmpty else { throw .reservedAttributes(reserved.rawValue) }
      authPolicy = try TPM2Reading.sized(&reader, max: 64, .authPolicy)
      symmetric = try Cipher(reading: &reader)
      scheme = try KeyScheme(reading: &reader, .scheme)
      if type == Self.rsa {
        let bits = try TPM2Reading.integer(&reader, UInt16.self)
        guard [1024, 2048, 3072, 4096].contains(bits) else { throw .keyBits(bits) }
        let exponent = try TPM2Reading.integer(&reader, UInt32.self)
        let modulus = try TPM2Reading.sized(&reader, max: 512, .modulus)
        let actual = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
        guard actual == Int(bits) else { throw .modulus(bits: Int(bits), actual: actual) }
        key = .rsa(bits: bits, exponent: exponent, modulus: modulus)
      } else {
        let identifier = try TPM2Reading.integer(&reader, UInt16.self)
        guard let curve = Curve(rawValue: identifier) else { throw .algorithm(.curve, identifier) }
        let kdf = try KeyScheme(reading: &reader, .kdf)
        let x = try TPM2Reading.sized(&reader, max: curve.width, .coordinate)
        let y = try TPM2Reading.sized(&reader, max: curve.width, .coordinate)
        key = .elliptic(curve, kdf: kdf, x: x, y: y)
      }
      try TPM2Reading.finish(reader)
    }

    private static let rsa: UInt16 = 0x0001
    private static let ecc: UInt16 = 0x0023

    /// TPMT_PUBLIC: the bytes it was decoded from.
    public func encoded() -> [UInt8] {
      var bytes: [UInt8] = []
      let isRSA = if case .rsa = key { true } else { false }
      bytes.append(bigEndian: isRSA ? Self.rsa : Self.ecc)
      bytes.append(bigEndian: nameAlgorithm.rawValue)
      bytes.append(bigEndian: attributes.rawValue)
      bytes.append(sized: authPolicy)
      bytes.append(bigEndian: symmetric.identifier)
      if symmetric.identifier != KeyScheme.none {
        bytes.append(bigEndian: symmetric.keyBits)
        bytes.append(bigEndian: symmetric.mode)
      }
      scheme.append(to: &bytes)
      switch key {
      case .rsa(let bits, let exponent, let modulus):
        bytes.append(bigEndian: bits)
        bytes.append(bigEndian: exponent)
        bytes.append(sized: modulus)
      case .elliptic(let curve, let kdf, let x, let y):
        bytes.append(bigEndian: curve.rawValue)
        kdf.append(to: &bytes)
        bytes.append(sized: x)
        bytes.append(sized: y)
      }
      return bytes
    }

    /// TPM2B_PUBLIC.
    public func encodedSized() -> [UInt8] {
      var bytes: [UInt8] = []
      bytes.append(sized: encoded())
      return bytes
    }

    /// The key's name: its name algorithm and the hash of the area; nil for a hash that is not computed here.
    public var name: [UInt8]? {
      let area = encoded()
      guard let digest = nameAlgorithm.digest(area.span) else { return nil }
      var name: [UInt8] = []
      name.append(bigEndian: nameAlgorithm.rawValue)
      return name + digest
    }
  }
}

extension TPM2.KeyScheme {
  /// TPM_ALG_NULL.
  static let none: UInt16 = 0x0010

  init(reading reader: inout ByteReader, _ field: TPM2.Field) throws(TPM2.DecodingError) {
    let identifier = try TPM2Reading.integer(&reader, UInt16.self)
    let known: [UInt16] =
      field == .kdf
      // MGF1, KDF1 of SP 800-56A, KDF2, KDF1 of SP 800-108.
      ? [Self.none, 0x0007, 0x0020, 0x0021, 0x0022]
      // RSASSA, RSAES, RSAPSS, OAEP, ECDSA, ECDH, ECDAA, SM2, ECSchnorr.
      : [Self.none, 0x0014, 0x0015, 0x0016, 0x0017, 0x0018, 0x0019, 0x001a, 0x001b, 0x001c]
    guard known.contains(identifier) else { throw .algorithm(field, identifier) }
    guard identifier != Self.none, identifier != 0x0015 else {
      self.init(identifier: identifier, hash: nil, count: nil)
      return
    }
    let hash = try TPM2Reading.hash(&reader, field)
    let count = identifier == 0x001a ? try TPM2Reading.integer(&reader, UInt16.self) : nil
    self.init(identifier: identifier, hash: hash, count: count)
  }

  func append(to bytes: inout [UInt8]) {
    bytes.append(bigEndian: identifier)
    if let hash { bytes.append(bigEndian: hash.rawValue) }
    if let count { bytes.append(bigEndian: count) }
  }
}

extension TPM2.Cipher {
  init(reading reader: inout ByteReader) throws(TPM2.DecodingError) {
    let identifier = try TPM2Reading.integer(&reader, UInt16.self)
    // AES, SM4, Camellia, or none.
    guard [0x0006, 0x0013, 0x0026, TPM2.KeyScheme.none].contains(identifier) else {
      throw .algorithm(.symmetric, identifier)
    }
    guard identifier != TPM2.KeyScheme.none else {
      self.init(identifier: identifier, keyBits: 0, mode: 0)
      return
    }
    let keyBits = try TPM2Reading.integer(&reader, UInt16.self)
    self.init(
      identifier: identifier, keyBits: keyBits, mode: try TPM2Reading.integer(&reader, UInt16.self))
  }
}
