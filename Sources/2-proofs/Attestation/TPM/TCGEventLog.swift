public import WireBytes

/// What firmware says that it measured (TCG PC Client Platform Firmware Profile 1.06, section 10): the older
/// form with SHA-1 alone, the crypto-agile one with a digest for each bank, and the same in a TD's or SEV
/// guest's CC event log.
///
/// Nothing in a log is believed before ``replay(_:)`` has given the values that a quote vouches for; and then
/// only what ``Event/describesItself(in:)`` binds to its digest is more than a remark.
///
/// Layout, little-endian. The first event is `{pcr u32, type u32, digest 20, size u32, event}` and, in a
/// crypto-agile log, the Spec ID Event03, which lists the banks; all others are
/// `{pcr u32, type u32, count u32, count × {algorithm u16, digest}, size u32, event}`. A log in a table of
/// fixed size (CCEL) is followed by bytes that are all `ff` or all `00`.
public struct TCGEventLog: Hashable, Sendable {
  /// Why bytes are no event log. Offsets are bytes from the start.
  public enum DecodingError: Error, Hashable, Sendable {
    case wire(WireError)
    /// Over ``sizeMax``.
    case tooLong(limit: Int, actual: Int)
    case tooManyEvents(limit: Int)
    case empty
    /// A first event of no action that identifies no specification: such a log says nothing of its own form.
    case specification(size: Int)
    /// The Spec ID Event is not as long as its fields say.
    case specificationLength(expected: Int, actual: Int)
    /// No bank, more than ``banksMax``, or the same one twice.
    case banks(count: Int)
    case duplicateBank(UInt16)
    /// A bank whose digests have another size than its algorithm has.
    case bankSize(algorithm: UInt16, size: Int)
    /// An event names another number of digests than there are banks.
    case digestCount(offset: Int, expected: Int, actual: Int)
    /// A digest of a bank that the log did not announce, or a second one.
    case digestBank(offset: Int, UInt16)
    /// A register over 31, in an event that extends it.
    case register(offset: Int, UInt32)
    /// A StartupLocality event that comes after the first measurement, twice, or with a locality other than
    /// 0, 3, 4.
    case startupLocality(offset: Int)
  }

  /// The form of the digests.
  public enum Form: Hashable, Sendable {
    /// TCG_PCR_EVENT: SHA-1 only. Parsed and replayed; no verdict may rest on it.
    case sha1
    /// TCG_PCR_EVENT2.
    case cryptoAgile
  }

  /// A bank that the log has digests of.
  public struct Bank: Hashable, Sendable {
    /// TPM_ALG_ID.
    public let algorithm: UInt16
    public let size: Int
    /// Nil for an algorithm that is not known here; its digests are read over.
    public var hash: TPM2.Hash? { TPM2.Hash(rawValue: algorithm) }
  }

  /// One measurement, or a remark that extends nothing.
  public struct Event: Hashable, Sendable {
    /// Where it starts in the log.
    public let offset: Int
    /// PCR; in a CC event log the measurement register: 0 MRTD, 1 to 4 RTMR0 to RTMR3.
    public let register: UInt32
    public let type: EventType
    /// By bank, in the order of the log.
    public let digests: [Digest]
    public let content: [UInt8]

    /// The digest of a bank.
    public func digest(_ hash: TPM2.Hash) -> [UInt8]? {
      digests.first { $0.algorithm == hash.rawValue }?.bytes
    }

    /// Whether the digest is that of the event's own bytes. Nil when the profile lets the digest be of
    /// something else.
    public func describesItself(in hash: TPM2.Hash) -> Bool? {
      guard type.digestIsOfContent, let digest = digest(hash), let own = hash.digest(content.span) else {
        return nil
      }
      return digest == own
    }
  }

  public struct Digest: Hashable, Sendable {
    public let algorithm: UInt16
    public let bytes: [UInt8]
  }

  /// The type of an event (profile, table 27).
  public struct EventType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let noAction = Self(rawValue: 0x0000_0003)
    public static let separator = Self(rawValue: 0x0000_0004)
    public static let action = Self(rawValue: 0x0000_0005)
    public static let startCRTMVersion = Self(rawValue: 0x0000_0008)
    public static let initialProgramLoader = Self(rawValue: 0x0000_000d)
    public static let variableDriverConfig = Self(rawValue: 0x8000_0001)
    public static let gptEvent = Self(rawValue: 0x8000_0006)
    public static let efiAction = Self(rawValue: 0x8000_0007)

