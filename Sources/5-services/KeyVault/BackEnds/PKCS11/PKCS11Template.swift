internal import CPKCS11

/// An attribute of a token's object.
package struct PKCS11Attribute: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt

  package init(rawValue: UInt) { self.rawValue = rawValue }

  static let kind = Self(rawValue: CKA_CLASS)
  static let keyType = Self(rawValue: CKA_KEY_TYPE)
  static let isToken = Self(rawValue: CKA_TOKEN)
  static let isPrivate = Self(rawValue: CKA_PRIVATE)
  static let label = Self(rawValue: CKA_LABEL)
  static let identifier = Self(rawValue: CKA_ID)
  static let signs = Self(rawValue: CKA_SIGN)
  static let verifies = Self(rawValue: CKA_VERIFY)
  static let decrypts = Self(rawValue: CKA_DECRYPT)
  static let unwraps = Self(rawValue: CKA_UNWRAP)
  static let derives = Self(rawValue: CKA_DERIVE)
  static let parameters = Self(rawValue: CKA_EC_PARAMS)
  static let point = Self(rawValue: CKA_EC_POINT)
  static let isSensitive = Self(rawValue: CKA_SENSITIVE)
  static let isExtractable = Self(rawValue: CKA_EXTRACTABLE)
  static let wasAlwaysSensitive = Self(rawValue: CKA_ALWAYS_SENSITIVE)
  static let wasNeverExtractable = Self(rawValue: CKA_NEVER_EXTRACTABLE)
  static let isLocal = Self(rawValue: CKA_LOCAL)
  /// The secret itself, which a token must refuse to show.
  package static let value = Self(rawValue: CKA_VALUE)
}

/// Attributes with their values, laid out for one call.
struct PKCS11Template {
  /// The values one after another, each from a boundary of 8 bytes: a module may read a number through its address.
  private var words: [UInt64] = []
  private var entries: [(attribute: PKCS11Attribute, word: Int, count: Int)] = []

  mutating func add(_ attribute: PKCS11Attribute, _ value: [UInt8]) {
    entries.append((attribute, words.count, value.count))
    for start in stride(from: 0, to: value.count, by: 8) {
      var word: UInt64 = 0
      for (index, byte) in value[start..<min(start + 8, value.count)].enumerated() {
        word |= UInt64(byte) << UInt64(8 * index)
      }
      words.append(UInt64(littleEndian: word))
    }
  }

  mutating func add(_ attribute: PKCS11Attribute, _ flag: Bool) { add(attribute, [flag ? 1 : 0]) }

  mutating func add(_ attribute: PKCS11Attribute, number: UInt) {
    entries.append((attribute, words.count, MemoryLayout<UInt>.size))
    words.append(UInt64(number))
  }

  /// The attributes in memory that lasts until `body` returns.
  mutating func withAttributes(_ body: (UnsafeMutablePointer<ck_attribute>?, UInt) -> UInt) -> UInt {
    unsafe words.withUnsafeMutableBytes { bytes in
      // Each value lies within `words`, where `add` put it.
      var attributes = unsafe entries.map { entry in
        unsafe ck_attribute(
          type: entry.attribute.rawValue, value: bytes.baseAddress?.advanced(by: 8 * entry.word),
          value_len: UInt(entry.count))
      }
      let count = unsafe UInt(attributes.count)
      return unsafe body(&attributes, count)
    }
  }
}
