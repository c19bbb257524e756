import Digests
public import WireBytes

/// The Solidity ABI: argument lists, calls, and packed bytes.
public enum ABI {
  /// The default bound on an input.
  public static let sizeBytesMax = 8 << 20

  /// `abi.encode`: the arguments as one tuple, without a selector.
  ///
  /// - Throws: ``ABIError/shape``.
  public static func encode(_ values: [ABIValue], as types: [ABIType]) throws(ABIError) -> [UInt8] {
    var bytes: [UInt8] = []
    try ABIEncoding.appendTuple(values, types, to: &bytes)
    return bytes
  }

  /// `abi.decode` of the one encoding that ``encode(_:as:)`` gives: offsets in place, padding zero, nothing behind.
  ///
  /// Compilers also accept others; what Solidity and Vyper themselves emit is of this form.
  public static func decode(
    _ bytes: Span<UInt8>, as types: [ABIType], sizeBytesMax: Int = ABI.sizeBytesMax
  ) throws(ABIError) -> [ABIValue] {
    guard bytes.count <= sizeBytesMax else { throw .inputSize(limit: sizeBytesMax, actual: bytes.count) }
    let (values, end) = try ABIDecoding.tuple(bytes, at: 0, types)
    guard end == bytes.count else { throw .trailingBytes(offset: end, count: bytes.count - end) }
    return values
  }

  /// `abi.decode` of the one encoding.
  public static func decode(_ bytes: [UInt8], as types: [ABIType]) throws(ABIError) -> [ABIValue] {
    try decode(bytes.span, as: types)
  }

  /// The first four bytes of the Keccak-256 of a signature such as `transfer(address,uint256)`.
  public static func selector(_ signature: String) -> FixedBytes<4> {
    let hash = eventTopic(signature)
    return FixedBytes<4> { hash[$0] }
  }

  /// The Keccak-256 of a signature: topic 0 of an event.
  public static func eventTopic(_ signature: String) -> Bytes32 { Keccak256.hash([UInt8](signature.utf8)) }

  /// `abi.encodePacked`: no offsets, no lengths, values as narrow as their types; ambiguous, for hashing only.
  ///
  /// - Throws: ``ABIError/illegalType`` for tuples and for arrays of arrays or of dynamic types.
  public static func encodePacked(_ values: [ABIValue], as types: [ABIType]) throws(ABIError) -> [UInt8] {
    guard values.count == types.count else { throw .shape }
    var bytes: [UInt8] = []
    for (value, type) in zip(values, types) { try ABIEncoding.appendPacked(value, type, to: &bytes) }
    return bytes
  }
}

/// A function: its selector and what it takes.
public struct ABIFunction: Hashable, Sendable {
  /// With canonical type names: `transfer(address,uint256)`.
  public let signature: String
  public let selector: FixedBytes<4>
  public let arguments: [ABIType]

  /// Reads `name(T1,T2,…)`.
  public init(_ signature: String) throws(ABITypeError) {
    guard let open = signature.utf8.firstIndex(of: 0x28), open != signature.startIndex else {
      throw .syntax(offset: 0)
    }
    let name = String(signature[..<open])
    var parser = ABITypeParser(characters: [UInt8](signature[open...].utf8))
    arguments = try parser.members(depth: 0)
    try parser.finish()
    self.signature = name + ABIType.tuple(arguments).name
    selector = ABI.selector(self.signature)
  }

  /// Calldata: the selector and the arguments.
  public func encode(_ values: [ABIValue]) throws(ABIError) -> [UInt8] {
    selector.array + (try ABI.encode(values, as: arguments))
  }

  /// The arguments in calldata.
  ///
  /// - Throws: ``ABIError/selector(_:)`` for a call of another function. Offsets in other errors count behind the
  ///   selector.
  public func decode(_ calldata: Span<UInt8>) throws(ABIError) -> [ABIValue] {
    guard calldata.count >= 4 else { throw .truncated(offset: 0, needed: 4) }
    let actual = FixedBytes<4>(calldata, at: 0)
    guard actual == selector else { throw .selector(actual) }
    return try ABI.decode(calldata.extracting(4..<calldata.count), as: arguments)
  }
}
