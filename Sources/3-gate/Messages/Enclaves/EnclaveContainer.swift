private import Digests
public import Encodings
public import WireBytes

/// A container of docs/spec/enclaves.md: SSZ, so that a value has one encoding, one root, and branches to its fields.
///
/// Values that exist have been checked: an initialiser refuses what a decoder refuses.
public protocol EnclaveContainer: Hashable, Sendable {
  /// The SSZ type, for encoders, roots and branches.
  static var type: SSZType { get }
  /// Bytes that an encoding may have; a longer input is refused unread.
  static var sizeMax: Int { get }
  /// The fields as SSZ has them.
  var value: SSZValue { get }
  /// Checks the fields that SSZ leaves open: versions, addresses, suites, lengths, order.
  ///
  /// - Throws: ``EnclaveFormatError``.
  init(value: SSZValue) throws(EnclaveFormatError)
}

extension EnclaveContainer {
  /// Decodes untrusted bytes strictly: first offset, order of offsets, no gaps, no trailing bytes, list limits.
  ///
  /// - Throws: ``EnclaveFormatError``; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(EnclaveFormatError) {
    let value: SSZValue
    do { value = try Self.type.decode(bytes, sizeBytesMax: Self.sizeMax) } catch { throw .ssz(error) }
    try self.init(value: value)
  }

  /// Decodes untrusted bytes strictly.
  public init(decoding bytes: [UInt8]) throws(EnclaveFormatError) { try self.init(decoding: bytes.span) }

  /// The SSZ encoding.
  public func encoded() -> [UInt8] {
    do { return try Self.type.encode(value) } catch { Self.unfit(error) }
  }

  /// The `hash_tree_root`.
  public func root() -> Bytes32 {
    do { return try Self.type.hashTreeRoot(value) } catch { Self.unfit(error) }
  }

  /// A value that was checked always fits its type.
  private static func unfit(_ error: SSZError) -> Never {
    preconditionFailure("a checked value does not fit its own type: \(error)")
  }
}

/// Reads the fields of a decoded container in order: the shape is known from the type, and still not assumed.
package struct SSZFields {
  private let values: [SSZValue]
  private var next = 0

  package init(_ value: SSZValue, count: Int) throws(EnclaveFormatError) {
    guard case .sequence(let values) = value, values.count == count else { throw .ssz(.shape) }
    self.values = values
  }

  package mutating func value() throws(EnclaveFormatError) -> SSZValue {
    guard next < values.count else { throw .ssz(.shape) }
    next += 1
    return values[next - 1]
  }

  package mutating func bytes() throws(EnclaveFormatError) -> [UInt8] {
    guard case .packed(let bytes) = try value() else { throw .ssz(.shape) }
    return bytes
  }

  package mutating func hash() throws(EnclaveFormatError) -> Bytes32 {
    let bytes = try bytes()
    guard bytes.count == 32 else { throw .ssz(.shape) }
    return Bytes32 { bytes[$0] }
  }

  package mutating func wide() throws(EnclaveFormatError) -> UInt256 {
    guard case .uint(let integer) = try value() else { throw .ssz(.shape) }
    return integer
  }

  package mutating func integer() throws(EnclaveFormatError) -> UInt64 {
    guard let integer = try wide().asUInt64 else { throw .ssz(.shape) }
    return integer
  }

  package mutating func short() throws(EnclaveFormatError) -> UInt16 {
    guard let integer = UInt16(exactly: try integer()) else { throw .ssz(.shape) }
    return integer
  }

  package mutating func sequence() throws(EnclaveFormatError) -> [SSZValue] {
    guard case .sequence(let values) = try value() else { throw .ssz(.shape) }
    return values
  }

  package mutating func version() throws(EnclaveFormatError) {
    let version = try integer()
    guard version == 1 else { throw .version(version) }
  }

  package mutating func address(_ field: EnclaveField) throws(EnclaveFormatError) -> InteroperableAddress {
    let bytes = try bytes()
    do { return try InteroperableAddress(decoding: bytes.span) } catch { throw .address(field, error) }
  }
}

/// Limits and checks that several containers share.
package enum EnclaveLimits {
  package static let addressSizeMax = 64
  package static let suiteNameSizeMax = 64
  package static let keySizeMax = 2048
  package static let inputCountMax = 256

  package static let address = SSZType.byteList(limit: UInt64(addressSizeMax))
  package static let suiteName = SSZType.byteList(limit: UInt64(suiteNameSizeMax))
  package static let key = SSZType.byteList(limit: UInt64(keySizeMax))
  package static let hash = SSZType.byteVector(32)

  /// A chain alone.
  package static func chain(_ address: InteroperableAddress, _ field: EnclaveField) throws(EnclaveFormatError) {
    try fits(address.encoded().count, addressSizeMax, field)
    guard address.address.isEmpty else { throw .addressHasAccount(field) }
  }

  /// An account of a chain.
  package static func account(_ address: InteroperableAddress, _ field: EnclaveField) throws(EnclaveFormatError) {
    try fits(address.encoded().count, addressSizeMax, field)
    guard !address.address.isEmpty, !address.reference.isEmpty else { throw .addressWithoutAccount(field) }
  }

  package static func fits(_ count: Int, _ max: Int, _ field: EnclaveField) throws(EnclaveFormatError) {
    guard count <= max else { throw .overLimit(field, max: max, actual: count) }
  }

  package static func isPrecise(
    _ count: Int, _ expected: Int, _ field: EnclaveField
  ) throws(EnclaveFormatError) {
    guard count == expected else { throw .length(field, expected: expected, actual: count) }
  }
}

extension SSZValue {
  package static func hash(_ hash: Bytes32) -> SSZValue { .packed(hash.array) }
  package static func address(_ address: InteroperableAddress) -> SSZValue { .packed(address.encoded()) }
  package static func name(_ suite: SigningSuite) -> SSZValue { .packed([UInt8](suite.rawValue.utf8)) }
}

/// Prefixes that keep one kind of hash from being read as another.
package enum EnclaveTag {
  /// `u8 length ‖ ASCII`.
  package static func bytes(_ name: StaticString) -> [UInt8] {
    let text = [UInt8](name.description.utf8)
    return [UInt8(truncatingIfNeeded: text.count)] + text
  }

  /// `S(tag ‖ parts…)`.
  package static func hash(_ name: StaticString, _ parts: Bytes32...) -> Bytes32 {
    var preimage = bytes(name)
    for part in parts { preimage.append(part) }
    return SHA256Hash.hash(preimage)
  }
}
