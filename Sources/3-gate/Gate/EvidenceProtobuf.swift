public import Attestation
public import Encodings
public import LightClients
public import Messages
import WireBytes

/// Why bytes are no evidence. `depth` counts combinators around the place.
public enum EvidenceProtobufError: Error, Hashable, Sendable {
  case protobuf(ProtobufError)
  case size(max: Int, actual: Int)
  /// A message of a `oneof` without a member, or with several.
  case oneMember
  case tooDeep(max: Int)
  case tooManyParts(max: Int)
  case tooManySignatures(max: Int)
  /// Entries are 64 bytes each, and no more than the maximum.
  case entries(bytes: Int)
  /// The attester's position does not fit 32 bits.
  case attester(UInt64)
  case missing(field: UInt32)
  case header(CometBFT.DecodingError)
  case enclaveKeys(EnclaveFormatError)
  case attestation(AttestationEvidenceError)
  case transition(EnclaveFormatError)
}

/// Evidence in the form in which transactions carry it: `causeway.gate.v1.Evidence`, protobuf.
///
///     Evidence { oneof { Attested attested = 1; Eureka eureka = 2; Header header = 3; Parts parts = 4;
///            Enclave enclave = 5; } }
///     Attested { Height height = 1; uint64 timestamp = 2; oneof { bytes root = 3; bytes entries = 4; }
///                repeated Signature signatures = 5; }
///     Height { uint64 revision = 1; uint64 number = 2; }
///     Signature { uint32 attester = 1; bytes signature = 2; }
///     Eureka { bytes attestation = 1; repeated bytes signatures = 2; }
///     Enclave { bytes transition = 1; bytes signature = 2; Registration registration = 3; }
///     Registration { bytes keys = 1; bytes evidence = 2; }
///     Parts { repeated Part parts = 1; }
///     Part { optional Evidence evidence = 1; }
///
/// `entries` are path hash and commitment of 32 bytes each, side by side. Only canonical protobuf is read.
extension Evidence {
  /// A longer encoding is refused.
  public static let protobufSizeMax = 1 << 20

  /// Decodes untrusted bytes.
  ///
  /// - Throws: ``EvidenceProtobufError``; no input traps.
  public init(protobuf bytes: Span<UInt8>) throws(EvidenceProtobufError) {
    guard bytes.count <= Self.protobufSizeMax else {
      throw .size(max: Self.protobufSizeMax, actual: bytes.count)
    }
    self = try Self.decode(bytes, depth: 1)
  }

  /// - Complexity: the recursion is bounded by ``Policy/depthMax``.
  private static func decode(_ bytes: Span<UInt8>, depth: Int) throws(EvidenceProtobufError) -> Evidence {
    guard depth <= Policy.depthMax else { throw .tooDeep(max: Policy.depthMax) }
    var member: (number: UInt32, range: Range<Int>)?
    do throws(ProtobufError) {
      var reader = ProtobufReader(ProtobufRules(explicit: [1, 2, 3, 4, 5]))
      var count = 0
      while let field = try reader.next(in: bytes) {
        count += 1
        member = count == 1 ? (field.number, try field.message()) : nil
      }
    } catch { throw .protobuf(error) }
    guard let member else { throw .oneMember }
    let inner = bytes.extracting(member.range)
    switch member.number {
    case 1: return .attested(try AttestedEvidence(protobuf: inner))
    case 2: return .eureka(try eureka(inner))
    case 3:
      do { return .cometBFT(CometBFTEvidence(header: try Tendermint.Header(decoding: inner))) } catch {
        throw .header(error)
      }
    case 5: return .enclave(try EnclaveEvidence(protobuf: inner))
    default: return try parts(inner, depth: depth)
    }
  }

  private static func eureka(_ bytes: Span<UInt8>) throws(EvidenceProtobufError) -> EurekaProof {
    var attestation: [UInt8] = []
    var signatures: [[UInt8]] = []
    do throws(ProtobufError) {
      var reader = ProtobufReader(ProtobufRules(singular: [1], repeated: [2]))
      while let field = try reader.next(in: bytes) {
        if field.number == 1 {
          attestation = try field.bytes(in: bytes)
        } else if signatures.count <= EurekaProof.signatureCountMax {
          signatures.append(try field.bytes(in: bytes))
        }
      }
    } catch { throw .protobuf(error) }
    guard signatures.count <= EurekaProof.signatureCountMax else {
      throw .tooManySignatures(max: EurekaProof.signatureCountMax)
    }
    return EurekaProof(attestation: attestation, signatures: signatures)
  }

