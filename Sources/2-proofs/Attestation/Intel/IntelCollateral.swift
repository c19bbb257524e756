public import Encodings
import WireBytes

/// Why a collateral document is not one. `member` is its name in the document.
public enum IntelCollateralError: Error, Hashable, Sendable {
  case json(JSONError)
  case missing(member: String)
  /// Not a string, or over its maximum.
  case member(String)
  /// A member that is not known: a misspelt one would otherwise be left out in silence.
  case unknownMember(String)
  /// Neither hex of DER nor PEM.
  case encoding(member: String)
  /// A signature that is not 64 bytes.
  case signatureSize(member: String, actual: Int)
}

/// A text of Intel's and its signature, unchecked.
public struct IntelSignedText: Hashable, Sendable {
  /// Exactly the bytes that were signed.
  public let text: [UInt8]
  /// `r || s` over SHA-256.
  public let signature: [UInt8]
  /// PEM: the signing certificate first, then its issuers.
  public let issuerChain: [UInt8]

  public init(text: [UInt8], signature: [UInt8], issuerChain: [UInt8]) {
    self.text = text
    self.signature = signature
    self.issuerChain = issuerChain
  }

  /// Reads an answer of Intel's service, `{"tcbInfo": …, "signature": "…"}` or `{"enclaveIdentity": …,
  /// "signature": "…"}`: the signed bytes are those of the member as they stand there, white space and all.
  ///
  /// - Throws: ``IntelCollateralError``.
  public init(
    response: [UInt8], member: String, issuerChain: [UInt8]
  ) throws(IntelCollateralError) {
    let document: JSONValue
    do {
      document = try JSONValue(decoding: response, limits: IntelCollateral.limits)
    } catch { throw .json(error) }
    guard let members = document.object else { throw .member(member) }
    for name in members.keys.sorted() where name != member && name != "signature" {
      throw .unknownMember(name)
    }
    guard let range = JSONMemberText.range(of: member, in: response) else { throw .missing(member: member) }
    guard let digits = document["signature"] else { throw .missing(member: "signature") }
    self.init(
      text: [UInt8](response[range]), signature: try IntelCollateral.signature(digits, "signature"),
      issuerChain: issuerChain)
  }
}

/// Everything besides the quote that its verification needs, as one dated document, unchecked.
///
/// JSON, all members strings: `pck_crl_issuer_chain`, `tcb_info_issuer_chain`, `qe_identity_issuer_chain`
/// (PEM), `root_ca_crl`, `pck_crl` (hex of DER, or PEM, or hex of PEM), `tcb_info`, `qe_identity` (the signed
/// text), `tcb_info_signature`, `qe_identity_signature` (hex of `r || s`), and if the quote has none
/// `pck_certificate_chain` (PEM). It is the form of dcap-qvl and of Phala's and Intel's services behind it.
public struct IntelCollateral: Hashable, Sendable {
  /// Bounds of the document.
  public static let limits = JSONLimits(sizeBytes: 8 << 20, depth: 16)
  static let known: Set<String> = [
    "pck_crl_issuer_chain", "tcb_info_issuer_chain", "qe_identity_issuer_chain", "root_ca_crl", "pck_crl",
    "tcb_info", "qe_identity", "tcb_info_signature", "qe_identity_signature", "pck_certificate_chain",
  ]

  public let tcbInfo: IntelSignedText
  public let quotingEnclaveIdentity: IntelSignedText
  /// DER of the root's list.
  public let rootList: [UInt8]
  /// DER of the list of the authority that issued the PCK.
  public let pckList: [UInt8]
  /// PEM; the list is checked under the authority of the PCK's own chain, this one only supplies
  /// certificates.
  public let pckListIssuerChain: [UInt8]
  /// PEM, the PCK first.
  public let pckChain: [UInt8]?

  public init(
    tcbInfo: IntelSignedText, quotingEnclaveIdentity: IntelSignedText, rootList: [UInt8], pckList: [UInt8],
    pckListIssuerChain: [UInt8], pckChain: [UInt8]?
  ) {
    self.tcbInfo = tcbInfo
    self.quotingEnclaveIdentity = quotingEnclaveIdentity
    self.rootList = rootList
    self.pckList = pckList
    self.pckListIssuerChain = pckListIssuerChain
    self.pckChain = pckChain
  }

  /// What to do with members that are not known.
  public enum UnknownMembers: Hashable, Sendable {
    case refused
    case ignored
  }

