/// Why parts do not make a packet.
public enum PacketError: Error, Hashable, Sendable {
  case sourceClient(IdentifierError)
  case destinationClient(IdentifierError)
  case sourcePort(IdentifierError)
  case destinationPort(IdentifierError)
  /// Sequences count from 1.
  case sequenceZero
  /// A packet without a timeout could never be refunded.
  case timeoutZero
  case payloadCount(max: Int, actual: Int)
  /// Version or encoding is empty or over `max` bytes.
  case versionLength(max: Int, actual: Int)
  case encodingLength(max: Int, actual: Int)
  case valueEmpty
  /// All values together are longer than `max` bytes.
  case valueSize(max: Int, actual: Int)
}

/// What one application sends to another: a value and how it is to be read.
public struct Payload: Hashable, Sendable {
  /// Versions and encodings are short names; the wire gives them no bound, so we do.
  public static let nameSizeMax = 128

  public let sourcePort: PortID
  public let destinationPort: PortID
  public let version: String
  public let encoding: String
  public let value: [UInt8]

  /// - Throws: ``PacketError``.
  public init(
    sourcePort: PortID, destinationPort: PortID, version: String, encoding: String, value: [UInt8]
  ) throws(PacketError) {
    guard (1...Self.nameSizeMax).contains(version.utf8.count) else {
      throw .versionLength(max: Self.nameSizeMax, actual: version.utf8.count)
    }
    guard (1...Self.nameSizeMax).contains(encoding.utf8.count) else {
      throw .encodingLength(max: Self.nameSizeMax, actual: encoding.utf8.count)
    }
    guard !value.isEmpty else { throw .valueEmpty }
    guard value.count <= Packet.valueSizeMax else {
      throw .valueSize(max: Packet.valueSizeMax, actual: value.count)
    }
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.version = version
    self.encoding = encoding
    self.value = value
  }

  /// Checks the ports as well.
  ///
  /// - Throws: ``PacketError``.
  public init(
    sourcePort: String, destinationPort: String, version: String, encoding: String, value: [UInt8]
  ) throws(PacketError) {
    let source: PortID
    let destination: PortID
    do { source = try PortID(sourcePort) } catch { throw .sourcePort(error) }
    do { destination = try PortID(destinationPort) } catch { throw .destinationPort(error) }
    try self.init(
      sourcePort: source, destinationPort: destination, version: version, encoding: encoding, value: value)
  }
}

/// An IBC v2 packet: all payloads are executed, or none.
///
/// - SeeAlso: ibc-go `04-channel/v2/types/packet.go`.
public struct Packet: Hashable, Sendable {
  /// More payloads than this are refused; each is executed in one transaction of the destination.
  public static let payloadCountMax = 16
  /// All values together (ibc-go `MaximumPayloadsSize`).
  public static let valueSizeMax = 262_144
  /// How far ahead of the sender's clock a timeout may lie, in seconds (ibc-go `MaxTimeoutDelta`).
  public static let timeoutDeltaMaxSeconds: UInt64 = 86_400

  public let sequence: Sequence
  /// The client of the destination, on the origin.
  public let sourceClient: ClientID
  /// The client of the origin, on the destination.
  public let destinationClient: ClientID
  /// The destination executes strictly before this moment of its own time.
  public let timeout: UnixTime
  public let payloads: [Payload]

  /// - Throws: ``PacketError``.
  public init(
    sequence: Sequence, sourceClient: ClientID, destinationClient: ClientID, timeout: UnixTime,
    payloads: [Payload]
  ) throws(PacketError) {
    guard timeout.seconds > 0 else { throw .timeoutZero }
    guard (1...Self.payloadCountMax).contains(payloads.count) else {
      throw .payloadCount(max: Self.payloadCountMax, actual: payloads.count)
    }
    // At most 16 values of at most 262,144 bytes: the sum cannot overflow.
    let size = payloads.reduce(0) { $0 + $1.value.count }
    guard size <= Self.valueSizeMax else { throw .valueSize(max: Self.valueSizeMax, actual: size) }
    self.sequence = sequence
    self.sourceClient = sourceClient
    self.destinationClient = destinationClient
    self.timeout = timeout
    self.payloads = payloads
  }
}

/// Why parts do not make an acknowledgement.
public enum AcknowledgementError: Error, Hashable, Sendable {
  case count(max: Int, actual: Int)
  case empty(index: Int)
  case size(max: Int, actual: Int)
  /// The universal error acknowledgement stands alone; an application may not write it as its own.
  case universalErrorAmongOthers(index: Int)
}

/// What the destination answers: one result for each payload, or the universal error alone.
public struct Acknowledgement: Hashable, Sendable {
  /// All results together.
  public static let sizeMax = 262_144

  public let results: [[UInt8]]

  /// The error that every application understands: SHA-256 of `UNIVERSAL_ERROR_ACKNOWLEDGEMENT`.
  public static let universalError = Acknowledgement(unchecked: [PacketCommitment.universalErrorBytes])

  private init(unchecked results: [[UInt8]]) { self.results = results }

  /// - Throws: ``AcknowledgementError``.
  public init(_ results: [[UInt8]]) throws(AcknowledgementError) {
    guard (1...Packet.payloadCountMax).contains(results.count) else {
      throw .count(max: Packet.payloadCountMax, actual: results.count)
    }
    var size = 0
    for (index, result) in results.enumerated() {
      guard !result.isEmpty else { throw .empty(index: index) }
      if results.count > 1, result == PacketCommitment.universalErrorBytes {
        throw .universalErrorAmongOthers(index: index)
      }
      guard result.count <= Self.sizeMax - size else {
        throw .size(max: Self.sizeMax, actual: size &+ result.count)
      }
      size += result.count
    }
    self.results = results
  }

  /// Whether the packet was executed; an error means that nothing of it was.
  public var isSuccess: Bool { self != .universalError }
}
