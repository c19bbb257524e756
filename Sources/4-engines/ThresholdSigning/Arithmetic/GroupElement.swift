public import WireBytes

/// Why 32 bytes are no element of the group.
public enum GroupElementError: Error, Hashable, Sendable {
  /// The identity, which no key, commitment or nonce may be.
  case identity
  /// Not the one encoding of a point of order L: not canonical, not on the curve, of small order, or with a part of
  /// small order (RFC 9591, section 6.1).
  case invalid
}

/// A point of edwards25519 of order L, the order of the base point; never the identity.
public struct GroupElement: Hashable, Sendable, CustomStringConvertible {
  /// As RFC 8032, section 5.1.2.
  public let bytes: Bytes32

  /// - Throws: ``GroupElementError``. The input is untrusted.
  public init(_ bytes: Bytes32) throws(GroupElementError) {
    guard bytes != GroupSum.identity.bytes else { throw .identity }
    guard Sodium.isElement(bytes) else { throw .invalid }
    self.bytes = bytes
  }

  init(trusted bytes: Bytes32) { self.bytes = bytes }

  public var description: String { bytes.description }

  var sum: GroupSum { GroupSum(bytes: bytes) }
}

/// What sums of group elements come to: an element or the identity.
struct GroupSum: Hashable, Sendable {
  let bytes: Bytes32

  fileprivate init(bytes: Bytes32) { self.bytes = bytes }

  static let identity = GroupSum(bytes: Bytes32 { $0 == 0 ? 1 : 0 })

  /// `scalar` times the base point.
  static func base(times scalar: Scalar) -> GroupSum {
    scalar == .zero ? .identity : GroupSum(bytes: Sodium.multiplyBase(by: scalar.bytes))
  }

  static func + (left: GroupSum, right: GroupSum) -> GroupSum {
    GroupSum(bytes: Sodium.addPoints(left.bytes, right.bytes))
  }

  static func * (left: GroupSum, right: Scalar) -> GroupSum {
    guard left != .identity, right != .zero else { return .identity }
    return GroupSum(bytes: Sodium.multiplyPoint(left.bytes, by: right.bytes))
  }

  /// Nil for the identity.
  var element: GroupElement? { self == .identity ? nil : GroupElement(trusted: bytes) }
}
