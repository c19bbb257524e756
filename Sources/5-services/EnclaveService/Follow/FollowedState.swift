internal import Digests
public import LightClients
public import WireBytes

/// Why bytes, or parts, are no state of a followed chain.
public enum FollowedStateError: Error, Hashable, Sendable {
  case wire(WireError)
  /// Version 1 is the only one.
  case version(UInt8)
  case chainID
  /// Above 0 and below 2^63.
  case height(UInt64)
  case time(seconds: UInt64, nanoseconds: UInt32)
}

/// How far a chain was followed: what the next header is verified against.
///
/// Layout: version u8 (1) ‖ chain id (u8 length, bytes) ‖ height u64 ‖ header hash (32) ‖ hash of the next height's set (32) ‖
/// seconds u64 ‖ nanoseconds u32; integers are big-endian. ``identifier`` is `S(tag("causeway/followed-state/v1") ‖ that)`,
/// and what transitions name.
public struct FollowedState: Hashable, Sendable {
  static let version: UInt8 = 1
  static let tag = "causeway/followed-state/v1"

  public let chainID: String
  public let height: UInt64
  public let header: Bytes32
  public let nextValidators: Bytes32
  /// UNIX time of the header.
  public let seconds: UInt64
  public let nanoseconds: UInt32

  public init(
    chainID: String, height: UInt64, header: Bytes32, nextValidators: Bytes32, seconds: UInt64,
    nanoseconds: UInt32
  ) throws(FollowedStateError) {
    guard (1...50).contains(chainID.utf8.count), chainID.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
    else {
      throw .chainID
    }
    guard (1...UInt64(Int64.max)).contains(height) else { throw .height(height) }
    // CometBFT's times end with the year 9999.
    guard seconds <= 253_402_300_799, nanoseconds < 1_000_000_000 else {
      throw .time(seconds: seconds, nanoseconds: nanoseconds)
    }
    self.chainID = chainID
    self.height = height
    self.header = header
    self.nextValidators = nextValidators
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// The state after a header; nil for one that names no next set, or is before 1970.
  public init?(_ header: CometBFT.Header) {
    guard let hash = header.hash(), let next = header.nextValidatorsHash, header.time.seconds >= 0,
      let state = try? FollowedState(
        chainID: header.chainID, height: UInt64(max(header.height, 0)), header: hash, nextValidators: next,
        seconds: UInt64(header.time.seconds), nanoseconds: UInt32(header.time.nanoseconds))
    else { return nil }
    self = state
  }

  public init(decoding bytes: Span<UInt8>) throws(FollowedStateError) {
    var reader = ByteReader(bytes)
    let version: UInt8
    let chain: [UInt8]
    let height: UInt64
    let header: [UInt8]
    let next: [UInt8]
    let seconds: UInt64
    let nanoseconds: UInt32
    do throws(WireError) {
      version = try reader.readUInt8()
      chain = try reader.readBytes(Int(try reader.readUInt8()))
      height = try reader.readBigEndian()
      header = try reader.readBytes(32)
      next = try reader.readBytes(32)
      seconds = try reader.readBigEndian()
      nanoseconds = try reader.readBigEndian()
      try reader.finish()
    } catch { throw .wire(error) }
    guard version == Self.version else { throw .version(version) }
    guard chain.allSatisfy({ (0x21...0x7e).contains($0) }) else { throw .chainID }
    try self.init(
      chainID: String(decoding: chain, as: UTF8.self), height: height, header: Bytes32 { header[$0] },
      nextValidators: Bytes32 { next[$0] }, seconds: seconds, nanoseconds: nanoseconds)
  }

  public func encoded() -> [UInt8] {
    var bytes = [Self.version, UInt8(truncatingIfNeeded: chainID.utf8.count)] + chainID.utf8
    bytes.append(bigEndian: height)
    bytes.append(header)
    bytes.append(nextValidators)
    bytes.append(bigEndian: seconds)
    bytes.append(bigEndian: nanoseconds)
    return bytes
  }

  public var identifier: Bytes32 {
    SHA256Hash.hash([UInt8(Self.tag.utf8.count)] + [UInt8](Self.tag.utf8) + encoded())
  }

  /// What the light client takes as trusted; nil never, since the parts were checked.
  var trusted: CometBFT.TrustedState? {
    guard let time = try? CometBFT.Timestamp(seconds: Int64(seconds), nanoseconds: Int32(nanoseconds)) else {
      return nil
    }
    return CometBFT.TrustedState(
      vouchedChainID: chainID, height: Int64(height), time: time, nextValidatorsHash: nextValidators,
      headerHash: header)
  }
}
