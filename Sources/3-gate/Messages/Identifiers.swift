/// Why text is no IBC identifier.
public enum IdentifierError: Error, Hashable, Sendable {
  /// Shorter than `min` or longer than `max` characters.
  case length(min: Int, max: Int, actual: Int)
  /// A character outside letters, digits and `. _ + - # [ ] < >`, at `offset`.
  case character(offset: Int)
}

/// The character rule that all IBC identifiers share (ICS-24, "identifiers").
private func check(_ text: String, min: Int, max: Int) throws(IdentifierError) {
  let characters = text.utf8.span
  guard characters.count >= min, characters.count <= max else {
    throw .length(min: min, max: max, actual: characters.count)
  }
  for index in characters.indices {
    switch characters[index] {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: continue
    // . _ + - # [ ] < >
    case 0x2e, 0x5f, 0x2b, 0x2d, 0x23, 0x5b, 0x5d, 0x3c, 0x3e: continue
    default: throw .character(offset: index)
    }
  }
}

/// A light client's identifier on the chain that holds it, for instance `07-tendermint-0` or `client-0`.
///
/// 4 to 64 characters (ICS-24; ibc-go `24-host/validate.go`).
public struct ClientID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public static let sizeMax = 64
  public let text: String

  /// - Throws: ``IdentifierError``.
  public init(_ text: String) throws(IdentifierError) {
    try check(text, min: 4, max: Self.sizeMax)
    self.text = text
  }

  /// The ASCII bytes.
  public var bytes: [UInt8] { [UInt8](text.utf8) }
  public var description: String { text }

  public static func < (left: ClientID, right: ClientID) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }
}

/// An application's port, for instance `transfer` or `execution`. 2 to 128 characters (ICS-24).
public struct PortID: Hashable, Sendable, CustomStringConvertible {
  public static let sizeMax = 128
  /// ICS-20 token transfer.
  public static let transfer = PortID(unchecked: "transfer")
  /// Execution envelopes.
  public static let execution = PortID(unchecked: "execution")

  public let text: String

  private init(unchecked text: String) { self.text = text }

  /// - Throws: ``IdentifierError``.
  public init(_ text: String) throws(IdentifierError) {
    try check(text, min: 2, max: Self.sizeMax)
    self.text = text
  }

  public var bytes: [UInt8] { [UInt8](text.utf8) }
  public var description: String { text }
}

/// A packet's number on its source client, from 1.
public struct Sequence: Hashable, Comparable, Sendable, CustomStringConvertible {
  public static let first = Sequence(unchecked: 1)
  public let rawValue: UInt64

  private init(unchecked rawValue: UInt64) { self.rawValue = rawValue }

  /// Nil for zero, which numbers no packet.
  public init?(_ rawValue: UInt64) {
    guard rawValue > 0 else { return nil }
    self.rawValue = rawValue
  }

  /// The following number; nil after 2^64 - 1.
  public var next: Sequence? { rawValue == .max ? nil : Sequence(unchecked: rawValue + 1) }
  public var description: String { String(rawValue) }
  public static func < (left: Sequence, right: Sequence) -> Bool { left.rawValue < right.rawValue }
}

/// A block height with its revision; chains without revisions use 0.
public struct Height: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let revision: UInt64
  public let number: UInt64

  public init(revision: UInt64 = 0, _ number: UInt64) {
    self.revision = revision
    self.number = number
  }

  public static func < (left: Height, right: Height) -> Bool {
    (left.revision, left.number) < (right.revision, right.number)
  }
  /// `revision-number`, as IBC writes it.
  public var description: String { "\(revision)-\(number)" }
}

/// A moment in whole seconds since 1970 (UTC), as IBC v2 timeouts and EVM blocks count it.
public struct UnixTime: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let seconds: UInt64

  public init(seconds: UInt64) { self.seconds = seconds }

  /// The moment `count` seconds later, held at the last one that can be told.
  public func adding(seconds count: UInt64) -> UnixTime {
    let (sum, overflow) = seconds.addingReportingOverflow(count)
    return UnixTime(seconds: overflow ? .max : sum)
  }

  /// Seconds from `earlier` to this moment; zero when this one is not later.
  public func seconds(since earlier: UnixTime) -> UInt64 {
    seconds > earlier.seconds ? seconds - earlier.seconds : 0
  }

  public static func < (left: UnixTime, right: UnixTime) -> Bool { left.seconds < right.seconds }
  public var description: String { String(seconds) }
}

/// One direction between two domains: a pair of IBC v2 clients. Two domains may have several lanes.
public struct LaneID: Hashable, Sendable, CustomStringConvertible {
  public let origin: DomainID
  /// The origin's client of the destination.
  public let sourceClient: ClientID
  public let destination: DomainID
  /// The destination's client of the origin.
  public let destinationClient: ClientID

  public init(
    origin: DomainID, sourceClient: ClientID, destination: DomainID, destinationClient: ClientID
  ) {
    self.origin = origin
    self.sourceClient = sourceClient
    self.destination = destination
    self.destinationClient = destinationClient
  }

  /// The lane that goes back.
  public var reversed: LaneID {
    LaneID(
      origin: destination, sourceClient: destinationClient, destination: origin,
      destinationClient: sourceClient)
  }

  public var description: String { "\(origin)/\(sourceClient)>\(destination)/\(destinationClient)" }
}
