import Digests
import Encodings
import SignatureSchemes
public import WireBytes

/// An attestation document of an AWS Nitro enclave: read, and not verified.
///
/// COSE_Sign1 with ES384 over a map. Where AWS's description says that no field is null, every real document has nulls
/// for what is absent; since 2025 the map comes in indefinite length. Both are taken, here and not in our own formats;
/// what was signed is never written again.
/// Source: the attestation process as aws-nitro-enclaves-nsm-api documents it.
public struct NitroDocument: Hashable, Sendable {
  /// Longest document: the Nitro security module's response has 12 KiB at most.
  public static let sizeMax = 16 << 10
  public static let certificateSizeMax = 1024
  public static let bundleCountMax = 8
  public static let publicKeySizeMax = 1024
  /// AWS says 512 in the text and 1024 in the CDDL; the larger is taken.
  public static let userDataSizeMax = 1024
  public static let nonceSizeMax = 1024
  /// ES384 (RFC 9053, table 1).
  static let algorithm: Int64 = -35

  /// A platform configuration register.
  public struct PCR: Hashable, Sendable {
    public let index: Int
    public let value: [UInt8]
  }

  public let moduleID: String
  /// Milliseconds since 1970.
  public let timestampMilliseconds: UInt64
  /// Sorted by index.
  public let pcrs: [PCR]
  /// The leaf, DER.
  public let certificate: [UInt8]
  /// The authorities, root first, DER.
  public let bundle: [[UInt8]]
  public let publicKey: [UInt8]?
  public let userData: [UInt8]?
  public let nonce: [UInt8]?
  /// What was signed, as it came.
  public let payload: [UInt8]
  /// `r || s`.
  public let signature: FixedBytes<96>
  private let message: COSESign1

  /// - Throws: ``NitroRefusal``; the input is untrusted and no input traps.
  public init(decoding bytes: Span<UInt8>) throws(NitroRefusal) {
    let message: COSESign1
    do {
      message = try COSESign1(
        decoding: bytes, rules: CBORRules(.foreign, sizeBytesMax: Self.sizeMax, depthMax: 3, itemsMax: 64),
        tagging: .either)
    } catch { throw .cose(error) }
    guard message.protected == [CBORValue.Entry(.unsigned(1), .integer(Self.algorithm))] else {
      throw .algorithm(message.algorithm)
    }
    guard message.unprotected.isEmpty else { throw .unprotectedHeader(count: message.unprotected.count) }
    guard message.signature.count == 96 else { throw .signatureLength(message.signature.count) }
    guard let payload = message.payload else { throw .cose(.payload) }
    let map: CBORValue
    do {
      map = try CBORValue(
        decoding: payload, rules: CBORRules(.foreign, sizeBytesMax: Self.sizeMax, depthMax: 3, itemsMax: 256))
    } catch { throw .payload(error) }
    let fields = try NitroFields(map)
    moduleID = try fields.text(.moduleID, sizes: 1...256)
    guard try fields.text(.digest, sizes: 0...16) == "SHA384" else { throw .digestName }
    timestampMilliseconds = try fields.positive(.timestamp)
    pcrs = try fields.pcrs()
    certificate = try fields.bytes(.certificate, sizes: 1...Self.certificateSizeMax)
    bundle = try fields.bundle()
    publicKey = try fields.optionalBytes(.publicKey, sizes: 1...Self.publicKeySizeMax)
    userData = try fields.optionalBytes(.userData, sizes: 0...Self.userDataSizeMax)
    nonce = try fields.optionalBytes(.nonce, sizes: 0...Self.nonceSizeMax)
    for index in 0...2 where !pcrs.contains(where: { $0.index == index }) { throw .pcrAbsent(index: index) }
    self.payload = payload
    signature = FixedBytes<96>(message.signature.span, at: 0)
    self.message = message
  }

  public init(decoding bytes: [UInt8]) throws(NitroRefusal) { try self.init(decoding: bytes.span) }

  /// Names the document in replay checks: SHA-256 of the payload. The whole document will not do, because of a signature
  /// `(r, s)` the twin `(r, n - s)` verifies too, and the tag and the lengths around the payload have several forms.
  public var identity: Bytes32 { SHA256Hash.hash(payload) }

  /// Register `index`.
  public func pcr(_ index: Int) -> [UInt8]? { pcrs.first { $0.index == index }?.value }

  /// Whether the enclave ran in debug mode: one of PCR0, PCR1 and PCR2 is all zero.
  public var isDebug: Bool { pcrs.contains { $0.index <= 2 && $0.value.allSatisfy { $0 == 0 } } }

  /// Whole seconds of the timestamp.
  public var issued: Int64 { Int64(timestampMilliseconds / 1000) }