    /// Whether the profile says that the digest is the hash of the event's bytes.
    var digestIsOfContent: Bool {
      [Self.separator, .action, .startCRTMVersion, .variableDriverConfig, .gptEvent, .efiAction].contains(
        self)
    }
  }

  /// Longest log that is looked at.
  public static let sizeMax = 4 << 20
  public static let eventsMax = 1 << 16
  public static let banksMax = 8

  public let form: Form
  public let banks: [Bank]
  /// All but the Spec ID Event, in order.
  public let events: [Event]
  /// Bytes of padding behind the last event.
  public let padding: Int
  /// What PCR 0 starts from: the locality of TPM2_Startup.
  public let startupLocality: UInt8

  /// Decodes all of `bytes`.
  ///
  /// - Throws: ``DecodingError`` and nothing else. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(DecodingError) {
    guard bytes.count <= Self.sizeMax else { throw .tooLong(limit: Self.sizeMax, actual: bytes.count) }
    guard bytes.count > 0 else { throw .empty }
    var reader = ByteReader(bytes)
    var events: [Event] = []
    var locality: UInt8?
    var padding = 0
    let first: Event
    do { first = try Self.sha1Event(&reader) } catch { throw .wire(error) }
    if first.type == .noAction, first.content.starts(with: Self.signature) {
      form = .cryptoAgile
      banks = try Self.banks(first.content)
    } else {
      // The older forms of the Spec ID Event open logs of SHA-1.
      guard first.type != .noAction || first.content.starts(with: Self.oldSignature) else {
        throw .specification(size: first.content.count)
      }
      form = .sha1
      banks = [Bank(algorithm: TPM2.Hash.sha1.rawValue, size: TPM2.Hash.sha1.size)]
      if first.type != .noAction { events.append(first) }
      guard first.register < 32 else { throw .register(offset: 0, first.register) }
    }
    var measured = !events.isEmpty
    while !reader.isAtEnd {
      guard events.count < Self.eventsMax else { throw .tooManyEvents(limit: Self.eventsMax) }
      let offset = reader.offset
      if Self.isPadding(bytes.extracting(offset..<bytes.count)) {
        padding = bytes.count - offset
        break
      }
      let event: Event
      if form == .sha1 {
        do { event = try Self.sha1Event(&reader) } catch { throw .wire(error) }
      } else {
        event = try Self.agileEvent(&reader, banks: banks)
      }
      if event.type == .noAction {
        if event.content.starts(with: Self.localitySignature) {
          // TCG_EfiStartupLocalityEvent: the signature and one byte.
          guard !measured, locality == nil, event.content.count == Self.localitySignature.count + 1,
            let level = event.content.last, [0, 3, 4].contains(level)
          else { throw .startupLocality(offset: offset) }
          locality = level
        }
      } else {
        guard event.register < 32 else { throw .register(offset: offset, event.register) }
        if event.register == 0 { measured = true }
      }
      events.append(event)
    }
    self.events = events
    self.padding = padding
    startupLocality = locality ?? 0
  }

  private static let signature = [UInt8]("Spec ID Event03\0".utf8)
  private static let oldSignature = [UInt8]("Spec ID Event0".utf8)
  private static let localitySignature = [UInt8]("StartupLocality\0".utf8)

  /// What is left is all ones or all zeroes: no event starts so, as neither number of digests is one.
  private static func isPadding(_ rest: Span<UInt8>) -> Bool {
    guard rest.count > 0, rest[0] == 0xff || rest[0] == 0 else { return false }
    for index in rest.indices where rest[index] != rest[0] { return false }
    return true
  }

  private static func sha1Event(_ reader: inout ByteReader) throws(WireError) -> Event {
    let offset = reader.offset
    let register = try reader.readLittleEndian(UInt32.self)
    let type = EventType(rawValue: try reader.readLittleEndian(UInt32.self))
    let digest = try reader.readBytes(TPM2.Hash.sha1.size)
    let size = Int(try reader.readLittleEndian(UInt32.self))
    return Event(
      offset: offset, register: register, type: type,
      digests: [Digest(algorithm: TPM2.Hash.sha1.rawValue, bytes: digest)],
      content: try reader.readBytes(size))
  }

  private static func agileEvent(
    _ reader: inout ByteReader, banks: [Bank]
  ) throws(DecodingError) -> Event {
    let offset = reader.offset
    do {
      let register = try reader.readLittleEndian(UInt32.self)
      let type = EventType(rawValue: try reader.readLittleEndian(UInt32.self))
      let count = try reader.readLittleEndian(UInt32.self)
      guard count == UInt32(banks.count) else {
        throw DecodingError.digestCount(offset: offset, expected: banks.count, actual: Int(count))
      }
      var digests: [Digest] = []
      for _ in 0..<count {
        let algorithm = try reader.readLittleEndian(UInt16.self)
        guard let bank = banks.first(where: { $0.algorithm == algorithm }),
          !digests.contains(where: { $0.algorithm == algorithm })
        else { throw DecodingError.digestBank(offset: offset, algorithm) }
        digests.append(Digest(algorithm: algorithm, bytes: try reader.readBytes(bank.size)))
      }
      let size = Int(try reader.readLittleEndian(UInt32.self))
      return Event(
        offset: offset, register: register, type: type, digests: digests,
        content: try reader.readBytes(size))
    } catch let error as WireError {
      throw .wire(error)
    } catch let error as DecodingError {
      throw error
    } catch {
      throw .empty
    }
  }

  /// The banks of TCG_EfiSpecIDEvent: signature 16, platform class u32, version 3, uintn size u8, count u32,
  /// `{algorithm u16, size u16}`, length of the vendor's part u8, that part.
  private static func banks(_ content: [UInt8]) throws(DecodingError) -> [Bank] {
    var banks: [Bank] = []
    do {
      var reader = ByteReader(content.span)
      try reader.skip(24)
      let count = try reader.readLittleEndian(UInt32.self)
      guard (1...UInt32(banksMax)).contains(count) else { throw DecodingError.banks(count: Int(count)) }
      for _ in 0..<count {
        let algorithm = try reader.readLittleEndian(UInt16.self)
        let size = Int(try reader.readLittleEndian(UInt16.self))
        guard !banks.contains(where: { $0.algorithm == algorithm }) else {
          throw DecodingError.duplicateBank(algorithm)
        }
        guard (1...64).contains(size), TPM2.Hash(rawValue: algorithm).map({ $0.size == size }) ?? true else {
          throw DecodingError.bankSize(algorithm: algorithm, size: size)
        }
        banks.append(Bank(algorithm: algorithm, size: size))
      }
      let vendor = Int(try reader.readUInt8())
      guard vendor == reader.remaining else {
        throw DecodingError.specificationLength(expected: reader.offset + vendor, actual: content.count)
      }
    } catch let error as WireError {
      throw .wire(error)
    } catch let error as DecodingError {
      throw error
    } catch {
      throw .empty
    }
    return banks
  }
}

