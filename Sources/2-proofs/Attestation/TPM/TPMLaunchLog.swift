private import Digests
public import WireBytes

/// What an enclave has measured into its PCR: each of its launches since the TPM was reset, in order.
///
/// Encoding: SSZ `List[Launch, 1024]` of `Launch{version u16, program Bytes32, policy Bytes32, start u64}`,
/// 74 bytes each (docs/spec/enclaves.md). Each launch extends the PCR, of zeroes at reset, by
/// `SHA-256(tag("causeway/launch/v1") ‖ SSZ(Launch))`; tags as there: a byte of length, then the text.
public struct TPMLaunchLog: Hashable, Sendable {
  /// One start of the runtime.
  public struct Launch: Hashable, Sendable {
    public static let version: UInt16 = 1
    /// Bytes of the encoding.
    public static let size = 2 + 32 + 32 + 8

    /// SHA-256 of the program's WASM.
    public let program: Bytes32
    /// SHA-256 of the enclave policy's canonical JSON.
    public let policy: Bytes32
    /// UNIX seconds by the host's clock, which nobody vouches for.
    public let start: UInt64

    public init(program: Bytes32, policy: Bytes32, start: UInt64) {
      self.program = program
      self.policy = policy
      self.start = start
    }

    /// The SSZ encoding.
    public func encoded() -> [UInt8] {
      var bytes: [UInt8] = []
      bytes.append(littleEndian: Self.version)
      bytes.append(program)
      bytes.append(policy)
      bytes.append(littleEndian: start)
      return bytes
    }

    /// What the PCR is extended by.
    public var measurement: Bytes32 {
      var bytes = [UInt8(TPMLaunchLog.tag.utf8.count)] + TPMLaunchLog.tag.utf8
      bytes += encoded()
      return SHA256Hash.hash(bytes)
    }
  }

  /// Why bytes are no log.
  public enum DecodingError: Error, Hashable, Sendable {
    /// Not a whole number of launches.
    case length(Int)
    case tooMany(limit: Int, actual: Int)
    case version(index: Int, UInt16)
  }

  /// The domain tag of a measurement.
  public static let tag = "causeway/launch/v1"
  /// The PCR that the runtime extends: one that the PC client profile leaves to the operating system.
  public static let pcr = 14
  public static let launchesMax = 1024
  public static let sizeMax = launchesMax * Launch.size

  public var launches: [Launch]

  public init(_ launches: [Launch] = []) { self.launches = launches }

  /// Decodes all of `bytes`; none are an empty log.
  ///
  /// - Throws: ``DecodingError`` and nothing else. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(DecodingError) {
    guard bytes.count.isMultiple(of: Launch.size) else { throw .length(bytes.count) }
    let count = bytes.count / Launch.size
    guard count <= Self.launchesMax else { throw .tooMany(limit: Self.launchesMax, actual: count) }
    var launches: [Launch] = []
    launches.reserveCapacity(count)
    for index in 0..<count {
      let start = index * Launch.size
      let version = UInt16(bytes[start]) | UInt16(bytes[start + 1]) << 8
      guard version == Launch.version else { throw .version(index: index, version) }
      var time: UInt64 = 0
      for byte in (0..<8).reversed() { time = time << 8 | UInt64(bytes[start + 66 + byte]) }
      launches.append(
        Launch(program: Bytes32(bytes, at: start + 2), policy: Bytes32(bytes, at: start + 34), start: time))
    }
    self.launches = launches
  }

  public func encoded() -> [UInt8] { launches.flatMap { $0.encoded() } }

  /// The PCR's value after all launches, in the SHA-256 bank.
  public var pcrValue: Bytes32 {
    launches.reduce(Bytes32()) { value, launch in SHA256Hash.hash(value, launch.measurement) }
  }
}