  private static func parts(_ bytes: Span<UInt8>, depth: Int) throws(EvidenceProtobufError) -> Evidence {
    var ranges: [Range<Int>] = []
    do throws(ProtobufError) {
      var reader = ProtobufReader(ProtobufRules(repeated: [1]))
      while let field = try reader.next(in: bytes) {
        if ranges.count <= Policy.partCountMax { ranges.append(try field.message()) }
      }
    } catch { throw .protobuf(error) }
    guard ranges.count <= Policy.partCountMax else { throw .tooManyParts(max: Policy.partCountMax) }
    var parts: [Evidence?] = []
    for range in ranges {
      let part = bytes.extracting(range)
      var inner: Range<Int>?
      do throws(ProtobufError) {
        var reader = ProtobufReader(ProtobufRules(explicit: [1]))
        while let field = try reader.next(in: part) { inner = try field.message() }
      } catch { throw .protobuf(error) }
      if let inner {
        parts.append(try decode(part.extracting(inner), depth: depth + 1))
      } else {
        parts.append(nil)
      }
    }
    return .parts(parts)
  }

  /// The canonical protobuf. A header's proposer is not part of the evidence, and is written as its set's
  /// first.
  public func protobuf() -> [UInt8] {
    var writer = ProtobufWriter()
    switch self {
    case .attested(let evidence): writer.alwaysBytes(1, evidence.protobuf())
    case .eureka(let proof):
      writer.message(2) { writer in
        writer.bytes(1, proof.attestation)
        for signature in proof.signatures { writer.alwaysBytes(2, signature) }
      }
    case .cometBFT(let evidence): writer.alwaysBytes(3, evidence.header.encoded())
    case .enclave(let evidence): writer.alwaysBytes(5, evidence.protobuf())
    case .parts(let parts):
      writer.message(4) { writer in
        for part in parts {
          writer.message(1) { writer in
            if let part { writer.alwaysBytes(1, part.protobuf()) }
          }
        }
      }
    }
    return writer.bytes
  }
}