extension TCGEventLog {
  /// Why values are not those that the log leads to.
  public enum ReplayError: Error, Hashable, Sendable {
    /// The log has no digests of this bank, or the hash is not computed here.
    case bank(UInt16)
    /// A register that the log measured into has another value.
    case mismatch(register: UInt32, expected: [UInt8], actual: [UInt8])
    /// No value is given for a register that the log measured into.
    case missing(register: UInt32)
  }

  /// The value of each register that the log measured into, ascending.
  ///
  /// Registers start from zeroes, also 17 to 22, which a dynamic launch resets to zeroes; PCR 0 from its
  /// startup locality in the last byte.
  public func replay(_ hash: TPM2.Hash) throws(ReplayError) -> [(register: UInt32, value: [UInt8])] {
    guard banks.contains(where: { $0.algorithm == hash.rawValue }) else { throw .bank(hash.rawValue) }
    var values: [[UInt8]?] = Array(repeating: nil, count: 32)
    for event in events where event.type != .noAction {
      guard let digest = event.digest(hash) else { throw .bank(hash.rawValue) }
      let register = Int(event.register)
      var value = values[register] ?? [UInt8](repeating: 0, count: hash.size)
      if values[register] == nil, register == 0 { value[hash.size - 1] = startupLocality }
      let joined = value + digest
      guard let next = hash.digest(joined.span) else { throw .bank(hash.rawValue) }
      values[register] = next
    }
    return values.indices.compactMap { index in values[index].map { (UInt32(index), $0) } }
  }

  /// Replays the log and compares each register that it measured into with `values`.
  ///
  /// - Throws: ``ReplayError``. Registers that the log does not know may have any value.
  public func verify(_ hash: TPM2.Hash, values: [TPMStatement.PCR]) throws(ReplayError) {
    for (register, expected) in try replay(hash) {
      guard let actual = values.first(where: { $0.index == register })?.value else {
        throw .missing(register: register)
      }
      guard actual == expected else {
        throw .mismatch(register: register, expected: expected, actual: actual)
      }
    }
  }
}
