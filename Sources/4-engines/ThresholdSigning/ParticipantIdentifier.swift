/// The number of one of those who share a key: not zero, and different for each (RFC 9591, section 4.2).
public struct ParticipantIdentifier: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let number: UInt16

  /// Nil for zero: that would be the secret's own place on the polynomial.
  public init?(_ number: UInt16) {
    guard number > 0 else { return nil }
    self.number = number
  }

  public var description: String { String(number) }

  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}
