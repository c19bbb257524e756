public import WireBytes

/// An account of a domain, written in bech32 at the edges: 20 bytes where a key opens it or a module owns it,
/// 32 where a contract does.
///
/// - SeeAlso: ADR-028 of the Cosmos SDK, which gives modules' and contracts' accounts 32 bytes; this domain's
///   own modules keep the 20 that they have always had.
public struct AccountAddress: Hashable, Sendable {
  /// The bytes; behind a short address, zeros.
  private let padded: Bytes32
  /// 20 or 32.
  public let count: Int

  /// An account that a key opens, or a module's.
  public init(_ bytes: Bytes20) {
    padded = Bytes32 { $0 < 20 ? bytes[$0] : 0 }
    count = 20
  }

  /// A contract's account.
  public init(_ bytes: Bytes32) {
    padded = bytes
    count = 32
  }

  /// Nil unless there are 20 or 32 bytes.
  public init?(bytes: [UInt8]) {
    if let short = try? Bytes20(bytes) {
      self.init(short)
    } else if let long = try? Bytes32(bytes) {
      self.init(long)
    } else {
      return nil
    }
  }

  public var bytes: [UInt8] { (0..<count).map { padded[$0] } }
}

extension AccountAddress: Comparable {
  /// By bytes, a shorter address before a longer one that begins with it.
  public static func < (left: AccountAddress, right: AccountAddress) -> Bool {
    left.padded == right.padded ? left.count < right.count : left.padded < right.padded
  }
}
