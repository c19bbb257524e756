/// Why bytes are not the CBOR item they should be. Offsets count bytes from the start of the input.
public enum CBORError: Error, Hashable, Sendable {
  /// The input is over its maximum.
  case inputSize(limit: Int, actual: Int)
  /// Input ended early: `needed` bytes were wanted at `offset`.
  case truncated(offset: Int, needed: Int)
  /// Bytes are left over after a whole item.
  case trailingBytes(offset: Int, count: Int)
  /// Additional information 28, 29 or 30, or 31 where nothing can be indefinite.
  case reserved(offset: Int)
  /// An argument is not in its shortest form.
  case nonMinimal(offset: Int)
  /// An indefinite length in the deterministic form.
  case indefinite(offset: Int)
  /// A chunk of an indefinite string is of another type or indefinite itself.
  case chunk(offset: Int)
  /// A break that ends nothing, or stands between a key and its value.
  case unexpectedBreak(offset: Int)
  /// A map key does not sort behind the one before it.
  case keyOrder(offset: Int)
  /// A map key came before.
  case duplicateKey(offset: Int)
  /// A text string is not UTF-8.
  case text(offset: Int)
  /// A simple value below 32 in two bytes.
  case simple(offset: Int)
  /// Items are nested deeper than allowed.
  case tooDeep(limit: Int)
  /// More items than allowed.
  case tooManyItems(limit: Int)
}

/// A CBOR item (RFC 8949).
public indirect enum CBORValue: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    public let key: CBORValue
    public let value: CBORValue

    public init(_ key: CBORValue, _ value: CBORValue) {
      self.key = key
      self.value = value
    }
  }

  case unsigned(UInt64)
  /// The number -1 - n.
  case negative(UInt64)
  case bytes([UInt8])
  case text(String)
  case array([CBORValue])
  /// Entries in the order of the input; the encoder sorts them.
  case map([Entry])
  case tag(UInt64, CBORValue)
  /// Other simple values than the named ones.
  case simple(UInt8)
  case boolean(Bool)
  case null
  case undefined
  /// The bits as binary64: a value, so that the NaNs and zeroes are told apart.
  case float(bitPattern: UInt64)

  /// An integer.
  public static func integer(_ value: Int64) -> CBORValue {
    value >= 0 ? .unsigned(UInt64(value)) : .negative(UInt64(-1 - value))
  }

  /// A floating-point number.
  public static func float(_ value: Double) -> CBORValue { .float(bitPattern: value.bitPattern) }

  /// The integer when it fits.
  public var int64: Int64? {
    switch self {
    case .unsigned(let value): Int64(exactly: value)
    case .negative(let value): Int64(exactly: value).map { -1 - $0 }
    default: nil
    }
  }

  /// The value under `key` of a map.
  public subscript(key: CBORValue) -> CBORValue? {
    guard case .map(let entries) = self else { return nil }
    return entries.first { $0.key == key }?.value
  }

  /// The value under a text key of a map.
  public subscript(key: String) -> CBORValue? { self[.text(key)] }

  public var bytes: [UInt8]? { if case .bytes(let bytes) = self { bytes } else { nil } }
  public var text: String? { if case .text(let text) = self { text } else { nil } }
  public var array: [CBORValue]? { if case .array(let items) = self { items } else { nil } }
  public var entries: [Entry]? { if case .map(let entries) = self { entries } else { nil } }
  public var unsigned: UInt64? { if case .unsigned(let value) = self { value } else { nil } }
}

/// How strictly CBOR is read, and its bounds.
public struct CBORRules: Hashable, Sendable {
  public enum Form: Hashable, Sendable {
    /// RFC 8949, section 4.2.1: shortest arguments and floats, definite lengths, keys in bytewise order.
    case deterministic
    /// Any well-formed and valid encoding; map keys are still unique.
    case foreign
  }

  public let form: Form
  public let sizeBytesMax: Int
  public let depthMax: Int
  public let itemsMax: Int

  public init(_ form: Form, sizeBytesMax: Int = 4 << 20, depthMax: Int = 32, itemsMax: Int = 1 << 18) {
    self.form = form
    self.sizeBytesMax = sizeBytesMax
    self.depthMax = depthMax
    self.itemsMax = itemsMax
  }

  public static let deterministic = CBORRules(.deterministic)
  public static let foreign = CBORRules(.foreign)
}