extension AttestedEvidence {
  fileprivate init(protobuf bytes: Span<UInt8>) throws(EvidenceProtobufError) {
    var height: Height?
    var timestamp: UInt64 = 0
    var body: AttestedBody?
    var bodies = 0
    var ranges: [Range<Int>] = []
    do throws(ProtobufError) {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2], repeated: [5], explicit: [3, 4]))
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: height = try Self.height(bytes.extracting(try field.message()))
        case 2: timestamp = try field.uint64()
        case 3:
          bodies += 1
          body = .state(root: try field.fixed(in: bytes))
        case 4:
          bodies += 1
          body = Self.entries(bytes.extracting(try field.message())).map { .packets($0) }
        default: if ranges.count <= Self.signatureCountMax { ranges.append(try field.message()) }
        }
      }
    } catch { throw .protobuf(error) }
    guard ranges.count <= Self.signatureCountMax else {
      throw .tooManySignatures(max: Self.signatureCountMax)
    }
    guard let height else { throw .missing(field: 1) }
    guard bodies == 1 else { throw .oneMember }
    guard let body else { throw .entries(bytes: bytes.count) }
    var signatures: [Signature] = []
    for range in ranges { signatures.append(try Self.signature(bytes.extracting(range))) }
    self.init(
      height: height, timestamp: UnixTime(seconds: timestamp), body: body, signatures: signatures)
  }

  private static func height(_ bytes: Span<UInt8>) throws(ProtobufError) -> Height {
    var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
    var (revision, number): (UInt64, UInt64) = (0, 0)
    while let field = try reader.next(in: bytes) {
      if field.number == 1 { revision = try field.uint64() } else { number = try field.uint64() }
    }
    return Height(revision: revision, number)
  }

  /// Nil when the length is no multiple of an entry's, or over the maximum.
  private static func entries(_ bytes: Span<UInt8>) -> [StoredEntry]? {
    guard bytes.count % 64 == 0, bytes.count / 64 <= PacketsClaim.entryCountMax else { return nil }
    var entries: [StoredEntry] = []
    entries.reserveCapacity(bytes.count / 64)
    for start in stride(from: 0, to: bytes.count, by: 64) {
      entries.append(
        StoredEntry(pathHash: Bytes32(bytes, at: start), commitment: Bytes32(bytes, at: start + 32)))
    }
    return entries
  }

  private static func signature(_ bytes: Span<UInt8>) throws(EvidenceProtobufError) -> Signature {
    var attester: UInt64 = 0
    var signature: [UInt8] = []
    do throws(ProtobufError) {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
      while let field = try reader.next(in: bytes) {
        if field.number == 1 { attester = try field.uint64() } else { signature = try field.bytes(in: bytes) }
      }
    } catch { throw .protobuf(error) }
    guard let position = UInt32(exactly: attester) else { throw .attester(attester) }
    return Signature(attester: Int(position), bytes: signature)
  }

  fileprivate func protobuf() -> [UInt8] {
    var writer = ProtobufWriter()
    // Written even when it is 0-0: a statement always has a height.
    writer.message(1) { writer in
      writer.varint(1, height.revision)
      writer.varint(2, height.number)
    }
    writer.varint(2, timestamp.seconds)
    switch body {
    case .state(let root): writer.alwaysBytes(3, root.array)
    case .packets(let entries):
      var bytes: [UInt8] = []
      bytes.reserveCapacity(entries.count * 64)
      for entry in entries {
        bytes.append(entry.pathHash)
        bytes.append(entry.commitment)
      }
      writer.alwaysBytes(4, bytes)
    }
    for signature in signatures {
      writer.message(5) { writer in
        writer.varint(1, UInt64(clamping: signature.attester))
        writer.bytes(2, signature.bytes)
      }
    }
    return writer.bytes
  }
}

extension EnclaveEvidence {
  /// Decodes untrusted bytes.
  ///
  /// - Throws: ``EvidenceProtobufError``.
  init(protobuf bytes: Span<UInt8>) throws(EvidenceProtobufError) {
    var transition: Range<Int>?
    var signature: [UInt8] = []
    var inner: Range<Int>?
    do throws(ProtobufError) {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2], explicit: [3]))
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: transition = try field.message()
        case 2: signature = try field.bytes(in: bytes)
        default: inner = try field.message()
        }
      }
    } catch { throw .protobuf(error) }
    guard let transition else { throw .missing(field: 1) }
    let registration: Registration? =
      if let inner { try Registration(protobuf: bytes.extracting(inner)) } else { nil }
    do {
      self.init(
        registration: registration, transition: try Transition(decoding: bytes.extracting(transition)),
        signature: signature)
    } catch { throw .transition(error) }
  }

  func protobuf() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.alwaysBytes(1, transition.encoded())
    writer.bytes(2, signature)
    if let registration { writer.alwaysBytes(3, registration.protobuf()) }
    return writer.bytes
  }
}

extension EnclaveEvidence.Registration {
  fileprivate init(protobuf bytes: Span<UInt8>) throws(EvidenceProtobufError) {
    var ranges: [Range<Int>?] = [nil, nil]
    do throws(ProtobufError) {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
      while let field = try reader.next(in: bytes) { ranges[Int(field.number) - 1] = try field.message() }
    } catch { throw .protobuf(error) }
    guard let keys = ranges[0] else { throw .missing(field: 1) }
    guard let evidence = ranges[1] else { throw .missing(field: 2) }
    let read: EnclaveKeys
    do { read = try EnclaveKeys(decoding: bytes.extracting(keys)) } catch { throw .enclaveKeys(error) }
    do {
      self.init(keys: read, evidence: try AttestationEvidence(decoding: bytes.extracting(evidence)))
    } catch { throw .attestation(error) }
  }

  fileprivate func protobuf() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.alwaysBytes(1, keys.encoded())
    writer.alwaysBytes(2, evidence.encoded())
    return writer.bytes
  }
}
