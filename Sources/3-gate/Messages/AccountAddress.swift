public import WireBytes

/// An account of a domain: 20 bytes, written in bech32 at the edges.
public struct AccountAddress: Hashable, Comparable, Sendable {
  public let bytes: Bytes20

  public init(_ bytes: Bytes20) { self.bytes = bytes }

  public static func < (left: AccountAddress, right: AccountAddress) -> Bool { left.bytes < right.bytes }
}
