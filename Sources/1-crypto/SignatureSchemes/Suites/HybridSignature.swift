public import WireBytes

/// Why bytes are not the two halves of a hybrid key or signature. Offsets count bytes from the start.
public enum HybridFormatError: Error, Hashable, Sendable {
  case wire(WireError)
  case version(UInt8)
  /// The half at this place is of another suite than the hybrid's.
  case suite(expected: UInt16, found: UInt16)
}

/// Two keys or two signatures in one string, the classical half first.
///
/// Layout: `[version: 1 = 1]`, then for each half `[suite: 2][length: 2][bytes: length]`, integers big-endian. The
/// suites are those of the hybrid's entry and each half has a length, so there is one encoding of each pair.
public struct HybridParts: Hashable, Sendable {
  public let classicalSuite: SuiteID
  public let classical: [UInt8]
  public let postQuantumSuite: SuiteID
  public let postQuantum: [UInt8]

  public static let version: UInt8 = 1

  /// - Precondition: each half has at most 65535 bytes.
  public init(
    classicalSuite: SuiteID, classical: [UInt8], postQuantumSuite: SuiteID, postQuantum: [UInt8]
  ) {
    precondition(classical.count <= Int(UInt16.max) && postQuantum.count <= Int(UInt16.max))
    self.classicalSuite = classicalSuite
    self.classical = classical
    self.postQuantumSuite = postQuantumSuite
    self.postQuantum = postQuantum
  }

  /// Reads both halves, which must be of the two suites given.
  ///
  /// - Throws: ``HybridFormatError``; the input is untrusted and must end with the second half.
  public init(
    decoding bytes: Span<UInt8>, classical: SuiteID, postQuantum: SuiteID
  ) throws(HybridFormatError) {
    var reader = ByteReader(bytes)
    let version: UInt8
    do { version = try reader.readUInt8() } catch { throw .wire(error) }
    guard version == Self.version else { throw .version(version) }
    classicalSuite = classical
    self.classical = try Self.half(&reader, of: classical)
    postQuantumSuite = postQuantum
    self.postQuantum = try Self.half(&reader, of: postQuantum)
    do { try reader.finish() } catch { throw .wire(error) }
  }

  private static func half(_ reader: inout ByteReader, of suite: SuiteID) throws(HybridFormatError) -> [UInt8]
  {
    let found: UInt16
    let half: [UInt8]
    do {
      found = try reader.readBigEndian()
      let length = try reader.readBigEndian(UInt16.self)
      half = try reader.readBytes(Int(length))
    } catch { throw .wire(error) }
    guard found == suite.rawValue else { throw .suite(expected: suite.rawValue, found: found) }
    return half
  }

  /// The string that ``init(decoding:classical:postQuantum:)`` reads.
  public func encoded() -> [UInt8] {
    var bytes = [Self.version]
    bytes.append(bigEndian: classicalSuite.rawValue)
    bytes.append(bigEndian: UInt16(classical.count))
    bytes.append(contentsOf: classical)
    bytes.append(bigEndian: postQuantumSuite.rawValue)
    bytes.append(bigEndian: UInt16(postQuantum.count))
    bytes.append(contentsOf: postQuantum)
    return bytes
  }
}

/// What both halves of a hybrid sign: one message that neither half's suite would sign alone.
///
/// A half taken out of a hybrid is therefore no signature of its plain suite, and a plain signature is no half.
public enum HybridSignature {
  /// ASCII `causeway/hybrid-signature/v1`, a zero byte.
  public static let domain = [UInt8]("causeway/hybrid-signature/v1\u{0}".utf8)
  /// The ML-DSA context of the post-quantum half.
  public static let context = [UInt8]("causeway/hybrid-signature/v1".utf8)

  /// `domain || suite: 2, big-endian || message`; the message comes last, so nothing is ambiguous.
  public static func preimage(_ message: Span<UInt8>, suite: SuiteID) -> [UInt8] {
    var bytes = domain
    bytes.reserveCapacity(domain.count + 2 + message.count)
    bytes.append(bigEndian: suite.rawValue)
    bytes.append(message)
    return bytes
  }
}