  /// Checks chain, signature, and that the document was made while its certificate was in force.
  ///
  /// - Parameter time: when the chain must be valid, in UNIX seconds.
  /// - Throws: ``NitroRefusal``.
  public func verified(at time: Int64, roots: X509Roots) throws(NitroRefusal) -> VerifiedNitroDocument {
    var path: [X509Certificate] = []
    for (index, der) in ([certificate] + bundle.reversed()).enumerated() {
      do { path.append(try X509Certificate(decoding: der)) } catch {
        throw .certificate(index: index, error)
      }
    }
    let chain: VerifiedX509Chain
    do {
      chain = try X509Chain.verify(
        path, roots: roots, at: time, rules: X509ChainRules(lengthMax: Self.bundleCountMax + 1))
    } catch { throw .chain(error) }
    guard case .p384(let key) = chain.leaf.publicKey else { throw .leafKey }
    let signed: [UInt8]
    do { signed = try message.signedBytes() } catch { throw .cose(error) }
    do { try ECDSAP384.verify(signed.span, signature: signature.span, key: key) } catch {
      throw .signature(error)
    }
    try checkTimestamp(leaf: chain.leaf)
    return VerifiedNitroDocument(document: self, chain: chain)
  }

  /// The certificate's window and the document's time are two things: a good chain does not make a document fresh.
  private func checkTimestamp(leaf: X509Certificate) throws(NitroRefusal) {
    let made = Int64(clamping: timestampMilliseconds)
    let start = leaf.notBefore.multipliedReportingOverflow(by: 1000).partialValue
    // The last second counts whole.
    let end = leaf.notAfter.multipliedReportingOverflow(by: 1000).partialValue + 999
    guard made >= start else { throw .timestampBeforeCertificate(milliseconds: UInt64(start - made)) }
    guard made <= end else { throw .timestampAfterCertificate(milliseconds: UInt64(made - end)) }
  }
}

/// A document whose chain, signature and time were checked.
public struct VerifiedNitroDocument: Hashable, Sendable {
  public let document: NitroDocument
  public let chain: VerifiedX509Chain

  fileprivate init(document: NitroDocument, chain: VerifiedX509Chain) {
    self.document = document
    self.chain = chain
  }
}

/// The members of the payload, each at most once and none unknown; null stands for absent.
private struct NitroFields {
  typealias Field = NitroRefusal.Field
  private var values: [Field: CBORValue] = [:]

  init(_ map: CBORValue) throws(NitroRefusal) {
    guard let entries = map.entries else { throw .notMap }
    for (index, entry) in entries.enumerated() {
      guard let name = entry.key.text, let field = Field(rawValue: name) else {
        throw .unknownField(index: index)
      }
      if entry.value != .null { values[field] = entry.value }
    }
  }

  private func value(_ field: Field) throws(NitroRefusal) -> CBORValue {
    guard let value = values[field] else { throw .missing(field) }
    return value
  }

  private static func check(_ field: Field, _ count: Int, _ sizes: ClosedRange<Int>) throws(NitroRefusal) {
    guard sizes.contains(count) else {
      throw .length(field, least: sizes.lowerBound, most: sizes.upperBound, actual: count)
    }
  }

  func text(_ field: Field, sizes: ClosedRange<Int>) throws(NitroRefusal) -> String {
    guard let text = try value(field).text else { throw .type(field) }
    try Self.check(field, text.utf8.count, sizes)
    return text
  }

  func positive(_ field: Field) throws(NitroRefusal) -> UInt64 {
    // A time past 9999 in milliseconds is none, and keeps arithmetic on it far from overflow.
    guard let number = try value(field).unsigned, number > 0, number < 253_402_300_800_000 else {
      throw .type(field)
    }
    return number
  }

  func bytes(_ field: Field, sizes: ClosedRange<Int>) throws(NitroRefusal) -> [UInt8] {
    guard let bytes = try value(field).bytes else { throw .type(field) }
    try Self.check(field, bytes.count, sizes)
    return bytes
  }

  func optionalBytes(_ field: Field, sizes: ClosedRange<Int>) throws(NitroRefusal) -> [UInt8]? {
    values[field] == nil ? nil : try bytes(field, sizes: sizes)
  }

  func bundle() throws(NitroRefusal) -> [[UInt8]] {
    guard let list = try value(.cabundle).array else { throw .type(.cabundle) }
    try Self.check(.cabundle, list.count, 1...NitroDocument.bundleCountMax)
    return try list.map { (element: CBORValue) throws(NitroRefusal) -> [UInt8] in
      guard let bytes = element.bytes else { throw .type(.cabundle) }
      try Self.check(.cabundle, bytes.count, 1...NitroDocument.certificateSizeMax)
      return bytes
    }
  }

  func pcrs() throws(NitroRefusal) -> [NitroDocument.PCR] {
    guard let entries = try value(.pcrs).entries else { throw .type(.pcrs) }
    try Self.check(.pcrs, entries.count, 1...32)
    var list: [NitroDocument.PCR] = []
    for entry in entries {
      guard let number = entry.key.unsigned, number < 32 else { throw .pcrIndex }
      guard let value = entry.value.bytes else { throw .type(.pcrs) }
      guard [32, 48, 64].contains(value.count) else {
        throw .pcrLength(index: Int(number), actual: value.count)
      }
      list.append(NitroDocument.PCR(index: Int(number), value: value))
    }
    return list.sorted { $0.index < $1.index }
  }
}