  /// Reads the document.
  ///
  /// - Throws: ``IntelCollateralError``; the input is untrusted and no input traps.
  public init(
    decoding document: [UInt8], unknownMembers: UnknownMembers = .refused
  ) throws(IntelCollateralError) {
    let value: JSONValue
    do { value = try JSONValue(decoding: document, limits: Self.limits) } catch { throw .json(error) }
    guard let members = value.object else { throw .member("") }
    if unknownMembers == .refused, let name = members.keys.sorted().first(where: { !Self.known.contains($0) })
    {
      throw .unknownMember(name)
    }
    func text(_ name: String) throws(IntelCollateralError) -> [UInt8] {
      guard let member = members[name] else { throw .missing(member: name) }
      guard let text = member.string else { throw .member(name) }
      return [UInt8](text.utf8)
    }
    func signature(_ name: String) throws(IntelCollateralError) -> [UInt8] {
      guard let member = members[name] else { throw .missing(member: name) }
      return try Self.signature(member, name)
    }
    pckListIssuerChain = try text("pck_crl_issuer_chain")
    rootList = try Self.list(try text("root_ca_crl"), "root_ca_crl")
    pckList = try Self.list(try text("pck_crl"), "pck_crl")
    tcbInfo = IntelSignedText(
      text: try text("tcb_info"), signature: try signature("tcb_info_signature"),
      issuerChain: try text("tcb_info_issuer_chain"))
    quotingEnclaveIdentity = IntelSignedText(
      text: try text("qe_identity"), signature: try signature("qe_identity_signature"),
      issuerChain: try text("qe_identity_issuer_chain"))
    if let chain = members["pck_certificate_chain"], !chain.isNull {
      guard let text = chain.string else { throw .member("pck_certificate_chain") }
      pckChain = [UInt8](text.utf8)
    } else {
      pckChain = nil
    }
  }

  static func signature(_ value: JSONValue, _ name: String) throws(IntelCollateralError) -> [UInt8] {
    guard let digits = value.string else { throw .member(name) }
    guard let bytes = try? Hex.decode(digits) else { throw .encoding(member: name) }
    guard bytes.count == 64 else { throw .signatureSize(member: name, actual: bytes.count) }
    return bytes
  }

  /// DER of a revocation list that comes as hex, PEM or hex of PEM: services of both kinds are in use.
  static func list(_ text: [UInt8], _ name: String) throws(IntelCollateralError) -> [UInt8] {
    if text.first == UInt8(ascii: "-") { return try block(text, name) }
    guard let bytes = try? Hex.decode(String(decoding: text, as: UTF8.self)), let first = bytes.first else {
      throw .encoding(member: name)
    }
    return first == UInt8(ascii: "-") ? try block(bytes, name) : bytes
  }

  private static func block(_ text: [UInt8], _ name: String) throws(IntelCollateralError) -> [UInt8] {
    guard let blocks = try? X509PEM.blocks(text.span, label: "X509 CRL", countMax: 1), let only = blocks.first
    else { throw .encoding(member: name) }
    return only
  }
}

/// Finds the exact bytes of a member in a JSON text that was found to be well formed.
enum JSONMemberText {
  /// Where the value of the top-level member `name` stands; nil when there is none, or its name is written
  /// with escapes.
  static func range(of name: String, in text: [UInt8]) -> Range<Int>? {
    var scanner = Scanner(text: text)
    scanner.skipSpace()
    guard scanner.take(UInt8(ascii: "{")) else { return nil }
    let wanted = [UInt8]("\"\(name)\"".utf8)
    while true {
      scanner.skipSpace()
      guard let key = scanner.value() else { return nil }
      scanner.skipSpace()
      guard scanner.take(UInt8(ascii: ":")) else { return nil }
      scanner.skipSpace()
      guard let value = scanner.value() else { return nil }
      if text[key].elementsEqual(wanted) { return value }
      scanner.skipSpace()
      guard scanner.take(UInt8(ascii: ",")) else { return nil }
    }
  }

  private struct Scanner {
    let text: [UInt8]
    var offset = 0

    init(text: [UInt8]) { self.text = text }

    mutating func skipSpace() {
      while offset < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[offset]) { offset += 1 }
    }

    mutating func take(_ character: UInt8) -> Bool {
      guard offset < text.count, text[offset] == character else { return false }
      offset += 1
      return true
    }

    /// The next value; brackets and strings are followed, the rest ends at a delimiter.
    mutating func value() -> Range<Int>? {
      let start = offset
      var depth = 0
      while offset < text.count {
        switch text[offset] {
        case UInt8(ascii: "\""):
          guard skipString() else { return nil }
          if depth == 0 { return start..<offset }
          continue
        case UInt8(ascii: "{"), UInt8(ascii: "["):
          depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
          guard depth > 0 else { return start == offset ? nil : start..<offset }
          depth -= 1
          if depth == 0 {
            offset += 1
            return start..<offset
          }
        case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x09, 0x0a, 0x0d:
          if depth == 0 { return start == offset ? nil : start..<offset }
        default: break
        }
        offset += 1
      }
      return nil
    }

    private mutating func skipString() -> Bool {
      offset += 1
      while offset < text.count {
        switch text[offset] {
        case UInt8(ascii: "\""):
          offset += 1
          return true
        case UInt8(ascii: "\\"): offset += 2
        default: offset += 1
        }
      }
      return false
    }
  }
}
