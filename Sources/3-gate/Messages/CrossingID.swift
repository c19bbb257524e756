private import Digests
public import WireBytes

/// The name of one crossing, the same on both sides and unlike that of any other.
///
/// `SHA-256("causeway/crossing/v1" ‖ u16 length ‖ origin (ERC-7930, chain only) ‖ u8 length ‖ source client ‖ u64
/// sequence)`, integers big-endian.
public struct CrossingID: Hashable, Sendable, CustomStringConvertible {
  public let rawValue: Bytes32

  public init(rawValue: Bytes32) { self.rawValue = rawValue }

  /// - Throws: ``InteroperableAddressError`` when the origin has no ERC-7930 form.
  public init(
    origin: DomainID, sourceClient: ClientID, sequence: Sequence
  ) throws(InteroperableAddressError) {
    let chain = try InteroperableAddress(chain: origin).encoded()
    var preimage = [UInt8]("causeway/crossing/v1".utf8)
    preimage.append(bigEndian: UInt16(truncatingIfNeeded: chain.count))
    preimage += chain
    // At most 64 characters: fits one byte.
    preimage.append(UInt8(truncatingIfNeeded: sourceClient.bytes.count))
    preimage += sourceClient.bytes
    preimage.append(bigEndian: sequence.rawValue)
    rawValue = SHA256Hash.hash(preimage)
  }

  /// The crossing that `packet`, sent from `origin`, makes.
  ///
  /// - Throws: ``InteroperableAddressError`` when the origin has no ERC-7930 form.
  public init(_ packet: Packet, origin: DomainID) throws(InteroperableAddressError) {
    try self.init(origin: origin, sourceClient: packet.sourceClient, sequence: packet.sequence)
  }

  public var description: String { rawValue.description }
}
