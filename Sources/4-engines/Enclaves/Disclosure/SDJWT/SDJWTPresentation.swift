import Encodings
import Messages
import WireBytes

/// Why nothing is presented.
public enum PresentationError: Error, Hashable, Sendable {
  /// What the issuer gave does not resolve.
  case issued(SDJWTError)
  /// What the issuer gives has no key binding; this has one.
  case alreadyBound
  /// No disclosure is for this claim.
  case noDisclosure(path: String)
  case token(CompactSignatureError)
}

/// What a holder is about to show: some of its disclosures, and what to sign where a verifier asks for the holder's key.
public struct SDJWTPresentation: Hashable, Sendable {
  private let issued: UncheckedToken
  /// Chosen ones and those that they stand in, in the issuer's order.
  public let disclosures: [SDJWTDisclosure]
  private let hash: SDJWTHash

  /// Chooses what to show by JSON pointers into the whole payload, for instance `/address/region` or `/nationalities/0`.
  ///
  /// A disclosure that stands within another one takes that one along.
  ///
  /// - Throws: ``PresentationError``.
  public init(of whole: SDJWT, showing paths: Set<String>) throws(PresentationError) {
    guard whole.keyBinding == nil else { throw .alreadyBound }
    let resolved: DisclosedPayload
    do {
      hash = try whole.hash()
      resolved = try DisclosedPayload.resolve(whole.issued.payload, whole.disclosures, hash)
    } catch { throw .issued(error) }
    var chosen = Array(repeating: false, count: whole.disclosures.count)
    for path in paths.sorted() {
      guard var place = resolved.paths.firstIndex(of: path) else { throw .noDisclosure(path: path) }
      chosen[place] = true
      while let parent = resolved.parents[place] {
        chosen[parent] = true
        place = parent
      }
    }
    issued = whole.issued
    disclosures = whole.disclosures.indices.filter { chosen[$0] }.map { whole.disclosures[$0] }
  }

  /// Without key binding.
  public var unbound: SDJWT { SDJWT(issued: issued, disclosures: disclosures, keyBinding: nil) }

  /// With a key binding token for one verifier.
  ///
  /// - Parameters:
  ///   - algorithm: of the key that the issuer named in `cnf`.
  ///   - sign: signs the bytes it is given, as the algorithm does, into `r ‖ s` or the 64 bytes of Ed25519.
  /// - Throws: what `sign` throws.
  public func bound<Failure: Error>(
    nonce: String, audience: String, issuedAt seconds: UInt64, algorithm: TokenAlgorithm,
    sign: ([UInt8]) throws(Failure) -> [UInt8]
  ) throws(Failure) -> SDJWT {
    let payload: [String: JSONValue] = [
      "nonce": .string(nonce), "aud": .string(audience), "iat": .number(String(seconds)),
      "sd_hash": .string(hash.digest(unbound.boundText)),
    ]
    let draft = TokenDraft(
      header: ["alg": .string(algorithm.rawValue), "typ": "kb+jwt"], payload: payload)
    let token = draft.token(signature: try sign(draft.signingInput))
    return SDJWT(issued: issued, disclosures: disclosures, keyBinding: token)
  }
}

/// A token before its signature.
struct TokenDraft {
  let header: [String: JSONValue]
  let payload: [String: JSONValue]
  private let text: String

  init(header: [String: JSONValue], payload: [String: JSONValue]) {
    self.header = header
    self.payload = payload
    let parts = [header, payload].map {
      Base64.url.encode([UInt8](JSONValue.object($0).text().utf8).span)
    }
    text = parts[0] + "." + parts[1]
  }

  var signingInput: [UInt8] { [UInt8](text.utf8) }

  func token(signature: [UInt8]) -> UncheckedToken {
    UncheckedToken(
      text: text + "." + Base64.url.encode(signature.span), header: header, payload: payload,
      signingInput: signingInput, signature: signature)
  }
}
