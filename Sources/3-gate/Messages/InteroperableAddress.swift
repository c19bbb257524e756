private import Digests
public import WireBytes

/// Why bytes are no ERC-7930 address that we accept, or a domain has none.
public enum InteroperableAddressError: Error, Hashable, Sendable {
  /// Ended early, or went on after the address.
  case bytes(WireError)
  /// Only version 1 is defined.
  case version(UInt16)
  /// Chain reference and address are both empty: it names nothing.
  case empty
  /// An eip155 chain id with leading zero bytes: the same chain would have two names.
  case chainIDNotMinimal
  /// An eip155 chain id over 32 bytes.
  case chainIDLength(Int)
  /// An eip155 address that is neither absent nor 20 bytes.
  case addressLength(Int)
  /// A reference of the CAIP-2 chain type that is no CAIP-2 id, or one that has a chain type of its own.
  case domain
}

/// An address on some chain, or a chain alone, in the binary form of ERC-7930 version 1.
///
/// Layout: `[version: 2, = 1][chain type: 2][reference length: 1][reference][address length: 1][address]`, big-endian.
/// One value has one encoding: trailing bytes and chain ids with leading zeros are refused, as ERC-7786 asks of gateways
/// (the usual Solidity parser accepts both).
///
/// - SeeAlso: docs/spec/envelope.md section 2 for the chain type that carries other CAIP-2 ids.
public struct InteroperableAddress: Hashable, Sendable {
  /// The longest encoding.
  public static let sizeMax = 6 + 255 + 255

  /// Two bytes that say how reference and address are read.
  public struct ChainType: Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// EVM chains: the reference is the chain id, big-endian without leading zeros; addresses have 20 bytes.
    public static let eip155 = ChainType(rawValue: 0x0000)
    /// Solana: the reference is the genesis hash.
    public static let solana = ChainType(rawValue: 0x0002)
    /// Any other CAIP-2 id as its ASCII text. Ours: ERC-7930 gives no type to these families.
    public static let caip2 = ChainType(rawValue: 0xca02)
  }

  public let chainType: ChainType
  /// The chain; empty when the address is for any chain of the type.
  public let reference: [UInt8]
  /// The account or contract; empty when the chain alone is named.
  public let address: [UInt8]

  /// Checks the parts.
  ///
  /// - Throws: ``InteroperableAddressError``.
  public init(
    chainType: ChainType, reference: [UInt8], address: [UInt8]
  ) throws(InteroperableAddressError) {
    guard !reference.isEmpty || !address.isEmpty else { throw .empty }
    guard reference.count <= 255 else { throw .bytes(.overLimit(limit: 255, actual: reference.count)) }
    guard address.count <= 255 else { throw .bytes(.overLimit(limit: 255, actual: address.count)) }
    switch chainType {
    case .eip155:
      guard reference.count <= 32 else { throw .chainIDLength(reference.count) }
      guard reference.first != 0 else { throw .chainIDNotMinimal }
      guard address.isEmpty || address.count == 20 else { throw .addressLength(address.count) }
    case .caip2 where !reference.isEmpty:
      guard let domain = try? DomainID(String(decoding: reference, as: UTF8.self)),
        domain.namespace != "eip155"
      else { throw .domain }
    default: break
    }
    self.chainType = chainType
    self.reference = reference
    self.address = address
  }

  /// Decodes exactly one address from untrusted bytes.
  ///
  /// - Throws: ``InteroperableAddressError``; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(InteroperableAddressError) {
    let version: UInt16
    let chainType: UInt16
    let reference: [UInt8]
    let address: [UInt8]
    do {
      var reader = ByteReader(bytes)
      version = try reader.readBigEndian()
      chainType = try reader.readBigEndian()
      reference = try reader.readBytes(Int(try reader.readUInt8()))
      address = try reader.readBytes(Int(try reader.readUInt8()))
      try reader.finish()
    } catch { throw .bytes(error) }
    guard version == 1 else { throw .version(version) }
    try self.init(chainType: ChainType(rawValue: chainType), reference: reference, address: address)
  }

  /// The binary form.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(6 + reference.count + address.count)
    bytes.append(bigEndian: UInt16(1))
    bytes.append(bigEndian: chainType.rawValue)
    bytes.append(UInt8(truncatingIfNeeded: reference.count))
    bytes += reference
    bytes.append(UInt8(truncatingIfNeeded: address.count))
    bytes += address
    return bytes
  }

  /// The chain alone of `domain`.
  ///
  /// - Throws: ``InteroperableAddressError/domain`` for an `eip155` reference that is no plain decimal number, and for
  ///   a `solana` one, whose CAIP-2 form is cut short and cannot give the genesis hash back.
  public init(chain domain: DomainID) throws(InteroperableAddressError) {
    switch domain.namespace {
    case "eip155":
      let digits = domain.reference
      guard digits.utf8.first != 0x30, let chainID = UInt256(decimal: digits) else { throw .domain }
      try self.init(chainType: .eip155, reference: chainID.minimalBigEndian, address: [])
    case "solana": throw .domain
    default: try self.init(chainType: .caip2, reference: [UInt8](domain.text.utf8), address: [])
    }
  }

  /// An account on `domain`.
  ///
  /// - Throws: as ``init(chain:)``, and for an address that the chain cannot have.
  public init(domain: DomainID, address: [UInt8]) throws(InteroperableAddressError) {
    let chain = try InteroperableAddress(chain: domain)
    try self.init(chainType: chain.chainType, reference: chain.reference, address: address)
  }

  /// The CAIP-2 id of the chain; nil when none is named or the type is not known here.
  public var domain: DomainID? {
    switch chainType {
    case .eip155:
      guard !reference.isEmpty, let chainID = try? UInt256(bigEndian: reference.span) else { return nil }
      return try? DomainID("eip155:" + chainID.description)
    case .caip2: return try? DomainID(String(decoding: reference, as: UTF8.self))
    default: return nil
    }
  }

  /// The first four bytes of Keccak-256 of the binary form without its version: the checksum of ERC-7828 names.
  public var checksum: FixedBytes<4> {
    let bytes = encoded()
    let hash = Keccak256.hash(bytes.span.extracting(2..<bytes.count))
    return FixedBytes<4> { hash[$0] }
  }
}
